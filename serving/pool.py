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

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, aliased

from qc_models.errors import ConfigError, InputError
from qc_models.policy import Acceptance, Policy
from qc_models.report import QcReport
from serving import audit
from serving.closing import ARRIVING
from serving.database.tables import DeviceStanding, Hospital, PoolEntry, Recognition, StudyRow, VerdictRow
from serving.standing import why_suspended

SCORED = "scored"  # state of a study that rests on its current verdict
ACTIVE, SUPERSEDED, WITHDRAWN = "active", "superseded", "withdrawn"
OTHER = "other"  # the reason that must be written down
_MOST_NAMED = 500  # devices in one query; of a study that claims more, the whole hospital's are looked at


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


@dataclass(frozen=True, slots=True)
class Offered:
    """An entry with all that its worth hangs on.

    `devices` are those of its study of which something is known; `listed` where the policy's own list suspends one of them, or who
    made the study.
    """

    entry: PoolEntry
    study: StudyRow
    producer: Hospital
    devices: tuple[DeviceStanding, ...]
    listed: bool

    def why_not(self, on: date, acceptance: Acceptance = "always") -> tuple[str, ...]:
        """Why nobody may rely on it on a day, in words of `pool_lookup.REASONS`; nothing where one may.

        Every way to rely on an examination asks this: what is found, what is accepted, what is signed, what a study's state tells.
        """
        entry, study = self.entry, self.study
        rests = study.state == SCORED and study.verdict_id == entry.verdict_id
        held = {
            "expired": entry.valid_until < on,
            "not_yet": entry.examined_on > on,
            "superseded": entry.state == SUPERSEDED,
            "withdrawn": entry.state == WITHDRAWN or study.withdrawn_at is not None,
            "arriving": entry.state == ACTIVE and not rests and study.state == ARRIVING,
            "not_judged": entry.state == ACTIVE and not rests and study.state != ARRIVING,
            "suspended": self._is_suspended(on),
            "out_of_scope": acceptance == "never",
        }
        return tuple(reason for reason, holds in held.items() if holds)

    def _is_suspended(self, on: date) -> bool:
        if self.listed or why_suspended(self.producer, on):
            return True
        return any(why_suspended(device, on) for device in self.devices)


def offered(session: Session, policy: Policy, *where: ColumnElement[bool], newest: int | None = None) -> list[Offered]:
    """Entries with what their worth hangs on, as they are in the database now; `newest` so many by their examination's day."""
    query = (
        select(PoolEntry, StudyRow, Hospital)
        .join(StudyRow, StudyRow.id == PoolEntry.study_id)
        .join(Hospital, Hospital.id == PoolEntry.hospital_id)
        .where(*where)
        .order_by(PoolEntry.id if newest is None else PoolEntry.examined_on.desc())
        .limit(newest)
    )
    rows = session.execute(query.execution_options(populate_existing=True)).all()
    named = {entry.id: {(entry.hospital_id, device) for device in entry.devices or ()} for entry, _, _ in rows}
    known = _standings(session, set().union(*named.values()))
    return [
        Offered(
            entry,
            study,
            producer,
            tuple(known[key] for key in sorted(named[entry.id] & known.keys())),
            policy.standing_of(tuple(entry.devices or ()), _makers(entry, producer)) is not None,
        )
        for entry, study, producer in rows
    ]


def _makers(entry: PoolEntry, producer: Hospital) -> tuple[str, ...]:
    """The names of who made an entry's study; where its images name nobody, and of entries of before, its hospital's."""
    return tuple(entry.institutions or (producer.name,))


def _standings(session: Session, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], DeviceStanding]:
    """What is known of devices, by hospital and device."""
    if not wanted:
        return {}
    query = select(DeviceStanding).where(DeviceStanding.hospital_id.in_({hospital for hospital, _ in wanted}))
    if len(wanted) <= _MOST_NAMED:
        query = query.where(DeviceStanding.device.in_({device for _, device in wanted}))
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {(row.hospital_id, row.device): row for row in rows}


def acceptance_of(producer: Hospital, consumer: Hospital, policy: Policy) -> Acceptance:
    """Whether a hospital accepts another's examinations; its own always, and none of a level that the policy does not know."""
    if producer.id == consumer.id:
        return "always"
    try:
        return policy.acceptance(producer.level, consumer.level, producer.alliances, consumer.alliances)
    except ConfigError:
        return "never"


def offer(
    session: Session, study: StudyRow, verdict: VerdictRow, report: QcReport, person: str, now: datetime
) -> list[PoolEntry]:
    """Brings the pool to what a study's current verdict says, and returns the new entries; the caller holds the study's row.

    Nothing is offered where the day of the examination is unknown, since no window can be told, nor what has no images any more or
    was withdrawn by a lead.
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
    if examined_on is None or not study.num_instances or study.withdrawn_at is not None:
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
            devices=_all_of(report, "device"),
            institutions=_all_of(report, "institution"),
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


def was_withdrawn(session: Session, verdict: VerdictRow) -> bool:
    """Whether an entry of a verdict was taken out of the pool."""
    entry = select(PoolEntry.id).where(PoolEntry.verdict_id == verdict.id, PoolEntry.state == WITHDRAWN)
    return session.scalar(entry.limit(1)) is not None


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
    """Keeps a doctor's answer about an entry, of which the last counts; InputError where it cannot be.

    That is an unknown hospital, an entry that is unknown or out of its reach, an acceptance of what nobody may rely on, a refusal
    without one of the policy's reasons, or `other` alone. Programs without an account answer for their hospital, as one; `actor` is
    what the audit chain calls them.
    """
    actor = actor or f"account:{account_id}"
    consumer = session.get(Hospital, hospital_id)
    if consumer is None:
        raise InputError("hospital: is not known; register it first")
    of_entry = select(PoolEntry.study_id).where(PoolEntry.id == entry_id).scalar_subquery()
    session.execute(
        select(StudyRow.id).where(StudyRow.id == of_entry).with_for_update()
    )  # what it says stands meanwhile
    found = offered(session, policy, PoolEntry.id == entry_id)
    acceptance = acceptance_of(found[0].producer, consumer, policy) if found else "never"
    if acceptance == "never":
        raise InputError("there is no such entry in the pool; look it up again")
    if accepted and (why := found[0].why_not(now.astimezone().date(), acceptance)):
        raise InputError(f"nobody may rely on the examination now ({', '.join(why)}); look it up again")
    if accepted and reason:
        raise InputError("an acceptance has no reason; leave it out, or refuse")
    if not accepted and reason not in policy.refusal_reasons:
        raise InputError(f"a refusal needs one of the reasons {', '.join(policy.refusal_reasons)}")
    if reason == OTHER and not comment.strip():
        raise InputError("the reason `other` must be written down; add a comment")
    known = _answered(session, entry_id, hospital_id, account_id)
    if known is not None and (known.accepted, known.reason) == (accepted, reason):
        return known  # said twice, as by a second click or a program that tries again
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
    """The last answer of a person, or of a hospital's programs, about an entry."""
    query = select(Recognition).where(
        Recognition.entry_id == entry_id,
        Recognition.hospital_id == hospital_id,
        Recognition.account_id.is_not_distinct_from(account_id),
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
    """Counts of the last answers about entries, by producing hospital, exam item and reason; of one producer, or of all."""
    own = true() if producer is None else PoolEntry.hospital_id == producer
    columns = (PoolEntry.hospital_id, PoolEntry.item_id, Recognition.accepted, Recognition.reason)
    later = aliased(Recognition)
    changed = (
        select(later.id)
        .where(
            later.entry_id == Recognition.entry_id,
            later.hospital_id == Recognition.hospital_id,
            later.account_id.is_not_distinct_from(Recognition.account_id),
            later.id > Recognition.id,
        )
        .exists()
    )
    rows = session.execute(
        select(*columns, func.count())
        .join(PoolEntry, PoolEntry.id == Recognition.entry_id)
        .where(Recognition.created_at >= since, Recognition.created_at < until, own, ~changed)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Answers(*row) for row in rows]


def _all_of(report: QcReport, what: str) -> list[str]:
    """All devices or institutions of the study: each counts for every entry, as it does where an exam item is judged."""
    facts = report.content["facts"]
    return [one for one in (facts.get(what), *facts.get(f"other_{what}s", ())) if one]


def _active(session: Session, study_id: int) -> list[PoolEntry]:
    query = select(PoolEntry).where(PoolEntry.study_id == study_id, PoolEntry.state == ACTIVE)
    return list(session.scalars(query.order_by(PoolEntry.id)))


def _tell(session: Session, actor: str, action: str, entry: PoolEntry, now: datetime) -> None:
    detail = {"entry": entry.id, "item": entry.item_id, "verdict": entry.verdict_id, "reason": entry.state_reason}
    audit.append(session, actor, action, f"study:{entry.study_id}", detail, at=now)
