"""The recognition pool: examinations that other hospitals may accept, and what their doctors answered.

An entry is made for each exam item that passed, and holds until its window ends. Entries are not deleted: a later verdict
supersedes or withdraws them.
"""

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.policy import Policy
from qc_models.report import QcReport
from serving import audit
from serving.database.tables import PoolEntry, Recognition, StudyRow, VerdictRow

ACTIVE, SUPERSEDED, WITHDRAWN = "active", "superseded", "withdrawn"
OTHER = "other"  # the reason that must be written down


def person_key(secret: str) -> bytes:
    """The key of `person_digest`, of the service's secret: the same in every process, and of no other use."""
    return hmac.new(secret.encode(), b"person", hashlib.sha256).digest()


def person_digest(key: bytes, name: str, birth_date: date | None, sex: str) -> str:
    """A keyed digest by which one person is found under ids of several hospitals; empty where a part is not known.

    Of a DICOM person name its ideographic group counts where it has one, else the alphabetic; case, width and blanks do not.
    """
    groups = name.split("=")
    written = next((group for group in (*groups[1:2], *groups[:1]) if group.strip(" ^")), "")
    plain = "".join(unicodedata.normalize("NFKC", written).casefold().replace("^", " ").split())
    if not plain or birth_date is None or sex.strip().upper() not in ("M", "F", "O"):
        return ""
    said = "\n".join((plain, birth_date.isoformat(), sex.strip().upper()))
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


def offer(
    session: Session, study: StudyRow, verdict: VerdictRow, report: QcReport, person: str, now: datetime
) -> list[PoolEntry]:
    """Brings the pool to what a study's current verdict says, and returns the new entries; the caller holds the study's row.

    Nothing is offered where the day of the examination is unknown, since no window can be told, nor what has no images any more.
    """
    passed = [item["id"] for item in verdict.items if item["verdict"] == "pass"]
    days = {item["item"]: item["valid_days"] for item in report.content["items"]}
    told = report.content["facts"]["study_date"]
    examined_on = study.study_date or (date.fromisoformat(told) if told else None)
    for entry in _active(session, study.id):
        if entry.verdict_id == verdict.id:
            continue
        entry.changed_at = now
        if entry.item_id in passed:
            entry.state, entry.state_reason = SUPERSEDED, f"by verdict {verdict.id}"
        else:
            entry.state, entry.state_reason = WITHDRAWN, f"verdict {verdict.id} says {verdict.verdict}"
            _tell(session, "service", "pool entry withdrawn", entry, now)
    if examined_on is None or not study.num_instances:  # undated, or its images were deleted
        return []
    entries = [
        PoolEntry(
            study_id=study.id,
            verdict_id=verdict.id,
            item_id=item_id,
            hospital_id=study.hospital_id,
            patient_issuer=study.patient_issuer,
            patient_id=study.patient_id,
            person_digest=person,
            examined_on=examined_on,
            valid_until=examined_on + timedelta(days=days[item_id]),
            state=ACTIVE,
            created_at=now,
            changed_at=now,
        )
        for item_id in dict.fromkeys(passed)
    ]
    session.add_all(entries)
    session.flush()
    for entry in entries:
        _tell(session, "service", "pool entry made", entry, now)
    return entries


def withdraw(session: Session, study_id: int, reason: str, actor: str, now: datetime) -> list[PoolEntry]:
    """Takes every active entry of a study out of the pool; the caller holds the study's row."""
    entries = _active(session, study_id)
    for entry in entries:
        entry.state, entry.state_reason, entry.changed_at = WITHDRAWN, reason[:500], now
        _tell(session, actor, "pool entry withdrawn", entry, now)
    return entries


def answer(
    session: Session,
    entry_id: int,
    hospital_id: str,
    account_id: int | None,
    policy: Policy,
    now: datetime,
    *,
    accepted: bool,
    reason: str = "",
    comment: str = "",
    actor: str | None = None,
) -> Recognition:
    """Keeps a doctor's answer, once for each person and entry; InputError where it cannot be.

    That is an unknown entry, an acceptance of what is not in the pool any more, a refusal without one of the policy's reasons, or
    `other` alone. `actor` is what the audit chain calls a program that has no account.
    """
    actor = actor or f"account:{account_id}"
    entry = session.get(PoolEntry, entry_id, with_for_update=True, populate_existing=True)
    if entry is None:
        raise InputError("there is no such entry in the pool; look it up again")
    if accepted and (entry.state != ACTIVE or entry.valid_until < now.astimezone().date()):
        raise InputError("the examination is not in the pool any more; look it up again")
    if accepted and reason:
        raise InputError("an acceptance has no reason; leave it out, or refuse")
    if not accepted and reason not in policy.refusal_reasons:
        raise InputError(f"a refusal needs one of the reasons {', '.join(policy.refusal_reasons)}")
    if reason == OTHER and not comment.strip():
        raise InputError("the reason `other` must be written down; add a comment")
    known = _answered(session, entry_id, hospital_id, account_id)
    if known is not None and (known.accepted, known.reason) == (accepted, reason):
        return known  # said twice, as by a second click
    row = Recognition(
        entry_id=entry_id,
        hospital_id=hospital_id,
        account_id=account_id,
        accepted=accepted,
        reason=reason,
        comment=comment.strip()[:2000],
        created_at=now,
    )
    session.add(row)
    session.flush()
    said: dict[str, Any] = {"recognition": row.id, "hospital": hospital_id, "accepted": accepted, "reason": reason}
    audit.append(session, actor, "recognition", f"pool:{entry_id}", said, at=now)
    return row


def _answered(session: Session, entry_id: int, hospital_id: str, account_id: int | None) -> Recognition | None:
    """The last answer of a person about an entry; a program answers for many, and none is its last."""
    if account_id is None:
        return None
    query = select(Recognition).where(
        Recognition.entry_id == entry_id,
        Recognition.hospital_id == hospital_id,
        Recognition.account_id == account_id,
    )
    return session.scalar(query.order_by(Recognition.id.desc()).limit(1))


@dataclass(frozen=True, slots=True)
class Answers:
    """How often examinations of a hospital and an item were accepted, so not repeated, or refused for a reason."""

    producer: str
    item_id: str
    accepted: bool
    reason: str
    times: int


def answers(session: Session, since: datetime, until: datetime, producer: str | None = None) -> list[Answers]:
    """Counts of doctors' answers, by producing hospital, exam item and reason; of one producer, or of all."""
    own = true() if producer is None else PoolEntry.hospital_id == producer
    columns = (PoolEntry.hospital_id, PoolEntry.item_id, Recognition.accepted, Recognition.reason)
    rows = session.execute(
        select(*columns, func.count())
        .join(PoolEntry, PoolEntry.id == Recognition.entry_id)
        .where(Recognition.created_at >= since, Recognition.created_at < until, own)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Answers(*row) for row in rows]


def _active(session: Session, study_id: int) -> list[PoolEntry]:
    query = select(PoolEntry).where(PoolEntry.study_id == study_id, PoolEntry.state == ACTIVE)
    return list(session.scalars(query.order_by(PoolEntry.id)))


def _tell(session: Session, actor: str, action: str, entry: PoolEntry, now: datetime) -> None:
    detail = {"entry": entry.id, "item": entry.item_id, "verdict": entry.verdict_id, "reason": entry.state_reason}
    audit.append(session, actor, action, f"study:{entry.study_id}", detail, at=now)
