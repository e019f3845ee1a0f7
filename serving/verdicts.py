"""What was said of a study: verdicts with their reports, of which one is current, and the others are history.

A verdict belongs to a generation of its study, so to the instances that were there when it closed. A first look is a warning while
images still come, and never current; a reviewer's final verdict stands before the machine's of the same generation.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.policy import Policy
from qc_models.report import QcReport
from qc_models.stored_report import extract_form, stored_of, write_extract
from qc_models.vocabulary import Verdict
from serving import audit
from serving.database.tables import ReportRow, StudyRow, VerdictRow

FIRST_LOOK: Literal["first_look"] = "first_look"
FULL: Literal["full"] = "full"
FINAL: Literal["final"] = "final"
_RANKS: Mapping[str, int] = {FULL: 1, FINAL: 2}
_MOST_REASONS = 20

log = structlog.get_logger(__name__)


def record(
    session: Session,
    study: StudyRow,
    generation: int,
    kind: Literal["first_look", "full"],
    report: QcReport,
    now: datetime,
    *,
    seconds: float = 0.0,
    marks: Mapping[str, str] | None = None,
) -> VerdictRow | None:
    """Records what the machine says of a generation; None where the same versions said it before.

    `marks` are circumstances that belong to the versions, such as a hospital's suspension. The caller holds the study's row.
    """
    content = report.content
    digests = content["digests"]
    versions = {
        "code": digests["code"],
        "models": dict(content["models"]),
        "catalogue": digests["catalogue"],
        "policy": digests["policy"],
        **(marks or {}),
    }
    items = [
        {"id": item["item"], "verdict": item["verdict"], "total": item["score"], "grade": item["grade"]}
        for item in content["items"]
    ]
    row = VerdictRow(
        study_id=study.id,
        generation=generation,
        kind=kind,
        verdict=report.verdict,
        total=content["score"],
        grade=content["grade"],
        items=items,
        reasons=reasons_of(report),
        versions=versions,
        versions_digest=digest_of(versions),
        as_of=date.fromisoformat(content["as_of"]),
        created_at=now,
        seconds=seconds,
    )
    if not _added(session, study, row, "service"):
        return None
    session.add(ReportRow(verdict_id=row.id, **stored_report(report)))
    return row


def stored_report(report: QcReport) -> dict[str, Any]:
    """The columns of a report, whole and as extract; one that a replay cannot read, for half a character in it, has none."""
    text = report.to_json().encode("utf-8", "backslashreplace")
    columns: dict[str, Any] = {"content": zlib.compress(text)}
    try:
        return columns | {
            "extract": zlib.compress(write_extract(stored_of(report.content))),
            "extract_form": extract_form(),
        }
    except ValueError as error:
        log.warning("no extract of a report", reason=type(error).__name__)
        return columns


def record_final(
    session: Session,
    study: StudyRow,
    base: VerdictRow,
    verdict: Literal["pass", "reject"],
    policy: Policy,
    review_id: int,
    actor: str,
    now: datetime,
) -> VerdictRow | None:
    """Records what a person decided in a review of `base`; None where that review was recorded before.

    It holds for every exam item of the study. Its report stays the one of `base`. The caller holds the study's row.
    """
    items = [{**item, "verdict": verdict, "grade": _grade(verdict, item["total"], policy)} for item in base.items]
    versions = {**base.versions, "review": str(review_id)}
    row = VerdictRow(
        study_id=study.id,
        generation=base.generation,
        kind=FINAL,
        verdict=verdict,
        total=base.total,
        grade=_grade(verdict, base.total, policy),
        items=items,
        reasons=list(base.reasons),
        versions=versions,
        versions_digest=digest_of(versions),
        as_of=base.as_of,
        created_at=now,
    )
    return row if _added(session, study, row, actor) else None


def make_current(session: Session, study: StudyRow, row: VerdictRow) -> bool:
    """Makes a verdict the study's current one, unless that one stands before it; whether it is now."""
    current = session.get(VerdictRow, study.verdict_id) if study.verdict_id is not None else None
    if not stands_before(row, current):
        return False
    study.verdict_id = row.id
    return True


def stands_before(row: VerdictRow, current: VerdictRow | None) -> bool:
    """Whether a new verdict replaces the current one: a later generation always, else a person's before the machine's."""
    if row.kind not in _RANKS:
        return False
    return current is None or (row.generation, _RANKS[row.kind]) >= (current.generation, _RANKS[current.kind])


def replaced_by(session: Session, row: VerdictRow) -> VerdictRow | None:
    """The verdict that stood before this one, and that it replaces; None of a first look, and where it is the first."""
    return next(reversed(stood_before(session, row)), None)


def stood_before(session: Session, row: VerdictRow) -> Sequence[VerdictRow]:
    """The verdicts that were current before this one, oldest first, each replaced by the next; none of a first look."""
    if row.kind not in _RANKS:
        return ()
    older = select(VerdictRow).where(VerdictRow.study_id == row.study_id, VerdictRow.id < row.id)
    stood: list[VerdictRow] = []
    for one in session.scalars(older.order_by(VerdictRow.id)):
        if stands_before(one, stood[-1] if stood else None):
            stood.append(one)
    return stood


def history(session: Session, study_id: int) -> Sequence[VerdictRow]:
    """All that was said of a study, newest first."""
    return session.scalars(
        select(VerdictRow)
        .where(VerdictRow.study_id == study_id)
        .order_by(VerdictRow.created_at.desc(), VerdictRow.id.desc())
    ).all()


def report_of(session: Session, verdict: VerdictRow) -> QcReport | None:
    """The report that a verdict rests on: its own, or of a final verdict the machine's of its generation; None after a purge."""
    row = session.get(ReportRow, verdict.id)
    if row is None and verdict.kind == FINAL:
        row = session.scalar(
            select(ReportRow)
            .join(VerdictRow, VerdictRow.id == ReportRow.verdict_id)
            .where(
                VerdictRow.study_id == verdict.study_id,
                VerdictRow.generation == verdict.generation,
                VerdictRow.kind == FULL,
            )
            .order_by(VerdictRow.created_at.desc(), VerdictRow.id.desc())
            .limit(1)
        )
    return QcReport.from_json(zlib.decompress(row.content).decode("utf-8")) if row is not None else None


def reasons_of(report: QcReport) -> list[str]:
    """The metrics of the findings that decided, worst first, and the checks that failed."""
    found = [finding["metric"] for finding in report.findings if finding["level"] != "note"]
    failed = [failure["check"] for failure in report.content["failures"]]
    return list(dict.fromkeys([*found, *failed]))[:_MOST_REASONS]


def digest_of(versions: Mapping[str, Any]) -> str:
    """SHA-256 over what a verdict was made by."""
    return hashlib.sha256(json.dumps(versions, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _grade(verdict: Verdict, total: float | None, policy: Policy) -> str:
    return "D" if verdict == "reject" or total is None else policy.grade(total)


def _added(session: Session, study: StudyRow, row: VerdictRow, actor: str) -> bool:
    known = session.scalar(
        select(VerdictRow.id).where(
            VerdictRow.study_id == row.study_id,
            VerdictRow.generation == row.generation,
            VerdictRow.kind == row.kind,
            VerdictRow.versions_digest == row.versions_digest,
        )
    )
    if known is not None:
        return False
    session.add(row)
    session.flush()
    detail = {"verdict": row.id, "kind": row.kind, "generation": row.generation, "says": row.verdict}
    audit.append(session, actor, audit.VERDICT, f"study:{study.id}", detail, at=row.created_at)
    return True
