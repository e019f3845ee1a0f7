"""How the service stands, as its database and disk tell: queues, outbox, reviews, pool, room. Asked when metrics are read.

Every process may answer: what they say is the same for all, so that a dashboard takes one of them (max), never their sum.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qc_models.errors import QcError
from serving.database.sessions import Database
from serving.database.tables import Job, OutboxRow, PoolEntry, QuarantineRow, Review, StudyRow
from serving.pool import ACTIVE

AGAIN_S = 15.0  # a question is asked again after so many seconds,
SHARE = 0.02  # and never takes more than this share of the time
_PRIORITIES = {0: "urgent", 1: "usual", 2: "off_peak"}

log = structlog.get_logger(__name__)

_Value = tuple[tuple[str, ...], float]
_Question = Callable[[Session, datetime], Iterable[tuple[str, _Value]]]

GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "touchstone_studies": ("Studies by state (arriving, closed, scored)", ("state",)),
    "touchstone_arriving_oldest_seconds": ("Since the last instance of the arriving study that waits longest", ()),
    "touchstone_jobs_waiting": ("Jobs that are due or come later, by kind and priority", ("kind", "priority")),
    "touchstone_jobs_oldest_seconds": (
        "Since the oldest waiting job was due, by kind and priority",
        ("kind", "priority"),
    ),
    "touchstone_jobs_leased": ("Jobs in work", ("kind",)),
    "touchstone_jobs_dead": ("Jobs that were given up and wait for an engineer", ("kind",)),
    "touchstone_outbox_waiting": ("Messages to be sent, by receiver", ("kind", "target")),
    "touchstone_outbox_oldest_seconds": (
        "Since the oldest message that waits was written, by receiver",
        ("kind", "target"),
    ),
    "touchstone_outbox_dead": ("Messages that were given up, by receiver", ("kind", "target")),
    "touchstone_reviews_open": ("Reviews that are open or claimed, by kind", ("kind",)),
    "touchstone_reviews_oldest_seconds": ("Since the oldest open review was opened, by kind", ("kind",)),
    "touchstone_pool_entries_active": ("Entries of the recognition pool that may be accepted", ()),
    "touchstone_quarantine_objects": ("Broken objects that are kept apart", ()),
    "touchstone_archive_free_bytes": ("Room on the disk of the archive", ()),
    "touchstone_archive_size_bytes": ("Size of the disk of the archive", ()),
    "touchstone_database_up": ("1 where the database answers", ()),
}


class Standing(Collector):
    """Answers the questions of a scrape; those that take long are asked seldom, and a database that is away says so."""

    def __init__(self, database: Database, archive_folder: Path | None) -> None:
        self._database = database
        self._archive_folder = archive_folder
        self._known: dict[_Question, tuple[float, list[tuple[str, _Value]]]] = {}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """All gauges without their values, so that registering asks nothing."""
        for name, (text, labels) in GAUGES.items():
            yield GaugeMetricFamily(name, text, labels=labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges."""
        families = {family.name: family for family in self.describe()}
        answers = self._disk()
        try:
            for question in _QUESTIONS:
                answers += self._answer(question)
            answers.append(("touchstone_database_up", ((), 1.0)))
        except QcError as error:
            log.warning("metrics without the database", reason=str(error))
            answers.append(("touchstone_database_up", ((), 0.0)))
        for name, (labels, value) in answers:
            families[name].add_metric(labels, value)
        yield from families.values()

    def _answer(self, question: _Question) -> list[tuple[str, _Value]]:
        again, answer = self._known.get(question, (0.0, []))
        begun = time.monotonic()
        if begun >= again:
            with self._database.reading() as session:
                answer = list(question(session, self._database.now()))
            took = time.monotonic() - begun
            self._known[question] = (begun + max(AGAIN_S, took / SHARE), answer)
        return answer

    def _disk(self) -> list[tuple[str, _Value]]:
        if self._archive_folder is None:
            return []
        try:
            status = os.statvfs(self._archive_folder)
        except OSError:
            return []
        return [
            ("touchstone_archive_free_bytes", ((), float(status.f_bavail * status.f_frsize))),
            ("touchstone_archive_size_bytes", ((), float(status.f_blocks * status.f_frsize))),
        ]


def _studies(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    for state, count in session.execute(select(StudyRow.state, func.count()).group_by(StudyRow.state)):
        yield "touchstone_studies", ((state,), count)


def _arriving(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    oldest = session.scalar(select(func.min(StudyRow.last_instance_at)).where(StudyRow.state == "arriving"))
    yield "touchstone_arriving_oldest_seconds", ((), _age_s(oldest, now))


def _jobs(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    columns = (Job.state, Job.kind, Job.priority)
    rows = session.execute(
        select(*columns, func.count(), func.min(Job.run_at))
        .where(Job.state.in_(("ready", "leased", "dead")))
        .group_by(*columns)
    )
    held: dict[tuple[str, str], int] = {}
    for state, kind, priority, count, oldest in rows:
        if state == "ready":
            labels = (kind, _PRIORITIES.get(priority, "other"))
            yield "touchstone_jobs_waiting", (labels, count)
            yield "touchstone_jobs_oldest_seconds", (labels, _age_s(oldest, now))
        else:
            held[state, kind] = held.get((state, kind), 0) + count
    for (state, kind), count in held.items():
        yield f"touchstone_jobs_{state}", ((kind,), count)


def _outbox(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    columns = (OutboxRow.state, OutboxRow.kind, OutboxRow.target)
    rows = session.execute(
        select(*columns, func.count(), func.min(OutboxRow.created_at))
        .where(OutboxRow.state != "sent")
        .group_by(*columns)
    )
    waiting: dict[tuple[str, str], tuple[int, float]] = {}
    for state, kind, target, count, oldest in rows:
        if state == "dead":
            yield "touchstone_outbox_dead", ((kind, target), count)
        else:  # waiting, or being sent
            known, age = waiting.get((kind, target), (0, 0.0))
            waiting[kind, target] = (known + count, max(age, _age_s(oldest, now)))
    for labels, (count, age) in waiting.items():
        yield "touchstone_outbox_waiting", (labels, count)
        yield "touchstone_outbox_oldest_seconds", (labels, age)


def _reviews(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    rows = session.execute(
        select(Review.kind, func.count(), func.min(Review.created_at))
        .where(Review.state.in_(("open", "claimed")))
        .group_by(Review.kind)
    )
    for kind, count, oldest in rows:
        yield "touchstone_reviews_open", ((kind,), count)
        yield "touchstone_reviews_oldest_seconds", ((kind,), _age_s(oldest, now))


def _pool(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    count = (
        select(func.count())
        .select_from(PoolEntry)
        .where(PoolEntry.state == ACTIVE, PoolEntry.valid_until >= now.astimezone().date())
    )
    yield "touchstone_pool_entries_active", ((), session.scalar(count) or 0)


def _quarantine(session: Session, now: datetime) -> Iterator[tuple[str, _Value]]:
    yield "touchstone_quarantine_objects", ((), session.scalar(select(func.count()).select_from(QuarantineRow)) or 0)


def _age_s(moment: datetime | None, now: datetime) -> float:
    """Seconds since a moment; 0 where there is none, or where it is to come."""
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())


_QUESTIONS: tuple[_Question, ...] = (_studies, _arriving, _jobs, _outbox, _reviews, _pool, _quarantine)
