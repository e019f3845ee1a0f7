"""Closes studies that are all there, and puts them in the queue: once for each generation, whatever dies in between.

`Closer.step` looks at what is due. It reads the evidence of a study outside any transaction, and acts on it only where the study is
still as it was; so any number of closers may run side by side.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

import structlog
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from qc_models.errors import ServiceError
from qc_models.exam_item import Catalogue
from serving import audit, jobs
from serving.archive import Archive
from serving.database.sessions import Database
from serving.database.tables import InstanceRow, Job, PerformedStep, StudyRow
from serving.evidence_ledger import Arrival, Closing, Decision, ItemSeen, Manifest, Step, decide, hopeful
from serving.observing import tracing

ARRIVING, CLOSED = "arriving", "closed"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
_MANIFESTS = frozenset(str(code) for code in range(113030, 113036))  # of PS3.16 CID 7010
_MOST_MANIFESTS = 20
_AT_ONCE = 50  # studies a step
_CLAIM = timedelta(seconds=60)  # while one closer looks at a study the others leave it alone
_HEADERS_A_SERIES = 40  # tell what it shows; all of them would tell no more

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A study as it was when its evidence was gathered."""

    id: int
    uid: str
    generation: int
    num_instances: int
    last_instance_at: datetime


class Closer:
    """Looks at arriving studies, closes those that are all there, and enqueues what is to be done."""

    def __init__(
        self, database: Database, archive: Archive, catalogue: Catalogue, closing: Closing, leasing: jobs.Leasing
    ) -> None:
        self._database = database
        self._archive = archive
        self._catalogue = catalogue
        self._closing = closing
        self._leasing = leasing

    def step(self) -> int:
        """Looks at the studies that are due; how many were closed."""
        now = self._database.now()
        with self._database.reading() as session:
            to_warn = session.scalars(_first_looks(now - timedelta(seconds=self._closing.first_look_s))).all()
            due = session.scalars(_due(now)).all()
        if to_warn:
            self._enqueue_first_looks(to_warn)
        return sum(self._look_at(study_id) for study_id in due)

    def _enqueue_first_looks(self, study_ids: Sequence[int]) -> None:
        now = self._database.now()
        with self._database.writing() as session:
            for study_id in sorted(study_ids):
                study = held_study(session, study_id)
                if study is not None and study.state == ARRIVING:
                    priority = priority_of(study.urgent, study.study_date, now.date(), self._closing)
                    jobs.enqueue(session, jobs.FIRST_LOOK, study, study.generation + 1, priority, now, self._leasing)

    def _look_at(self, study_id: int) -> bool:
        """Gathers the evidence of one study and acts on it; whether it was closed. What fails here is tried again later."""
        try:
            seen = self._claim(study_id)
            if seen is None:
                return False
            with self._database.reading() as session:
                arrival, instances = self._gather(session, seen)
            decision = hopeful(arrival, self._closing)
            if decision.closed:
                arrival = replace(arrival, items=self._items(seen.uid, instances))
                decision = decide(arrival, self._closing)
            return self._act(seen, arrival, decision)
        except ServiceError as error:
            log.warning("study not looked at", study=study_id, reason=str(error))
            return False

    def _claim(self, study_id: int) -> _Seen | None:
        now = self._database.now()
        with self._database.writing() as session:
            study = held_study(session, study_id)
            if study is None or study.state != ARRIVING or study.close_at is None or study.close_at > now:
                return None
            study.close_at = now + _CLAIM
            return _Seen(study.id, study.uid, study.generation, study.num_instances, study.last_instance_at)

    def _gather(self, session: Session, seen: _Seen) -> tuple[Arrival, list[InstanceRow]]:
        study = session.get_one(StudyRow, seen.id)
        instances = list(
            session.scalars(
                select(InstanceRow)
                .where(InstanceRow.study_id == seen.id)
                .order_by(InstanceRow.series_instance_uid, InstanceRow.instance_number, InstanceRow.id)
            )
        )
        here = {instance.sop_instance_uid for instance in instances}
        steps = session.scalars(
            select(PerformedStep).where(
                PerformedStep.hospital_id == study.hospital_id, PerformedStep.study_uid == study.uid
            )
        )
        received = sorted(
            instance.received_at
            for instance in instances
            if study.closed_at is None or instance.received_at > study.closed_at
        )
        arrival = Arrival(
            quiet_s=max(0.0, (self._database.now() - seen.last_instance_at).total_seconds()),
            longest_pause_s=max(
                ((after - before).total_seconds() for before, after in pairwise(received)), default=0.0
            ),
            num_instances=seen.num_instances,
            num_new=len(received),
            declared=study.declared_instances,
            gaps=gaps(instances),
            manifests=tuple(self._manifests(seen.uid, instances, here)),
            steps=tuple(Step(step.status, len(step.instances), len({*step.instances} - here)) for step in steps),
        )
        return arrival, instances

    def _manifests(self, study_uid: str, instances: Sequence[InstanceRow], here: set[str]) -> Iterator[Manifest]:
        """The key object documents of a study that list what it holds."""
        documents = [instance for instance in instances if instance.sop_class_uid == KEY_OBJECTS]
        for document in documents[:_MOST_MANIFESTS]:
            with self._archive.local(document.archive_key) as path, _silent_where_not_understood():
                code, listed = manifest_of(path, study_uid)
                if code and listed:
                    yield Manifest(code, len(listed), len(listed - here))

    def _items(self, study_uid: str, instances: Sequence[InstanceRow]) -> tuple[ItemSeen, ...]:
        """The exam items that the headers show, with what they lack; nothing where no item fits."""
        with ExitStack() as stack:
            keys = [instance.archive_key for instance in sample(instances)]
            paths = [stack.enter_context(self._archive.local(key)) for key in keys]
            with _silent_where_not_understood():
                return tuple(items_of(paths, study_uid, self._catalogue))
        return ()

    def _act(self, seen: _Seen, arrival: Arrival, decision: Decision) -> bool:
        """Closes the study, or says when to look again; nothing where something came since."""
        now = self._database.now()
        with self._database.writing() as session:
            study = held_study(session, seen.id)
            if (
                study is None
                or study.state != ARRIVING
                or _Seen(study.id, study.uid, study.generation, study.num_instances, study.last_instance_at) != seen
            ):
                return False
            if not decision.closed:
                study.close_at = now + timedelta(seconds=decision.wait_s)
                return False
            study.state, study.generation = CLOSED, study.generation + 1
            study.closed_at, study.close_at = now, None
            study.close_confidence, study.close_evidence = decision.confidence, decision.evidence(arrival)
            priority = priority_of(study.urgent, study.study_date, now.date(), self._closing)
            jobs.enqueue(session, jobs.SCORE, study, study.generation, priority, now, self._leasing)
            detail = {
                "generation": study.generation,
                "instances": study.num_instances,
                "confidence": decision.confidence,
            }
            audit.append(session, "service", "study closed", f"study:{study.id}", detail, at=now)
        tracing.arrived(study, study.generation, now, decision.confidence)
        return True


def priority_of(urgent: bool, study_date: date | None, today: date, closing: Closing) -> int:
    """Urgent before usual before what comes from an archive, which nobody waits for."""
    if urgent:
        return jobs.URGENT
    old = study_date is not None and (today - study_date).days > closing.off_peak_days
    return jobs.OFF_PEAK if old else jobs.USUAL


def gaps(instances: Sequence[InstanceRow]) -> dict[str, int]:
    """How many instance numbers are absent inside each series of CT and MR that has any absent."""
    from qc_models.checks.completeness.instance_numbers import missing_numbers

    found = {
        uid: len(
            missing_numbers(
                member.instance_number
                for member in members
                if member.instance_number is not None and member.modality in ("CT", "MR")
            )
        )
        for uid, members in groupby(instances, key=lambda instance: instance.series_instance_uid)
    }
    return {uid: absent for uid, absent in found.items() if absent}


def sample(instances: Sequence[InstanceRow]) -> list[InstanceRow]:
    """Of each series some instances from its first to its last, evenly; `instances` in order of series and number."""
    chosen: list[InstanceRow] = []
    sound = (instance for instance in instances if not instance.conflicting)
    for _, group in groupby(sound, key=lambda instance: instance.series_instance_uid):
        members = list(group)
        step = max(1.0, (len(members) - 1) / (_HEADERS_A_SERIES - 1))
        chosen += (members[round(place * step)] for place in range(min(len(members), _HEADERS_A_SERIES)))
    return chosen


def manifest_of(path: Path, study_uid: str) -> tuple[str, set[str]]:
    """The code of a key object document that lists a study (empty where it is another), and the instances it lists."""
    from qc_models.dicom.header import read_header

    header = read_header(path, "the document")
    codes = {code.text("CodeValue") or "" for code in header.items("ConceptNameCodeSequence")} & _MANIFESTS
    listed = {
        uid
        for study in header.items("CurrentRequestedProcedureEvidenceSequence")
        if study.text("StudyInstanceUID") == study_uid
        for series in study.items("ReferencedSeriesSequence")
        for item in series.items("ReferencedSOPSequence")
        if (uid := item.text("ReferencedSOPInstanceUID"))
    }
    return min(codes, default=""), listed


def items_of(paths: Sequence[Path], study_uid: str, catalogue: Catalogue) -> Iterator[ItemSeen]:
    """The exam items of the study that these files belong to, by headers alone."""
    from inference.pipeline import facts_of
    from inference.reading import read_studies
    from qc_models.checks.completeness.required_components import unfilled_by_side
    from qc_models.item_matching import match, stacks_for
    from qc_models.roles.describe import describe
    from qc_models.stack import split

    for study in read_studies(paths).studies:
        if study.study_instance_uid != study_uid:
            continue
        stacks = tuple(stack for series in study.series for stack in split(series))
        facts = facts_of(study, describe(study, stacks), (), (), {}, pixels_examined=False)
        for matched in match(facts, catalogue):
            if not matched.item.is_fallback:
                unfilled = unfilled_by_side(matched.item, stacks_for(matched.item, facts), facts.request.texts)
                missing = tuple(component for quantity, component, _ in unfilled if quantity == "missing")
                yield ItemSeen(matched.item.id, missing, matched.sure)


@contextmanager
def _silent_where_not_understood() -> Iterator[None]:
    """Headers that lead our code astray say nothing; no study waits for ever because of them."""
    try:
        yield
    except ServiceError:
        raise
    except Exception as error:
        log.error("headers not understood", reason=jobs.reason_of(error))


def held_study(session: Session, study_id: int) -> StudyRow | None:
    """A study's row as it is now, which nobody else changes before the transaction ends; None where there is none."""
    return session.get(StudyRow, study_id, with_for_update=True, populate_existing=True)


def _due(now: datetime) -> Select[int]:
    query = select(StudyRow.id).where(StudyRow.state == ARRIVING, StudyRow.close_at <= now)
    return query.order_by(StudyRow.urgent.desc(), StudyRow.close_at).limit(_AT_ONCE)


def _first_looks(before: datetime) -> Select[int]:
    """Studies of which images arrive, that began early enough, and whose headers nobody was asked to look at in this generation."""
    job = aliased(Job)
    asked = exists().where(
        job.kind == jobs.FIRST_LOOK, job.study_id == StudyRow.id, job.generation == StudyRow.generation + 1
    )
    query = select(StudyRow.id).where(StudyRow.state == ARRIVING, StudyRow.first_instance_at <= before, ~asked)
    # a report alone opens a study too, and no images are to be expected then
    query = query.where(or_(StudyRow.closed_at.is_(None), StudyRow.last_instance_at > StudyRow.closed_at))
    return query.order_by(StudyRow.first_instance_at).limit(_AT_ONCE)
