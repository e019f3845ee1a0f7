"""Keeps what radiologists' reports that come by FHIR are checked by, beside their studies, and lets these be judged again.

A report may come before its study, and waits for it; one that comes after it makes it be judged again, as a late instance does.
What a person has decided, or reads now, stands: a report's form is no reason to ask again, nor to interrupt a reader.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.report_form import ReportForm
from serving import audit, reviews
from serving.closing import ARRIVING, CLOSED
from serving.database.sessions import Database
from serving.database.tables import RadiologyReport, StudyRow, VerdictRow
from serving.fhir_report import SentReport
from serving.outcome import SCORED
from serving.verdicts import FINAL

MOST_OF_STUDY = 100  # reports that are looked at, the newest
# from the close of a study to the next look at it: doubled with each, so that a report that changes for ever costs little
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=1)
_MOST_DOUBLINGS = 11
_UNIQUE = ("hospital_id", "key", "study_uid")

What = Literal["new", "changed", "same", "taken back", "unknown"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report: its number where it is kept, and which of its studies are here."""

    what: What
    number: int | None
    studies: tuple[int, ...]


def take(database: Database, hospital_id: str, sent: SentReport, actor: str, settle: timedelta) -> Taken:
    """Keeps a report, or takes it back; the same one again changes nothing. Its studies are looked at once they `settle`,
    or later where they were often looked at before.
    """
    now = database.now()
    with database.writing() as session:
        of_report = (RadiologyReport.hospital_id == hospital_id, RadiologyReport.key == sent.key)
        named = session.scalars(select(RadiologyReport.study_uid).where(*of_report)).all()
        studies = _held(session, hospital_id, {*named, *sent.study_uids})
        wanted = sent.study_uids if sent.form is not None else ()
        form = _adapter().dump_python(sent.form, mode="json") if sent.form is not None else {}
        changed: set[str] = set()
        for uid in sorted(wanted):
            values = {"hospital_id": hospital_id, "key": sent.key, "study_uid": uid, "form": form, "received_at": now}
            if session.scalar(database.insert_once(RadiologyReport, values, _UNIQUE)) is not None:
                changed.add(uid)
        rows = session.scalars(select(RadiologyReport).where(*of_report).order_by(RadiologyReport.id).with_for_update())
        kept: list[int] = []
        for row in rows.all():
            if row.study_uid not in wanted:
                session.delete(row)
                changed.add(row.study_uid)
                continue
            kept.append(row.id)
            if row.form != form:
                row.form, row.received_at = form, now
                changed.add(row.study_uid)
        what = _what(sent, is_new=not named, changed=bool(changed))
        here = tuple(sorted(studies[uid].id for uid in sent.study_uids if uid in studies))
        if changed:
            for uid in sorted(changed & studies.keys()):
                _judge_again(session, studies[uid], now, settle)
            detail = {"hospital": hospital_id, "studies": sorted(studies[uid].id for uid in changed & studies.keys())}
            subject = f"study:{here[0]}" if here else f"hospital:{hospital_id}"
            audit.append(session, actor, f"report {what}", subject, detail, at=now)
        return Taken(what, min(kept, default=None), here)


def of_study(session: Session, study: StudyRow) -> tuple[ReportForm, ...]:
    """The reports of a study, in the order of their arrival."""
    query = select(RadiologyReport.form).where(
        RadiologyReport.hospital_id == study.hospital_id, RadiologyReport.study_uid == study.uid
    )
    newest = session.scalars(query.order_by(RadiologyReport.id.desc()).limit(MOST_OF_STUDY)).all()
    return tuple(_adapter().validate_python(form) for form in reversed(newest))


def _what(sent: SentReport, *, is_new: bool, changed: bool) -> What:
    if sent.form is None:
        return "taken back" if changed else "unknown"
    if not changed:
        return "same"
    return "new" if is_new else "changed"


def _held(session: Session, hospital_id: str, uids: set[str]) -> dict[str, StudyRow]:
    """The studies of a hospital that are here, held until the transaction ends: one that is about to be closed waits for it."""
    query = select(StudyRow).where(StudyRow.hospital_id == hospital_id, StudyRow.uid.in_(uids)).order_by(StudyRow.id)
    rows = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {row.uid: row for row in rows}


def _judge_again(session: Session, study: StudyRow, now: datetime, settle: timedelta) -> None:
    """Opens a study that is closed, unless a person decided or reads.

    One whose images were deleted cannot be judged again, and one that arrives will be anyway.
    """
    verdict = session.get(VerdictRow, study.verdict_id) if study.verdict_id is not None else None
    theirs = verdict is not None and (verdict.kind == FINAL or reviews.has_reader(session, verdict.id, now))
    if study.num_instances and (study.state == CLOSED or (study.state == SCORED and not theirs)):
        study.state, study.close_at = ARRIVING, max(now + settle, _rested(study))


def _rested(study: StudyRow) -> datetime:
    """When a study may be judged again for a report alone; images are never waited with."""
    wait = _SHORTEST * (1 << min(study.generation - 1, _MOST_DOUBLINGS))
    return (study.closed_at or study.last_instance_at) + min(wait, _LONGEST)


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(ReportForm)
