"""The recognition pool over HTTP: what a doctor may take instead of a new examination, what they answer, and how often they did.

Who the patient is stands in bodies alone, never in an address.
"""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qc_models.errors import InputError
from qc_models.exam_item import Name
from serving import outcome, pool
from serving.api.callers import Caller, Service, of_role
from serving.api.looks import Noting
from serving.api.paths import PREFIX, RowId
from serving.api.studies import visible
from serving.api.study_bodies import Body, EntryBody, entry_body
from serving.database.tables import PoolEntry, StudyRow
from serving.pool_lookup import REASONS, Asked, Examination, State, lookup
from serving.service_policy import catalogue_at, following_of, policy_at

router = APIRouter(prefix=PREFIX, tags=["pool"])

Text = Annotated[str, Field(max_length=324, pattern=r"^[^\x00]*$")]
Doctor = Annotated[Caller, Depends(of_role("doctor", "lead"))]
_LONGEST = timedelta(days=3660)


class PatientQuestion(BaseModel):
    """A patient: by the id that an issuer gave, or by name, birth date and sex as a DICOM object has them, or by both."""

    model_config = ConfigDict(extra="forbid")

    issuer: Text = ""
    id: Text = ""
    name: Text = ""
    birth_date: date | None = None
    sex: Annotated[str, Field(pattern=r"^[MFOmfo]?$")] = ""

    @model_validator(mode="after")
    def _is_somebody(self) -> "PatientQuestion":
        by_name = bool(self.name.strip(" ^=")) and self.birth_date is not None and bool(self.sex)
        if not self.id.strip() and not by_name:
            raise ValueError("give an id with its issuer, or name, birth date and sex")
        return self


class Question(BaseModel):
    """What a doctor is about to order. `hospital` is their own, and named by the centre alone; `on` is today."""

    model_config = ConfigDict(extra="forbid")

    patient: PatientQuestion
    item: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]
    hospital: Annotated[str | None, Field(pattern=r"^[\w-]{1,64}$")] = None
    on: date | None = None


class ReasonBody(BaseModel):
    """A reason by its word, in English and Chinese."""

    reason: str
    en: str
    zh: str


class ExaminationBody(BaseModel):
    """One examination; `reasons` say why it is not eligible. `acceptance`: always, may (the doctor decides) or never."""

    study_id: int
    study_uid: str
    hospital_id: str
    hospital_name: str
    item: str
    examined_on: date | None
    valid_until: date | None
    entry_id: int | None
    state: State
    matched_by: str
    acceptance: str
    reasons: list[ReasonBody]


class LookupBody(BaseModel):
    """Eligible examinations, the one to take first; the others with the reasons why not."""

    eligible: list[ExaminationBody]
    others: list[ExaminationBody]


class AnswerBody(BaseModel):
    """What a doctor does: takes the examination, or examines anew for one of the reasons of `GET /api/pool/reasons`."""

    model_config = ConfigDict(extra="forbid")

    accepted: bool
    reason: Annotated[str, Field(max_length=64, pattern=r"^\w*$")] = ""
    comment: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    hospital: Annotated[str | None, Field(pattern=r"^[\w-]{1,64}$")] = None


class AnsweredBody(Body):
    """An answer as it was kept."""

    id: int
    entry_id: int
    hospital_id: str
    accepted: bool
    reason: str
    created_at: datetime


class RefusalReasonBody(ReasonBody):
    """Why a doctor may examine again, and the clause that says so."""

    clause: str
    about_quality: bool


class CountBody(Body):
    """How often examinations of a hospital and an exam item were accepted, or refused for a reason."""

    producer: str
    item_id: str
    accepted: bool
    reason: str
    times: int


class StatisticsBody(BaseModel):
    """Answers of doctors in a span of days: each acceptance is an examination that was not repeated."""

    since: date
    until: date
    repeats_avoided: int
    refused: int
    counts: list[CountBody]


class WithdrawalBody(BaseModel):
    """Why a study is taken out of the pool."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class WithdrawnBody(BaseModel):
    """The entries that were taken out."""

    entries: list[EntryBody]


@router.post("/pool/lookup")
def look_up(service: Service, caller: Doctor, looks: Noting, body: Question) -> LookupBody:
    """Look up what a patient has that may be taken instead of a new examination, and why the rest may not."""
    if body.item not in catalogue_at(service.config.catalogue).items:
        raise InputError("item: there is no such exam item in the catalogue")
    patient, key = body.patient, pool.person_key(service.secrets.key)
    asked = Asked(
        item_id=body.item,
        hospital_id=_hospital(caller, body.hospital),
        on=body.on or service.database.now().astimezone().date(),
        issuer=patient.issuer,
        patient_id=patient.id,
        person=pool.person_digest(key, patient.name, patient.birth_date, patient.sex),
    )
    with service.database.reading() as session:
        answer = lookup(session, asked, policy_at(service.config.policy))
    looks.note(caller, "lookup", *(f"study:{one.study_id}" for one in (*answer.eligible, *answer.others)))
    return LookupBody(eligible=[_body(one) for one in answer.eligible], others=[_body(one) for one in answer.others])


@router.get("/pool/reasons", dependencies=[Depends(of_role("doctor", "hospital", "reviewer", "lead", "engineer"))])
def refusal_reasons(service: Service) -> list[RefusalReasonBody]:
    """List the reasons for which a doctor may examine again."""
    return [
        RefusalReasonBody(reason=word, **reason.model_dump(include={"en", "zh", "clause", "about_quality"}))
        for word, reason in policy_at(service.config.policy).refusal_reasons.items()
    ]


@router.post("/pool/entries/{entry_id}/answer", status_code=201)
def answer(service: Service, caller: Doctor, entry_id: RowId, body: AnswerBody) -> AnsweredBody:
    """Keep a doctor's answer about an entry."""
    hospital_id = _hospital(caller, body.hospital)
    with service.database.writing() as session:
        row = pool.answer(
            session,
            entry_id,
            hospital_id,
            caller.account_id,
            policy_at(service.config.policy),
            service.database.now(),
            accepted=body.accepted,
            reason=body.reason,
            comment=body.comment,
            actor=caller.actor,
        )
        return AnsweredBody.model_validate(row)


@router.get("/pool/statistics")
def statistics(
    service: Service,
    caller: Annotated[Caller, Depends(of_role("hospital", "reviewer", "lead", "engineer", "admin"))],
    since: Annotated[date | None, Query(description="Thirty days ago where it is not given")] = None,
    until: Annotated[date | None, Query(description="Today where it is not given; inclusive")] = None,
) -> StatisticsBody:
    """Count doctors' answers by producing hospital, exam item and reason; a hospital sees those about its own examinations."""
    until = until or service.database.now().astimezone().date()
    since = since or max(until, date.min + _LONGEST) - timedelta(days=30)
    if not timedelta(0) <= until - since <= _LONGEST or until == date.max:
        raise HTTPException(400, "since must lie before until, and at most ten years")
    begin = datetime.combine(since, time()).astimezone()
    end = datetime.combine(until + timedelta(days=1), time()).astimezone()
    with service.database.reading() as session:
        counted = pool.answers(session, begin, end, caller.hospital_id)
    return StatisticsBody(
        since=since,
        until=until,
        repeats_avoided=sum(one.times for one in counted if one.accepted),
        refused=sum(one.times for one in counted if not one.accepted),
        counts=[CountBody.model_validate(one) for one in counted],
    )


@router.post("/studies/{study_id}/withdrawal")
def withdraw(
    service: Service,
    caller: Annotated[Caller, Depends(of_role("lead", "admin"))],
    study_id: RowId,
    body: WithdrawalBody,
) -> WithdrawnBody:
    """Take a study out of the pool until a lead lifts it, and tell those who were told of its verdict."""
    following = following_of(service)
    with service.database.writing() as session:
        visible(session, caller, study_id)
        study = session.get_one(StudyRow, study_id, with_for_update=True, populate_existing=True)
        now = service.database.now()
        entries = outcome.hold_back(session, study, body.reason, caller.actor, following.deliveries, now)
        taken = pool.offered(session, following.policy, PoolEntry.id.in_([entry.id for entry in entries]))
        return WithdrawnBody(entries=[entry_body(one, now.astimezone().date()) for one in taken])


@router.delete("/studies/{study_id}/withdrawal", status_code=204)
def lift_withdrawal(service: Service, caller: Annotated[Caller, Depends(of_role("lead"))], study_id: RowId) -> None:
    """Lift a withdrawal: what passes from now on enters the pool again, and a reviewer reads what passed meanwhile."""
    with service.database.writing() as session:
        visible(session, caller, study_id)
        study = session.get_one(StudyRow, study_id, with_for_update=True, populate_existing=True)
        outcome.let_in(session, study, caller.actor, service.database.now())


def _hospital(caller: Caller, named: str | None) -> str:
    """The asking hospital: the caller's own; of the centre's people the one that they name."""
    hospital_id = caller.hospital_id or named
    if hospital_id is None:
        raise InputError("hospital: name the one that asks")
    if named not in (None, hospital_id):
        raise HTTPException(403, "ask for your own hospital alone")
    return hospital_id


def _body(one: Examination) -> ExaminationBody:
    return ExaminationBody(
        study_id=one.study_id,
        study_uid=one.study_uid,
        hospital_id=one.hospital_id,
        hospital_name=one.hospital_name,
        item=one.item_id,
        examined_on=one.examined_on,
        valid_until=one.valid_until,
        entry_id=one.entry_id,
        state=one.state,
        matched_by=one.matched_by,
        acceptance=one.acceptance,
        reasons=[_reason(word, REASONS[word]) for word in one.reasons],
    )


def _reason(word: str, name: Name) -> ReasonBody:
    return ReasonBody(reason=word, en=name.en, zh=name.zh)
