"""What the service says of a study, as bodies of answers: nothing of a patient but to the hospital whose own the study is."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from serving.api.callers import Caller
from serving.database.tables import QuarantineRow, Review, StudyRow, VerdictRow
from serving.pool import ACTIVE, Offered
from serving.worklist import Known


class Body(BaseModel):
    """A body made of a row by its attributes."""

    model_config = ConfigDict(from_attributes=True)


class VerdictBody(Body):
    """What was said of one generation of a study: `first_look` by headers alone, `full`, or `final` by people."""

    id: int
    generation: int
    kind: str
    verdict: str
    total: float | None
    grade: str
    items: list[dict[str, Any]]
    reasons: list[str]
    versions: dict[str, Any]
    as_of: date
    created_at: datetime


class StudyBody(Body):
    """A study in a list, with its current verdict."""

    id: int
    uid: str
    hospital_id: str
    state: str
    generation: int
    urgent: bool
    num_instances: int
    declared_instances: int | None
    first_instance_at: datetime
    last_instance_at: datetime
    close_at: datetime | None
    closed_at: datetime | None
    close_confidence: float | None
    study_date: date | None
    description: str
    modalities: list[str]
    verdict: VerdictBody | None = None


class StudyPage(BaseModel):
    """A page of studies; `next` is the cursor of the page after it."""

    studies: list[StudyBody]
    next: str | None


class SeriesBody(Body):
    """What came of a series so far."""

    uid: str
    modality: str
    number: int | None
    description: str
    num_instances: int
    num_conflicting: int


class JobBody(Body):
    """Something that is done once for a generation of a study."""

    id: int
    kind: str
    study_id: int
    generation: int
    hospital_id: str
    priority: int
    state: str
    attempts: int
    reason: str
    run_at: datetime
    created_at: datetime
    done_at: datetime | None


class EntryBody(Body):
    """An entry of the pool. `state`: active, expired, superseded or withdrawn; `reasons`: why nobody may rely on it today."""

    id: int
    study_id: int
    item_id: str
    examined_on: date
    valid_until: date
    state: str
    state_reason: str
    changed_at: datetime
    reasons: list[str] = []


class TaskBody(Body):
    """A review of the study: what became of it, not who decided."""

    id: int
    verdict_id: int
    kind: str
    state: str
    verdict: str
    comment: str
    created_at: datetime
    decided_at: datetime | None


class PatientBody(BaseModel):
    """Who was examined: told to the hospital whose own the study is, and to nobody else."""

    issuer: str
    id: str
    name: str
    birth_date: date | None
    sex: str
    accession_number: str


class StudyState(StudyBody):
    """All that is known of a study. While it arrives, `close_evidence` tells why it is not closed, `first_look` what to mend."""

    close_evidence: dict[str, Any] | None
    patient: PatientBody | None
    first_look: VerdictBody | None
    history: list[VerdictBody]
    series: list[SeriesBody]
    jobs: list[JobBody]
    pool: list[EntryBody]
    reviews: list[TaskBody]


class QuarantineBody(Body):
    """An object that could not be taken, with what its sender was told."""

    id: int
    hospital_id: str
    came_by: str
    sender: str
    reason: str
    digest: str
    size_bytes: int
    times: int
    received_at: datetime


def study_body(study: StudyRow, verdict: VerdictRow | None) -> StudyBody:
    """A study of a list."""
    return StudyBody.model_validate(_fields(study) | {"verdict": verdict})


def study_state(known: Known, caller: Caller, today: date) -> StudyState:
    """All that is known of a study, as far as the caller is told."""
    study = known.study
    hidden = _hidden(known.reviews)
    return StudyState.model_validate(
        _fields(study)
        | {
            "verdict": known.verdict,
            "close_evidence": study.close_evidence,
            "patient": _patient(study) if caller.hospital_id == study.hospital_id else None,
            "first_look": known.first_look,
            "history": known.history,
            "series": known.series,
            "jobs": known.jobs,
            "pool": [entry_body(offered, today) for offered in known.entries],
            "reviews": [_task(review, hidden) for review in known.reviews],
        }
    )


def entry_body(offered: Offered, today: date) -> EntryBody:
    """An entry of the pool; one whose window has ended is expired."""
    entry, reasons = offered.entry, list(offered.why_not(today))
    expired = entry.state == ACTIVE and "expired" in reasons
    body = EntryBody.model_validate(entry)
    return body.model_copy(update={"state": "expired" if expired else entry.state, "reasons": reasons})


def quarantine_body(row: QuarantineRow) -> QuarantineBody:
    """An object of the quarantine."""
    return QuarantineBody.model_validate(row)


def _hidden(reviews: Sequence[Review]) -> frozenset[int]:
    """Decided reviews that nobody is told of yet: those about a verdict that still has an undecided one."""
    undecided = {review.verdict_id for review in reviews if review.state in ("open", "claimed")}
    return frozenset(review.id for review in reviews if review.state == "decided" and review.verdict_id in undecided)


def _task(review: Review, hidden: frozenset[int]) -> TaskBody:
    body = TaskBody.model_validate(review)
    return body.model_copy(update={"verdict": "", "comment": ""}) if review.id in hidden else body


def _patient(study: StudyRow) -> PatientBody:
    return PatientBody(
        issuer=study.patient_issuer,
        id=study.patient_id,
        name=study.patient_name,
        birth_date=study.patient_birth_date,
        sex=study.patient_sex,
        accession_number=study.accession_number,
    )


def _fields(study: StudyRow) -> dict[str, Any]:
    return {name: getattr(study, name) for name in StudyBody.model_fields if name != "verdict"}
