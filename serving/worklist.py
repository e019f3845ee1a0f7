"""Studies as people look for them: lists by what is asked, one study with all that is known of it, and how much waits for whom.

Lists are walked by a cursor, the order of whose parts never changes for a row that nobody touches, so that nothing is shown twice
or passed over for want of a place in a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, false, func, literal, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from qc_models.policy import Policy
from serving import pool, verdicts
from serving.database.tables import InstanceRow, Job, PoolEntry, QuarantineRow, Review, StudyRow, VerdictRow
from serving.outcome import UNDECIDED

State = Literal["arriving", "closed", "scored"]
Order = Literal["newest", "waiting"]
RECENT = timedelta(days=1)  # of what the front page counts
URGENT_FIRST = case((StudyRow.urgent, 0), else_=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which studies are asked for; what is None is not asked. Days are those of the examination, both inclusive."""

    state: State | None = None
    verdict: str | None = None
    grade: str | None = None
    hospital_id: str | None = None
    item_id: str | None = None
    modality: str | None = None
    since: date | None = None
    until: date | None = None
    order: Order = "newest"

    def conditions(self) -> list[ColumnElement[bool]]:
        """For the `where` of a query over studies with their current verdicts."""
        asked: list[tuple[object, ColumnElement[bool]]] = [
            (self.state, StudyRow.state == self.state),
            (self.verdict, VerdictRow.verdict == self.verdict),
            (self.grade, VerdictRow.grade == self.grade),
            (self.hospital_id, StudyRow.hospital_id == self.hospital_id),
            (self.item_id, _holds(VerdictRow.items, f'"id": "{self.item_id}"')),
            (self.modality, _holds(StudyRow.modalities, f'"{self.modality}"')),
            (self.since, StudyRow.study_date >= self.since if self.since else false()),
            (self.until, StudyRow.study_date <= self.until if self.until else false()),
        ]
        return [condition for value, condition in asked if value is not None]


def studies(
    session: Session, seen: ColumnElement[bool], wanted: Wanted, after: Sequence[Any] | None, limit: int
) -> list[tuple[StudyRow, VerdictRow | None]]:
    """The next studies after a place in the list, each with its current verdict; `seen` are those that the asking one may see.

    Newest first, by their last image; or urgent first, and among them whoever has waited longest.
    """
    newest = wanted.order == "newest"
    columns = (
        (StudyRow.last_instance_at, StudyRow.id) if newest else (URGENT_FIRST, StudyRow.last_instance_at, StudyRow.id)
    )
    rows = session.execute(
        select(StudyRow, VerdictRow)
        .outerjoin(VerdictRow, VerdictRow.id == StudyRow.verdict_id)
        .where(seen, *wanted.conditions(), behind(columns, after, descending=newest))
        .order_by(*(column.desc() if newest else column for column in columns))
        .limit(limit)
    )
    return [(study, verdict) for study, verdict in rows]


def place(study: StudyRow, order: Order) -> list[Any]:
    """Where a study stands in a list, for its cursor."""
    newest = [study.last_instance_at, study.id]
    return newest if order == "newest" else [0 if study.urgent else 1, *newest]


def behind(
    columns: Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]],
    after: Sequence[Any] | None,
    *,
    descending: bool = False,
) -> ColumnElement[bool]:
    """What stands behind a place, in order of columns that all run the same way; all of it where there is no place."""
    if after is None:
        return true()
    here = tuple_(*(literal(value, column.type) for value, column in zip(after, columns, strict=True)))
    return tuple_(*columns) < here if descending else tuple_(*columns) > here


@dataclass(frozen=True, slots=True)
class SeriesSeen:
    """What came of a series so far."""

    uid: str
    modality: str
    number: int | None
    description: str
    num_instances: int
    num_conflicting: int


@dataclass(frozen=True, slots=True)
class Known:
    """One study with all that is known of it. `first_look` is the warning that belongs to images still coming."""

    study: StudyRow
    verdict: VerdictRow | None
    first_look: VerdictRow | None
    history: Sequence[VerdictRow]
    series: Sequence[SeriesSeen]
    jobs: Sequence[Job]
    entries: Sequence[pool.Offered]
    reviews: Sequence[Review]


def known_of(session: Session, study: StudyRow, policy: Policy) -> Known:
    """All that is known of a study; what its entries are worth under a policy."""
    history = verdicts.history(session, study.id)
    coming = study.generation + (1 if study.state == "arriving" else 0)
    looks = (row for row in history if row.kind == verdicts.FIRST_LOOK and row.generation == coming)
    return Known(
        study=study,
        verdict=next((row for row in history if row.id == study.verdict_id), None),
        first_look=next(looks, None),
        history=history,
        series=_series(session, study.id),
        jobs=session.scalars(select(Job).where(Job.study_id == study.id).order_by(Job.id.desc())).all(),
        entries=pool.offered(session, policy, PoolEntry.study_id == study.id)[::-1],
        reviews=session.scalars(select(Review).where(Review.study_id == study.id).order_by(Review.id.desc())).all(),
    )


def _series(session: Session, study_id: int) -> list[SeriesSeen]:
    conflicting = func.sum(case((InstanceRow.conflicting, 1), else_=0))
    rows = session.execute(
        select(
            InstanceRow.series_instance_uid,
            func.min(InstanceRow.modality),
            func.min(InstanceRow.series_number),
            func.min(InstanceRow.series_description),
            func.count(),
            conflicting,
        )
        .where(InstanceRow.study_id == study_id)
        .group_by(InstanceRow.series_instance_uid)
        .order_by(func.min(InstanceRow.series_number), InstanceRow.series_instance_uid)
    )
    return [SeriesSeen(*row) for row in rows]


def quarantined(
    session: Session, hospital_id: str | None, after: Sequence[Any] | None, limit: int
) -> Sequence[QuarantineRow]:
    """What could not be taken, newest first; of one hospital, or of all."""
    own = true() if hospital_id is None else QuarantineRow.hospital_id == hospital_id
    older = behind((QuarantineRow.id,), after, descending=True)
    return session.scalars(select(QuarantineRow).where(own, older).order_by(QuarantineRow.id.desc()).limit(limit)).all()


def dead_jobs(session: Session, after: Sequence[Any] | None, limit: int) -> Sequence[tuple[Job, StudyRow]]:
    """Jobs that were given up, newest first, with their studies."""
    rows = session.execute(
        select(Job, StudyRow)
        .join(StudyRow, StudyRow.id == Job.study_id)
        .where(Job.state == "dead", behind((Job.id,), after, descending=True))
        .order_by(Job.id.desc())
        .limit(limit)
    )
    return [(job, study) for job, study in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is and waits: studies of the last day by state and verdict, and all that waits, by kind."""

    states: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, int] = field(default_factory=dict)
    reviews: Mapping[str, int] = field(default_factory=dict)
    oldest_review_at: datetime | None = None
    dead_jobs: int = 0
    quarantined: int = 0


def counts(session: Session, seen: ColumnElement[bool], hospital_id: str | None, now: datetime) -> Counts:
    """What the front page counts of the studies that somebody may see."""
    recent = and_(seen, StudyRow.last_instance_at > now - RECENT)
    states = select(StudyRow.state, func.count()).where(recent).group_by(StudyRow.state)
    judged = (
        select(VerdictRow.verdict, func.count())
        .join(StudyRow, StudyRow.verdict_id == VerdictRow.id)
        .where(recent)
        .group_by(VerdictRow.verdict)
    )
    waiting = and_(seen, Review.state.in_(UNDECIDED))
    reviews = select(Review.kind, func.count()).join(StudyRow, StudyRow.id == Review.study_id).where(waiting)
    oldest = select(func.min(Review.created_at)).join(StudyRow, StudyRow.id == Review.study_id).where(waiting)
    dead = select(func.count()).select_from(Job).join(StudyRow, StudyRow.id == Job.study_id)
    refused = select(func.count()).select_from(QuarantineRow).where(QuarantineRow.received_at > now - RECENT)
    if hospital_id is not None:
        refused = refused.where(QuarantineRow.hospital_id == hospital_id)
    return Counts(
        states=_by_word(session, states),
        verdicts=_by_word(session, judged),
        reviews=_by_word(session, reviews.group_by(Review.kind)),
        oldest_review_at=session.scalar(oldest),
        dead_jobs=session.scalar(dead.where(seen, Job.state == "dead")) or 0,
        quarantined=session.scalar(refused) or 0,
    )


def _by_word(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _holds(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """Whether the JSON of a column holds a text, on any database; the ids that are asked for hold nothing to be escaped."""
    return cast(column, String).contains(text, autoescape=True)
