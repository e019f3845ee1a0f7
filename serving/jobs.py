"""What is to be done once for a generation of a study, leased to one worker at a time.

A worker holds a job until a time that its heartbeat moves on; who dies lets it run out, and the job is free again. Whoever
finishes says which lease it holds, in the transaction that writes the result, so that of two workers only one is heard. Our faults
are tried again, later each time; the sender's are not. What is given up keeps its reason, and an engineer may revive it.
Every function works in the caller's transaction.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from pydantic import Field
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from configs.strict import Strict
from qc_models.errors import InputError, QcError, ServiceError
from qc_models.errors import reason_of as reason_of
from serving import audit
from serving.database.tables import Hospital, Job, StudyRow
from serving.observing import metrics

FIRST_LOOK, SCORE = "first_look", "score"
URGENT, USUAL, OFF_PEAK = 0, 1, 2
REASON_LENGTH = 500
OUTAGE = timedelta(days=1)


class Leasing(Strict):
    """How jobs are leased and tried again; times in seconds, hours of the day in UTC."""

    lease_s: float = Field(default=60, gt=0)
    heartbeat_s: float = Field(default=15, gt=0)
    attempts: int = Field(default=5, ge=1)
    back_off_s: float = Field(default=10, gt=0)  # doubled each time
    longest_back_off_s: float = Field(default=1800, gt=0)
    longest_s: float = Field(default=3600, gt=0)  # a job that takes longer stands still: its process ends
    off_peak_from: time | None = None  # none: what nobody waits for is done whenever nothing else is to do
    off_peak_to: time = time(6)


class LeaseLostError(QcError):
    """Another worker holds the job by now, or has done it; what this one found is nobody's."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job in the hands of one worker."""

    job_id: int
    word: str
    kind: str
    study_id: int
    generation: int
    hospital_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hospital with a job that is due: the priority and time of its first, its jobs in work, and when it was last served."""

    hospital_id: str
    priority: int
    run_at: datetime
    in_work: int = 0
    served_at: datetime | None = None


def fair_order(waiting: Sequence[Waiting]) -> list[str]:
    """Whose turn it is: urgent jobs first, then whoever has the fewest in work, then whoever was served longest ago.

    So a hospital that sends ten thousand studies waits for its own alone.
    """

    def turn(one: Waiting) -> tuple[int, int, float, datetime, str]:
        served = one.served_at.timestamp() if one.served_at is not None else 0.0
        return (one.priority, one.in_work, served, one.run_at, one.hospital_id)

    return [one.hospital_id for one in sorted(waiting, key=turn)]


def back_off(attempts: int, leasing: Leasing) -> timedelta:
    """How long to wait after so many failed attempts."""
    return timedelta(seconds=min(leasing.back_off_s * 2.0 ** (attempts - 1), leasing.longest_back_off_s))


def off_peak_start(now: datetime, leasing: Leasing) -> datetime:
    """When what nobody waits for may be done: now, or at the next beginning of the quiet hours."""
    start, end = leasing.off_peak_from, leasing.off_peak_to
    if start is None:
        return now
    clock = now.time()
    quiet = start <= clock < end if start <= end else clock >= start or clock < end
    if quiet:
        return now
    today = now.replace(hour=start.hour, minute=start.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def enqueue(
    session: Session, kind: str, study: StudyRow, generation: int, priority: int, now: datetime, leasing: Leasing
) -> bool:
    """Puts a job in the queue, once for a generation of a study; whether it is new. The caller holds the study's row."""
    known = select(Job.id).where(Job.kind == kind, Job.study_id == study.id, Job.generation == generation)
    if session.scalar(known) is not None:
        return False
    session.add(
        Job(
            kind=kind,
            study_id=study.id,
            generation=generation,
            hospital_id=study.hospital_id,
            priority=priority,
            state="ready",
            run_at=off_peak_start(now, leasing) if priority == OFF_PEAK else now,
            created_at=now,
        )
    )
    return True


def is_due(session: Session, kind: str, now: datetime) -> bool:
    """Whether a look at the queue is worth a transaction that writes."""
    ready = and_(Job.state == "ready", Job.run_at <= now)
    expired = and_(Job.state == "leased", Job.leased_until < now)
    return session.scalar(select(Job.id).where(Job.kind == kind, or_(ready, expired)).limit(1)) is not None


def take(session: Session, kind: str, now: datetime, leasing: Leasing) -> Lease | None:
    """Leases the job whose turn it is; None where none is due. Leases that ran out are freed before."""
    _free_expired(session, kind, now, leasing)
    for hospital_id in fair_order(_waiting(session, kind, now)):
        job = session.scalar(
            select(Job)
            .where(Job.hospital_id == hospital_id, Job.state == "ready", Job.kind == kind, Job.run_at <= now)
            .order_by(Job.priority, Job.run_at, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:  # others hold all of it in this moment
            continue
        job.state, job.lease = "leased", secrets.token_hex(16)
        job.leased_until = now + timedelta(seconds=leasing.lease_s)
        job.attempts += 1
        hospital = session.scalar(
            select(Hospital).where(Hospital.id == hospital_id).with_for_update(skip_locked=True, key_share=True)
        )
        if hospital is not None:  # else another worker serves it in this moment, and writes the same
            hospital.served_at = now
        session.flush()
        return Lease(job.id, job.lease, kind, job.study_id, job.generation, hospital_id, job.attempts)
    return None


def beat(session: Session, lease: Lease, now: datetime, leasing: Leasing) -> bool:
    """Keeps a lease for longer; False where it is lost."""
    changed = session.execute(
        update(Job)
        .where(Job.id == lease.job_id, Job.lease == lease.word, Job.state == "leased")
        .values(leased_until=now + timedelta(seconds=leasing.lease_s))
        .returning(Job.id)
    )
    return changed.first() is not None


def held(session: Session, lease: Lease) -> Job:
    """The job of a lease, locked until the end of the transaction; raises LeaseLostError where another has it."""
    job = session.scalar(
        select(Job)
        .where(Job.id == lease.job_id, Job.lease == lease.word, Job.state == "leased")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise LeaseLostError(f"job {lease.job_id}: its lease ran out, and another worker has it")
    return job


def done(job: Job, now: datetime, reason: str = "") -> None:
    """Ends a job that is held; `reason` where there was nothing to do."""
    job.state, job.lease, job.leased_until, job.done_at, job.reason = "done", "", None, now, reason[:REASON_LENGTH]


def failed(session: Session, lease: Lease, error: BaseException, now: datetime, leasing: Leasing) -> bool:
    """Gives a job back: to be tried again later for our faults, or for ever; whether it will be tried again.

    An archive or a database that is away counts as no attempt for a day. Raises LeaseLostError where another has it.
    """
    job = held(session, lease)
    if isinstance(error, ServiceError) and now - job.created_at < OUTAGE:
        job.attempts -= 1
    if isinstance(error, InputError) or job.attempts >= leasing.attempts:
        _bury(session, job, reason_of(error), now)
        return False
    job.state, job.lease, job.leased_until = "ready", "", None
    job.run_at, job.reason = now + back_off(lease.attempt, leasing), reason_of(error)[:REASON_LENGTH]
    return True


def revive(session: Session, job_id: int, actor: str, now: datetime) -> None:
    """Lets a job that was given up be tried again; raises InputError where there is no such job."""
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.state != "dead":
        raise InputError(f"job {job_id}: is not among those given up; look at the list again")
    job.state, job.attempts, job.run_at, job.done_at = "ready", 0, now, None
    audit.append(session, actor, "job revived", f"study:{job.study_id}", {"job": job.id, "kind": job.kind}, at=now)


def _waiting(session: Session, kind: str, now: datetime) -> list[Waiting]:
    """The hospitals that have a job due; asked hospital by hospital, so that a long queue costs no more than a short one."""
    first, busy = aliased(Job), aliased(Job)
    ready = (
        select(first.id)
        .where(first.hospital_id == Hospital.id, first.state == "ready", first.kind == kind, first.run_at <= now)
        .order_by(first.priority, first.run_at)
        .limit(1)
        .correlate(Hospital)
        .scalar_subquery()
    )
    in_work = (
        select(func.count())
        .where(busy.hospital_id == Hospital.id, busy.state == "leased", busy.kind == kind)
        .correlate(Hospital)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Hospital.id, Hospital.served_at, Job.priority, Job.run_at, in_work).join(Job, Job.id == ready)
    )
    return [Waiting(id_, priority, run_at, busy_, served) for id_, served, priority, run_at, busy_ in rows]


def _free_expired(session: Session, kind: str, now: datetime, leasing: Leasing) -> None:
    expired = session.scalars(
        select(Job)
        .where(Job.state == "leased", Job.kind == kind, Job.leased_until < now)
        .with_for_update(skip_locked=True)
    )
    for job in expired:
        metrics.JOBS.labels(kind, "expired").inc()
        job.reason = f"the worker of attempt {job.attempts} ended in the middle of it, or stood still"
        if job.attempts >= leasing.attempts:
            _bury(session, job, job.reason, now)
        else:
            job.state, job.lease, job.leased_until, job.run_at = "ready", "", None, now


def _bury(session: Session, job: Job, reason: str, now: datetime) -> None:
    job.state, job.lease, job.leased_until, job.done_at = "dead", "", None, now
    job.reason = reason[:REASON_LENGTH]
    detail = {"job": job.id, "kind": job.kind, "attempts": job.attempts, "reason": job.reason}
    audit.append(session, "service", "job given up", f"study:{job.study_id}", detail, at=now)
