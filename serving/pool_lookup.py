"""The question of a doctor's workstation: is there an examination of this patient that may be taken instead of a new one?

The answer names what is eligible for the asking hospital, best first, and of the rest why it is not. It takes short walks along
indexes, by the patient's id and by the digest of the person, whatever the number of entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.exam_item import Name
from qc_models.policy import Acceptance, Policy
from serving.closing import ARRIVING
from serving.database.tables import Hospital, PoolEntry, StudyRow, VerdictRow
from serving.observing.metrics import LOOKUP_SECONDS
from serving.pool import SUPERSEDED, acceptance_of, offered

_MOST = 200  # entries of one patient that a lookup looks at for each way they are found, newest first

REASONS: dict[str, Name] = {
    "other_item": Name(en="it is another examination", zh="检查项目不同"),
    "expired": Name(en="its validity has ended", zh="已超过互认时限"),
    "not_yet": Name(en="it is dated later than today", zh="检查日期晚于当日"),
    "superseded": Name(en="a newer verdict stands in its place", zh="已有新的质控结论"),
    "withdrawn": Name(en="it was withdrawn", zh="已撤销互认"),
    "suspended": Name(
        en="the producing hospital or its device is suspended from recognition", zh="出具机构或设备暂停互认"
    ),
    "out_of_scope": Name(en="recognition does not reach from the producing hospital to this one", zh="不在互认范围内"),
    "arriving": Name(en="its images are still arriving", zh="影像仍在上传"),
    "not_judged": Name(en="its quality is not judged yet", zh="尚未完成质控"),
    "in_review": Name(en="a reviewer has not decided yet", zh="待人工复核"),
    "undated": Name(en="nobody knows when it was made", zh="检查日期不明"),
    "rejected": Name(en="its quality does not suffice", zh="质控未通过"),
}
MatchedBy = Literal["id", "demographics"]
State = Literal["active", "expired", "withdrawn", "not in the pool"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of a doctor's workstation: whose examination, which item, for which hospital, on which day.

    A patient is (issuer, id), or `person`: the digest of name, birth date and sex, where no id is known; both may be given.
    """

    item_id: str
    hospital_id: str
    on: date
    issuer: str = ""
    patient_id: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """One examination in an answer; `reasons` are those of REASONS why it is not eligible. No entry: it never was in the pool."""

    study_id: int
    study_uid: str
    hospital_id: str
    hospital_name: str
    item_id: str
    examined_on: date | None
    matched_by: MatchedBy
    acceptance: Acceptance
    entry_id: int | None = None
    valid_until: date | None = None
    reasons: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """What became of its entry."""
        if self.entry_id is None:
            return "not in the pool"
        if "withdrawn" in self.reasons:
            return "withdrawn"
        return "expired" if "expired" in self.reasons else "active"


@dataclass(frozen=True, slots=True)
class Answer:
    """Eligible examinations, the one to take first; the others with the reasons why not."""

    eligible: tuple[Examination, ...]
    others: tuple[Examination, ...]


@LOOKUP_SECONDS.time()
def lookup(session: Session, asked: Asked, policy: Policy) -> Answer:
    """Which examinations of a patient the asking hospital may take instead of a new one; InputError for an unknown hospital."""
    consumer = session.get(Hospital, asked.hospital_id)
    if consumer is None:
        raise InputError("the asking hospital is not known; register it first")
    found = [*_pooled(session, asked, consumer, policy)]
    known = {examination.study_id for examination in found}
    found += (one for one in _outside(session, asked, consumer, policy) if one.study_id not in known)
    eligible = sorted((one for one in found if not one.reasons), key=_best_first)
    return Answer(tuple(eligible), tuple(sorted((one for one in found if one.reasons), key=_best_first)))


def _is_patient(table: type[PoolEntry] | type[StudyRow], asked: Asked) -> ColumnElement[bool]:
    return and_(table.patient_issuer == asked.issuer, table.patient_id == asked.patient_id)


def _pooled(session: Session, asked: Asked, consumer: Hospital, policy: Policy) -> Iterator[Examination]:
    """The entries of a patient, found by id or by demographics; superseded ones have their successor beside them."""
    ways = []
    if asked.patient_id:
        ways.append(_is_patient(PoolEntry, asked))
    if asked.person:
        ways.append(PoolEntry.person_digest == asked.person)
    if not ways:
        return
    for one in offered(session, policy, or_(*ways), PoolEntry.state != SUPERSEDED, newest=_MOST * len(ways)):
        entry = one.entry
        by_id = asked.patient_id and (entry.patient_issuer, entry.patient_id) == (asked.issuer, asked.patient_id)
        acceptance = acceptance_of(one.producer, consumer, policy)
        other = ("other_item",) if entry.item_id != asked.item_id else ()
        yield Examination(
            study_id=entry.study_id,
            study_uid=one.study.uid,
            hospital_id=one.producer.id,
            hospital_name=one.producer.name,
            item_id=entry.item_id,
            examined_on=entry.examined_on,
            matched_by="id" if by_id else "demographics",
            acceptance=acceptance,
            entry_id=entry.id,
            valid_until=entry.valid_until,
            reasons=(*other, *one.why_not(asked.on, acceptance)),
        )


def _outside(session: Session, asked: Asked, consumer: Hospital, policy: Policy) -> Iterator[Examination]:
    """What a patient has that is not in the pool: arriving, to be judged, in review, rejected; of other items nothing."""
    if not asked.patient_id:
        return
    rows = session.execute(
        select(StudyRow, VerdictRow, Hospital)
        .outerjoin(VerdictRow, VerdictRow.id == StudyRow.verdict_id)
        .join(Hospital, Hospital.id == StudyRow.hospital_id)
        .where(_is_patient(StudyRow, asked))
        .order_by(StudyRow.last_instance_at.desc())
        .limit(_MOST)
    )
    for study, verdict, producer in rows:
        items = {item["id"]: item["verdict"] for item in verdict.items} if verdict is not None else {}
        if study.state == ARRIVING:
            reason = "arriving"
        elif verdict is None:
            reason = "not_judged"
        elif asked.item_id in items:
            reason = {"reject": "rejected", "review": "in_review", "pass": "undated"}[items[asked.item_id]]
        else:
            continue
        yield Examination(
            study_id=study.id,
            study_uid=study.uid,
            hospital_id=producer.id,
            hospital_name=producer.name,
            item_id=asked.item_id if items else "",
            examined_on=study.study_date,
            matched_by="id",
            acceptance=acceptance_of(producer, consumer, policy),
            reasons=(reason,),
        )


def _best_first(one: Examination) -> tuple[bool, int, int]:
    """What must be accepted before what may be, then the newest."""
    day = one.examined_on.toordinal() if one.examined_on is not None else 0
    return (one.acceptance != "always", -day, -(one.entry_id or 0))
