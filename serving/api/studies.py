"""Studies over HTTP: the list that a reviewer works along, one study's state, its report and page, and how much waits."""

from datetime import date, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from qc_models.report import QcReport
from qc_models.vocabulary import Grade, Verdict
from serving import verdicts, worklist
from serving.api.callers import Caller, Looker, Service, of_role
from serving.api.looks import Looks, Noting
from serving.api.paging import LARGEST_PAGE, Cursor, Limit, cursor_of, place_of
from serving.api.paths import BIGGEST, PREFIX, RowId
from serving.api.study_bodies import StudyPage, StudyState, study_body, study_state
from serving.database.tables import InstanceRow, StudyRow, VerdictRow
from serving.opened_service import OpenedService
from serving.service_policy import catalogue_at, policy_at
from serving.study_page import study_page
from serving.worklist import Order, State, Wanted

# The page brings its style and pictures with it, and runs nothing.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

VerdictId = Annotated[int | None, Query(ge=1, le=BIGGEST, description="Of this study; else the current one")]
Word = Annotated[str | None, Query(pattern=r"^[\w.-]{1,64}$")]
Reader = Annotated[Caller, Depends(of_role("sender", "hospital", "doctor", "reviewer", "lead", "engineer", "admin"))]

Searcher = Annotated[Caller, Depends(of_role("hospital", "doctor", "reviewer", "lead"))]
SearchText = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]

router = APIRouter(prefix=PREFIX, tags=["studies"])


class CountsBody(BaseModel):
    """Studies of the last day by state and by verdict, and what waits."""

    states: dict[str, int]
    verdicts: dict[str, int]
    reviews: dict[str, int]
    oldest_review_at: datetime | None
    dead_jobs: int
    quarantined: int


class SearchBody(BaseModel):
    """A patient by id and issuer, an order by its accession number, or a study by its UID; all that is given must fit."""

    model_config = ConfigDict(extra="forbid")

    patient_id: SearchText | None = None
    issuer: SearchText | None = None
    accession_number: SearchText | None = None
    study_uid: SearchText | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "SearchBody":
        if not (self.patient_id or self.accession_number or self.study_uid):
            raise ValueError("give patient_id, accession_number or study_uid")
        return self


@router.get("/counts")
def counts(service: Service, caller: Reader) -> CountsBody:
    """Count what came in the last day, and what waits."""
    with service.database.reading() as session:
        found = worklist.counts(session, caller.own_studies, caller.hospital_id, service.database.now())
    return CountsBody.model_validate(found, from_attributes=True)


@router.get("/studies")
def studies(
    service: Service,
    caller: Reader,
    state: State | None = None,
    verdict: Verdict | None = None,
    grade: Grade | None = None,
    hospital: Word = None,
    item: Word = None,
    modality: Word = None,
    since: date | None = None,
    until: date | None = None,
    order: Order = "newest",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> StudyPage:
    """List studies with their current verdicts: newest first, or in the order in which they wait. Days are of examinations."""
    wanted = Wanted(state, verdict, grade, hospital, item, modality, since, until, order)
    place = place_of(cursor, *((datetime, int) if order == "newest" else (int, datetime, int)))
    with service.database.reading() as session:
        found = worklist.studies(session, caller.own_studies, wanted, place, limit + 1)
    more = len(found) > limit
    found = found[:limit]
    after = cursor_of(worklist.place(found[-1][0], order)) if more else None
    return StudyPage(studies=[study_body(*one) for one in found], next=after)


@router.post("/studies/search")
def search(service: Service, caller: Searcher, looks: Noting, body: SearchBody) -> StudyPage:
    """Find studies of a patient, or of an order, newest first: what names them stands in the body, never in an address."""
    asked = {
        StudyRow.patient_id: body.patient_id,
        StudyRow.patient_issuer: body.issuer,
        StudyRow.accession_number: body.accession_number,
        StudyRow.uid: body.study_uid,
    }
    theirs = and_(caller.own_studies, *(column == value for column, value in asked.items() if value is not None))
    with service.database.reading() as session:
        found = worklist.studies(session, theirs, Wanted(), None, LARGEST_PAGE)
    looks.note(caller, "search", *(f"study:{row.id}" for row, *_ in found))
    return StudyPage(studies=[study_body(*one) for one in found], next=None)


@router.get("/studies/{study_id}")
def study(service: Service, caller: Reader, looks: Noting, study_id: RowId) -> StudyState:
    """Tell all that is known of a study: its state, how sure that is, verdicts, jobs, pool, reviews."""
    with service.database.reading() as session:
        known = worklist.known_of(session, visible(session, caller, study_id), policy_at(service.config.policy))
    looks.note(caller, "study", f"study:{study_id}")
    return study_state(known, caller, service.database.now().astimezone().date())


@router.get("/studies/{study_id}/report")
def report(
    service: Service, caller: Looker, looks: Noting, study_id: RowId, verdict: VerdictId = None
) -> dict[str, Any]:
    """Give the whole report of a verdict: of the current one, else of the last first look, or of the one that is named."""
    with service.database.reading() as session:
        found = _report(session, visible(session, caller, study_id), verdict)
    looks.note(caller, "report", f"study:{study_id}")
    return dict(found.content)


@router.get("/studies/{study_id}/page", response_class=HTMLResponse)
async def page(
    request: Request,
    service: Service,
    caller: Looker,
    looks: Noting,
    study_id: RowId,
    verdict: VerdictId = None,
) -> HTMLResponse:
    """Show the report of a verdict as a page with pictures."""
    made = await to_thread.run_sync(
        _page, service, caller, looks, study_id, verdict, limiter=request.app.state.decoding
    )
    return HTMLResponse(made, headers={"content-security-policy": PAGE_POLICY})


def visible(session: Session, caller: Caller, study_id: int) -> StudyRow:
    """A study that the caller may see; 404 for every other one, there or not."""
    found = session.scalar(select(StudyRow).where(StudyRow.id == study_id, caller.own_studies))
    if found is None:
        raise HTTPException(404, "there is no such study")
    return found


def _report(session: Session, study: StudyRow, verdict_id: int | None) -> QcReport:
    query = select(VerdictRow).where(VerdictRow.study_id == study.id)
    if verdict_id is not None or study.verdict_id is not None:
        query = query.where(VerdictRow.id == (verdict_id or study.verdict_id))
    row = session.scalar(query.order_by(VerdictRow.id.desc()).limit(1))
    found = verdicts.report_of(session, row) if row is not None else None
    if found is None:
        raise HTTPException(404, "there is no such report")
    return found


def _page(service: OpenedService, caller: Caller, looks: Looks, study_id: int, verdict_id: int | None) -> str:
    with service.database.reading() as session:
        study = visible(session, caller, study_id)
        report = _report(session, study, verdict_id)
        keys = session.scalars(select(InstanceRow.archive_key).where(InstanceRow.study_id == study.id)).all()
    looks.note(caller, "page", f"study:{study_id}")
    return study_page(report, service.archive, sorted(set(keys)), catalogue_at(service.config.catalogue))
