"""A worker: closes studies, takes jobs, examines, and writes each result in one transaction that proves the lease still holds.

It may be killed at any moment: until that transaction is committed nothing was said, and another worker takes the job when the
lease has run out. After it, the job is done.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import structlog
from sqlalchemy import select
from structlog.contextvars import bound_contextvars

from configs.strict import HERE
from qc_models.errors import QcError, ServiceError
from qc_models.exam_item import Catalogue, ExamItem, load_catalogue
from qc_models.policy import Policy, load_policy
from qc_models.report import QcReport
from qc_models.report_form import ReportForm
from serving import jobs, radiology_reports, standing, verdicts
from serving.archive import Archive
from serving.closing import ARRIVING, CLOSED, Closer
from serving.database.sessions import Database
from serving.database.tables import Hospital, InstanceRow, StudyRow
from serving.deliver.lanes import Lane
from serving.deliver.receivers import deliveries_of
from serving.evidence_ledger import Closing
from serving.observing import metrics, tracing
from serving.opened_service import OpenedService
from serving.outcome import Following, follow, tell
from serving.pool import person_key

if TYPE_CHECKING:
    from inference.engine.study_engine import Engine
    from inference.pipeline import Settings

DEFAULT_CATALOGUE = HERE / "exam_items"
IDLE_S = 1.0  # between two looks at an empty queue
OVERDUE = 75  # exit code of a process whose job stood still
IN_TIME = 0.9  # of the time after which a job stands still: then its study is given up, and its process need not end

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Examining:
    """How a worker examines: by which catalogue, with pixels and models or without, on how many threads."""

    catalogue: Catalogue
    pixels: bool = True
    models: bool = True
    threads: int = 1

    @cached_property
    def first_look_catalogue(self) -> Catalogue:
        """The catalogue without limits on completeness: what is still on its way is not missing."""
        items = {item_id: _without_completeness(item) for item_id, item in self.catalogue.items.items()}
        return Catalogue(items, _without_completeness(self.catalogue.fallback))


class Worker:
    """Does what is to be done in lanes: closing and first looks, which are quick, beside scoring; and one out to each receiver."""

    def __init__(
        self,
        database: Database,
        archive: Archive,
        examining: Examining,
        following: Following,
        closing: Closing,
        leasing: jobs.Leasing,
        outward: Sequence[Lane] = (),
        engine: "Engine | None" = None,
        at_once: int = 1,
    ) -> None:
        """`engine` scores, `at_once` studies at a time; this process where none is given. First looks are always taken here."""
        from inference.engine.local_engine import LocalEngine
        from inference.engine.section import EngineSection

        self._here = LocalEngine(EngineSection())
        self._engine = engine if engine is not None else self._here
        self._at_once = at_once
        self._database = database
        self._archive = archive
        self._examining = examining
        self._following = following
        self._leasing = leasing
        self._outward = outward
        self._closer = Closer(database, archive, examining.catalogue, closing, leasing)

    def run(self, stop: threading.Event) -> None:
        """Works until it is told to stop, and finishes what it has begun."""
        steps = [("closing", self.close), ("first looks", self.look)]
        steps += [(f"scoring {number}", self.score) for number in range(1, self._at_once + 1)]
        steps += [(f"{lane.kind} to {lane.target}", lane.step) for lane in self._outward]
        lanes = [threading.Thread(target=self._lane, args=(stop, step), name=name) for name, step in steps]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        self._engine.close()

    def close(self) -> bool:
        """Closes what is due; whether there was anything."""
        return self._closer.step() > 0

    def look(self) -> bool:
        """Takes a first look at the study whose turn it is; whether there was one."""
        return self.work(jobs.FIRST_LOOK)

    def score(self) -> bool:
        """Scores the study whose turn it is; whether there was one."""
        return self.work(jobs.SCORE)

    def work(self, kind: str) -> bool:
        """Takes one job and does it; False where none is due. What goes wrong with a study is kept with its job."""
        with self._database.reading() as session:
            if not jobs.is_due(session, kind, self._database.now()):
                return False
        with self._database.writing() as session:
            lease = jobs.take(session, kind, self._database.now(), self._leasing)
        if lease is None:
            return False
        begun = self._database.now()
        bound = log.bind(job=lease.job_id, study=lease.study_id, kind=kind, attempt=lease.attempt)
        try:
            with (
                bound_contextvars(job=lease.job_id, study=lease.study_id),
                Heartbeat(self._database, lease, self._leasing),
            ):
                self._do(lease, bound)
        except jobs.LeaseLostError as error:
            metrics.JOBS.labels(kind, "lease_lost").inc()
            bound.warning("lease lost", reason=str(error))
        except Exception as error:
            again = self._give_back(lease, error, bound)
            tracing.failed(lease.study_id, lease.generation, kind, begun, self._database.now(), again)
        return True

    def _lane(self, stop: threading.Event, step: Callable[[], bool]) -> None:
        while not stop.is_set():
            try:
                busy = step()
            except QcError as error:
                log.warning("work waits", reason=str(error))
                busy = False
            except Exception as error:  # a mistake of ours must not end the lane
                log.error("work waits", reason=jobs.reason_of(error))
                busy = False
            if not busy:
                stop.wait(IDLE_S)

    def _do(self, lease: jobs.Lease, bound: Any) -> None:
        begun = time.monotonic()
        with self._database.reading() as session:
            study = session.get_one(StudyRow, lease.study_id)
            hospital = session.get_one(Hospital, lease.hospital_id)
            keys = session.scalars(select(InstanceRow.archive_key).where(InstanceRow.study_id == study.id)).all()
            reports = radiology_reports.of_study(session, study)
            policy = standing.policy_for(self._following.policy, hospital, session, self._today())
        if not _is_wanted(study, lease):
            with self._database.writing() as session:
                jobs.done(jobs.held(session, lease), self._database.now(), "the study has changed since")
            return
        why = self._why_headers_only(lease)
        report = self._examine(study, policy, sorted(set(keys)), reports, lease.kind, headers_only=bool(why))
        marks = {"degraded": f"headers only, {why}"} if why else _without_models(report)
        if standing.decided(self._following.policy, policy, report):
            marks["standing"] = standing.SUSPENDED
        self._write(lease, report, policy, marks, time.monotonic() - begun)
        bound.info("done", verdict=report.verdict, seconds=round(time.monotonic() - begun, 2))

    def _why_headers_only(self, lease: jobs.Lease) -> str:
        """Why the pixels of a study are not looked at, although it is scored; empty where they are."""
        if lease.kind == jobs.FIRST_LOOK:
            return ""
        if not self._examining.pixels:
            return "as configured"
        if 1 < self._leasing.attempts <= lease.attempt:
            return "after failed attempts"
        return self._engine.lack()

    def _examine(
        self,
        study: StudyRow,
        policy: Policy,
        keys: Sequence[str],
        reports: tuple[ReportForm, ...],
        kind: str,
        *,
        headers_only: bool,
    ) -> QcReport:
        """The report of a study; a first look asks its headers alone, and what is still on its way is not missing there."""
        from inference.engine.study_engine import Order

        scoring = kind == jobs.SCORE
        with ExitStack() as stack:
            order = Order(
                study.uid,
                tuple(stack.enter_context(self._archive.local(key)) for key in keys),
                self._settings(policy, kind, headers_only=headers_only),
                study.declared_instances if scoring else None,
                IN_TIME * self._leasing.longest_s,
                reports,
            )
            return (self._engine if scoring else self._here).examine(order)

    def _today(self) -> date:
        """The day of this place: examinations are dated by it."""
        return self._database.now().astimezone().date()

    def _settings(self, policy: Policy, kind: str, *, headers_only: bool) -> "Settings":
        from inference.pipeline import Settings
        from qc_models.model_bundle import SHIPPED
        from qc_models.version import code_version

        first_look = kind == jobs.FIRST_LOOK
        return Settings(
            catalogue=self._examining.first_look_catalogue if first_look else self._examining.catalogue,
            policy=policy,
            as_of=self._today(),
            workers=self._examining.threads,
            pixels=self._examining.pixels and not first_look and not headers_only,
            models=SHIPPED if self._examining.models else None,
            code_version=code_version(),
        )

    def _write(
        self, lease: jobs.Lease, report: QcReport, policy: Policy, marks: Mapping[str, str], seconds: float
    ) -> None:
        """Writes all that follows from a report, or nothing.

        Raises LeaseLostError where another worker has the job, and ServiceError where somebody was suspended since it was begun.
        """
        first_look = lease.kind == jobs.FIRST_LOOK
        with self._database.writing() as session:
            job = jobs.held(session, lease)
            hospital = session.get_one(Hospital, lease.hospital_id)
            by_now = standing.policy_for(self._following.policy, hospital, session, self._today())
            if standing.decided(policy, by_now, report):
                raise ServiceError("hospital or device was suspended while the study was examined; it is examined anew")
            study = session.get_one(StudyRow, lease.study_id, with_for_update=True, populate_existing=True)
            now = self._database.now()
            verdict = verdicts.record(
                session,
                study,
                lease.generation,
                verdicts.FIRST_LOOK if first_look else verdicts.FULL,
                report,
                now,
                seconds=seconds,
                marks=marks,
            )
            if verdict is not None and first_look:
                tell(session, verdict, self._following.deliveries, now)
            elif verdict is not None:
                follow(session, study, verdict, report, self._following, now)
            jobs.done(job, now)
        metrics.JOBS.labels(lease.kind, "done").inc()
        if verdict is not None:
            metrics.examined(lease.kind, study, verdict, seconds, report.content["timings_s"])
            tracing.examined(study, lease.generation, lease.kind, now, seconds, report.content)

    def _give_back(self, lease: jobs.Lease, error: Exception, bound: Any) -> bool:
        """Gives a job back after an error; whether it will be tried again."""
        try:
            with self._database.writing() as session:
                again = jobs.failed(session, lease, error, self._database.now(), self._leasing)
        except jobs.LeaseLostError:
            again = True
        metrics.JOBS.labels(lease.kind, "retried" if again else "dead").inc()
        bound.error("failed", reason=jobs.reason_of(error), again=again)
        return again


def make_worker(service: OpenedService) -> Worker:
    """A worker as the configuration describes it."""
    from inference.engine.made_engine import make_engine
    from serving.deliver.channels import make_lanes

    config = service.config
    policy = load_policy(Path(config.policy)) if config.policy else load_policy()
    cpus = len(os.sched_getaffinity(0))
    examining = Examining(
        load_catalogue(Path(config.catalogue) if config.catalogue else DEFAULT_CATALOGUE),
        pixels=config.worker.pixels,
        models=config.worker.models,
        threads=max(1, cpus // (config.worker.processes * config.engine.at_once)),
    )
    following = Following(policy, person_key(service.secrets.key), deliveries_of(config.receivers))
    lanes = make_lanes(service)
    return Worker(
        service.database,
        service.archive,
        examining,
        following,
        config.closing,
        config.jobs,
        lanes,
        make_engine(config.engine),
        config.engine.at_once,
    )


class Heartbeat:
    """Keeps a lease while its job is done; a job that stands still for too long ends its process, since no thread can be ended."""

    def __init__(
        self, database: Database, lease: jobs.Lease, leasing: jobs.Leasing, end: Callable[[int], object] = os._exit
    ) -> None:
        self._database = database
        self._lease = lease
        self._leasing = leasing
        self._end = end
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for a beat that is under way, so that none comes after the job's end."""
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(self._leasing.heartbeat_s):
            if time.monotonic() - begun > self._leasing.longest_s:
                log.error("job stands still; the process ends", job=self._lease.job_id)
                self._end(OVERDUE)
                return
            try:
                with self._database.writing() as session:
                    if not jobs.beat(session, self._lease, self._database.now(), self._leasing):
                        return
            except QcError as error:
                log.warning("no heartbeat", job=self._lease.job_id, reason=str(error))


def _is_wanted(study: StudyRow, lease: jobs.Lease) -> bool:
    """Whether a study is still as it was when the job was put in the queue."""
    if lease.kind == jobs.FIRST_LOOK:
        return study.state == ARRIVING and study.generation + 1 == lease.generation
    return study.state == CLOSED and study.generation == lease.generation


def _without_models(report: QcReport) -> dict[str, str]:
    """The mark of a verdict that models should have had a part in and could not."""
    checks = {failure["check"] for failure in report.content["failures"]}
    blind = sorted(check.removeprefix("model ") for check in checks if check.startswith("model "))
    return {"degraded": f"without {', '.join(blind)}"} if blind else {}


def _without_completeness(item: ExamItem) -> ExamItem:
    content = item.model_dump(by_alias=True)
    limits = {metric: limit for metric, limit in item.limits.items() if not metric.startswith("completeness.")}
    return ExamItem.model_validate(content | {"limits": limits})
