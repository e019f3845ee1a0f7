"""What went wrong, over HTTP: objects that could not be taken, and jobs that were given up, which may be tried again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from serving import jobs, worklist
from serving.api.callers import AnyCaller, Caller, Service, of_role
from serving.api.paging import Cursor, Limit, cursor_of, place_of
from serving.api.paths import PREFIX, RowId
from serving.api.study_bodies import JobBody, QuarantineBody, quarantine_body

router = APIRouter(prefix=PREFIX, tags=["faults"])


class QuarantinePage(BaseModel):
    """A page of the quarantine; `next` is the cursor of the page after it."""

    objects: list[QuarantineBody]
    next: str | None


class DeadJobBody(JobBody):
    """A job that was given up, and the study that waits for it."""

    study_uid: str


class DeadJobPage(BaseModel):
    """A page of jobs that were given up; `next` is the cursor of the page after it."""

    jobs: list[DeadJobBody]
    next: str | None


class Revived(BaseModel):
    """A job that will be tried again."""

    job: int


@router.get("/quarantine")
def quarantine(
    service: Service,
    caller: Annotated[Caller, Depends(of_role("sender", "hospital", "reviewer", "lead", "engineer", "admin"))],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> QuarantinePage:
    """List objects that could not be taken, with what their senders were told; newest first."""
    with service.database.reading() as session:
        found = worklist.quarantined(session, caller.hospital_id, place_of(cursor, int), limit + 1)
    after = cursor_of([found[limit - 1].id]) if len(found) > limit else None
    return QuarantinePage(objects=[quarantine_body(row) for row in found[:limit]], next=after)


@router.get("/jobs/dead")
def dead_jobs(
    service: Service,
    caller: Annotated[Caller, Depends(of_role("lead", "engineer", "admin"))],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeadJobPage:
    """List jobs that were given up, with the reason; newest first."""
    with service.database.reading() as session:
        found = worklist.dead_jobs(session, place_of(cursor, int), limit + 1)
    after = cursor_of([found[limit - 1][0].id]) if len(found) > limit else None
    bodies = [
        DeadJobBody.model_validate(JobBody.model_validate(job).model_dump() | {"study_uid": study.uid})
        for job, study in found[:limit]
    ]
    return DeadJobPage(jobs=bodies, next=after)


@router.post("/jobs/{job_id}/revive", dependencies=[Depends(of_role("lead", "engineer", "admin"))])
def revive(service: Service, caller: AnyCaller, job_id: RowId) -> Revived:
    """Let a job that was given up be tried again."""
    with service.database.writing() as session:
        jobs.revive(session, job_id, caller.actor, service.database.now())
    return Revived(job=job_id)
