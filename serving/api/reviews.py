"""Reviews over HTTP: what waits for a reader, claims, decisions, and appeals of hospitals."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.review import words
from serving import reviews, verdicts
from serving.api.callers import Caller, Service, of_role
from serving.api.looks import Noting
from serving.api.paging import Cursor, Limit, cursor_of, place_of
from serving.api.paths import BIGGEST, PREFIX, RowId
from serving.api.studies import Word, visible
from serving.api.study_bodies import Body, StudyBody, TaskBody, VerdictBody, study_body
from serving.database.tables import Review, StudyRow, VerdictRow
from serving.reviews import Answer, Decision, Reader, Tasks
from serving.service_policy import following_of

router = APIRouter(prefix=PREFIX, tags=["reviews"])

Kind = Literal["review", "audit", "appeal", "second reading", "adjudication"]
State = Literal["open", "claimed", "decided", "obsolete"]
ReadsReviews = Annotated[Caller, Depends(of_role("reviewer", "lead"))]


class ReviewBody(Body):
    """A task of a reader. `mine`: the caller has claimed it; `free`: nobody has, or the claim ran out."""

    id: int
    study_id: int
    verdict_id: int
    kind: str
    state: str
    opening_comment: str
    claimed_until: datetime | None
    created_at: datetime
    decided_at: datetime | None
    mine: bool = False
    free: bool = False
    study: StudyBody


class ReviewPage(BaseModel):
    """A page of tasks; `next` is the cursor of the page after it."""

    reviews: list[ReviewBody]
    next: str | None


class AnswerBody(BaseModel):
    """What a reader says of a finding by its number, or of a series, or an image, that no finding is about.

    `says` are words for the label by what they are about, such as {"region": ["knee"]}; `GET /api/reviews/words` lists them.
    """

    model_config = ConfigDict(extra="forbid")

    holds: bool = True
    finding: int | None = Field(default=None, ge=0, le=BIGGEST)
    series_instance_uid: str | None = Field(default=None, pattern=r"^[0-9.]{1,64}$")
    sop_instance_uid: str | None = Field(default=None, pattern=r"^[0-9.]{1,64}$")
    says: dict[str, list[str]] = Field(default_factory=dict)


class ReadingBody(BaseModel):
    """What somebody decided before."""

    kind: str
    verdict: str
    answers: list[AnswerBody]
    comment: str
    decided_at: datetime


class ReviewState(ReviewBody):
    """A task with all that its reader needs: the machine's findings by number, and what was decided before, where that is told."""

    verdict_in_force: VerdictBody
    findings: list[dict[str, Any]]
    earlier: list[ReadingBody]


class DecisionBody(BaseModel):
    """A reader's decision: an answer to each finding that is more than a note, the verdict, and a comment."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["pass", "reject"]
    answers: list[AnswerBody] = Field(default_factory=list, max_length=reviews.MOST_ANSWERS)
    comment: str = Field(default="", max_length=reviews.COMMENT_LENGTH, pattern=r"^[^\x00]*$")


class AppealBody(BaseModel):
    """Why a hospital holds a rejection for wrong."""

    model_config = ConfigDict(extra="forbid")

    comment: str = Field(min_length=1, max_length=reviews.COMMENT_LENGTH, pattern=r"^[^\x00]*$")


@router.get("/reviews")
def tasks(
    service: Service,
    caller: ReadsReviews,
    state: State | None = None,
    kind: Kind | None = None,
    hospital: Word = None,
    mine: Annotated[bool, Query(description="Only what the caller has claimed")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ReviewPage:
    """List what waits for a reader, what is most urgent first; with a state also what is decided or obsolete."""
    reader = _reader(caller)
    wanted = Tasks(state, kind, hospital, reader.account_id if mine else None)
    after = place_of(cursor, int, int, datetime, int)
    now = service.database.now()
    with service.database.reading() as session:
        found = reviews.tasks(session, caller.own_studies, wanted, after, limit + 1)
    more = len(found) > limit
    bodies = [_body(review, study, verdict, reader, now) for review, study, verdict in found[:limit]]
    return ReviewPage(reviews=bodies, next=cursor_of(reviews.place(*found[limit - 1][:2])) if more else None)


@router.get("/reviews/words", dependencies=[Depends(of_role("reviewer", "lead"))])
def label_words() -> dict[str, list[str]]:
    """List the words that an answer may say, by what they are about."""
    return {about: sorted(known) for about, known in words().items()}


@router.get("/reviews/{review_id}")
def task(service: Service, caller: ReadsReviews, looks: Noting, review_id: RowId) -> ReviewState:
    """Tell a task with the machine's findings, each by its number."""
    with service.database.reading() as session:
        state = _state(session, caller, session.get(Review, review_id), service.database.now())
    looks.note(caller, "review", f"study:{state.study_id}")
    return state


@router.post("/reviews/{review_id}/claim")
def claim(service: Service, caller: ReadsReviews, review_id: RowId) -> ReviewState:
    """Claim a task for a while, or renew the claim; 409 where somebody else has it, or it is obsolete."""
    with _told(), service.database.writing() as session:
        now = service.database.now()
        review = reviews.claim(session, review_id, _reader(caller), service.config.reviewing, now)
        return _state(session, caller, review, now)


@router.delete("/reviews/{review_id}/claim")
def give_up(service: Service, caller: ReadsReviews, review_id: RowId) -> ReviewState:
    """Give a task back."""
    with _told(), service.database.writing() as session:
        now = service.database.now()
        return _state(session, caller, reviews.give_up(session, review_id, _reader(caller), now), now)


@router.post("/reviews/{review_id}/decision")
def decide(service: Service, caller: ReadsReviews, review_id: RowId, body: DecisionBody) -> ReviewState:
    """Decide a task that the caller has claimed; 409 where it is not theirs any more, or new images came."""
    answers = [Answer(**answer.model_dump()) for answer in body.answers]
    decision = Decision(body.verdict, answers, body.comment)
    with _told(), service.database.writing() as session:
        now = service.database.now()
        review = reviews.decide(session, review_id, _reader(caller), decision, following_of(service), now)
        return _state(session, caller, review, now)


@router.post("/studies/{study_id}/appeal", status_code=201)
def appeal(
    service: Service, caller: Annotated[Caller, Depends(of_role("hospital"))], study_id: RowId, body: AppealBody
) -> TaskBody:
    """Appeal against the rejection of a study of the caller's hospital, once for each verdict."""
    with _told(), service.database.writing() as session:
        study = visible(session, caller, study_id)
        now = service.database.now()
        review = reviews.appeal(session, study, caller.actor, caller.account_id, body.comment, now)
        return TaskBody.model_validate(review)


@contextmanager
def _told() -> Iterator[None]:
    """Says by which code a task is not to be had."""
    codes: Mapping[type[Exception], int] = {
        reviews.UnknownReviewError: 404,
        reviews.NotAllowedError: 403,
        reviews.ConflictError: 409,
    }
    try:
        yield
    except tuple(codes) as error:
        raise HTTPException(codes[type(error)], str(error)) from error


def _reader(caller: Caller) -> Reader:
    """The person who reads; 403 for a program."""
    if caller.account_id is None:
        raise HTTPException(403, "a person reviews: sign in by an account, not by a key")
    return Reader(caller.account_id, is_lead=caller.role == "lead", hospital_id=caller.hospital_id)


def _body(review: Review, study: StudyRow, verdict: VerdictRow, reader: Reader, now: datetime) -> ReviewBody:
    claimed = reviews.is_claimed(review, now)
    fields = {name: getattr(review, name) for name in TaskBody.model_fields if name in ReviewBody.model_fields}
    return ReviewBody.model_validate(
        fields
        | {
            "study_id": review.study_id,
            "opening_comment": review.opening_comment,
            "claimed_until": review.claimed_until,
            "mine": claimed and review.claimed_by == reader.account_id,
            "free": review.state in ("open", "claimed") and not claimed,
            "study": study_body(study, verdict),
        }
    )


def _state(session: Session, caller: Caller, review: Review | None, now: datetime) -> ReviewState:
    study = (
        session.scalar(select(StudyRow).where(StudyRow.id == review.study_id, caller.own_studies)) if review else None
    )
    if review is None or study is None:
        raise HTTPException(404, "there is no such review")
    verdict = session.get_one(VerdictRow, review.verdict_id)
    report = verdicts.report_of(session, verdict)
    readings = [
        ReadingBody(
            kind=one.kind, verdict=one.verdict, answers=one.answers, comment=one.comment, decided_at=one.decided_at
        )
        for one in reviews.earlier(session, review)
        if one.decided_at is not None
    ]
    body = _body(review, study, verdict, _reader(caller), now)
    return ReviewState.model_validate(
        body.model_dump()
        | {
            "verdict_in_force": verdict,
            "findings": [dict(finding) for finding in report.findings] if report is not None else [],
            "earlier": readings,
        }
    )
