"""What the service forgets, and when: images, whole studies, what was quarantined, work that is done. Each deletion is audited.

Rows go first, then bytes, each while the study's row is held, as recording holds it: nothing that arrives meanwhile is lost. What
ends a purge in between leaves bytes that no row names, which `touchstone archive sweep` deletes; a study that is being erased keeps
its row until its bytes are gone, and the next run finishes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, Select, and_, delete, exists, func, or_, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from serving import audit, outcome
from serving.archive import Archive
from serving.closing import held_study
from serving.database.sessions import Database
from serving.database.tables import (
    InstanceRow,
    Job,
    OutboxRow,
    PerformedStep,
    PoolEntry,
    QuarantineRow,
    RadiologyReport,
    Review,
    SignedIn,
    StudyRow,
    Table,
    VerdictRow,
)
from serving.intake import study_folder
from serving.outcome import SCORED, UNDECIDED, UPHELD, WITHDRAWN, Delivery
from serving.pool import ACTIVE
from serving.retention_settings import Retention

ERASED = "erased"  # state of a study whose rows are gone, and whose bytes are about to go
COMMAND = "command"  # actor of the audit chain: whoever may run commands on the service's machine
_YEAR = timedelta(days=365.25)
_AT_ONCE = 500


@dataclass
class Purged:
    """What was deleted, or is to be."""

    studies_erased: int = 0
    studies_without_images: int = 0
    quarantined: int = 0
    jobs: int = 0
    messages: int = 0
    sessions: int = 0
    reports: int = 0


class Purge:
    """Deletes what is past its time, and what a person asks to be erased; several may run side by side.

    `deliveries` are those who hear that nobody may rely on a study any more.
    """

    def __init__(
        self, database: Database, archive: Archive, retention: Retention, deliveries: Sequence[Delivery] = ()
    ) -> None:
        self._database = database
        self._archive = archive
        self._retention = retention
        self._deliveries = deliveries

    def due(self) -> Purged:
        """What a run would delete now."""
        now = self._database.now()
        with self._database.reading() as session:

            def count(query: Select[Any] | None) -> int:
                return 0 if query is None else session.scalar(select(func.count()).select_from(query.subquery())) or 0

            erased = count(self._studies_due(now)) + count(_half_erased())
            return Purged(
                studies_erased=erased,
                studies_without_images=count(self._images_due(now)),
                quarantined=count(self._quarantine_due(now)),
                **{name: count(select(table).where(where)) for name, (table, where) in self._rows_due(now).items()},
            )

    def run(self) -> Purged:
        """Deletes all that is past its time; what was deleted."""
        purged = Purged()
        for study_id in self._ids(_half_erased()):
            purged.studies_erased += self._finish(study_id)
        for study_id in self._ids(self._studies_due(self._database.now())):
            purged.studies_erased += self.erase(study_id, f"kept for {self._retention.studies_years} years", "service")
        for study_id in self._ids(self._images_due(self._database.now())):
            purged.studies_without_images += self._delete_images(study_id)
        purged.quarantined = self._delete_quarantined()
        with self._database.writing() as session:
            now = self._database.now()
            for name, (table, where) in self._rows_due(now).items():
                number = _number(session, delete(table).where(where))
                setattr(purged, name, number)
                if number:
                    audit.append(session, "service", f"old {name} deleted", name, {name: number}, at=now)
        return purged

    def found(self, study: str) -> list[int]:
        """The numbers of the studies that a person means: by its number, or by a UID, which several hospitals may have sent."""
        if study.isdecimal():
            return [int(study)]
        return self._ids(select(StudyRow.id).where(StudyRow.uid == study))

    def erase(self, study_id: int, reason: str, actor: str) -> bool:
        """Erases a study: images, verdicts, reports, reviews, pool entries and answers; False where something came meanwhile.

        Of it remain the lines of the audit chain, which name nobody, and messages to those who might rely on it, which hold its UID
        until they are old. InputError where there is no such study.
        """
        with self._database.writing() as session:
            session.execute(select(Job.id).where(Job.study_id == study_id).with_for_update())  # in the worker's order
            study = held_study(session, study_id)
            if study is None:
                raise InputError(f"study {study_id}: there is none; it may be erased already")
            detail = {"reason": reason, **_images(session, study_id)}
            subjects = _subjects(session, study_id)
            for start in range(0, len(subjects), _AT_ONCE):
                session.execute(delete(OutboxRow).where(OutboxRow.subject.in_(subjects[start : start + _AT_ONCE])))
            now = self._database.now()
            for verdict in _relied_on(session, study_id, now):
                outcome.tell_erased(session, study, verdict, self._deliveries, now)
            session.flush()
            beside: tuple[type[PerformedStep | RadiologyReport], ...] = (PerformedStep, RadiologyReport)
            for named in beside:
                session.execute(
                    delete(named).where(named.hospital_id == study.hospital_id, named.study_uid == study.uid)
                )
            for table, belongs in reversed(_below(study_id)):
                session.execute(table.delete().where(belongs))
            study.state, study.close_at, study.verdict_id, study.num_instances = ERASED, None, None, 0
            audit.append(session, actor, "study erased", f"study:{study_id}", detail, at=now)
        return self._finish(study_id)

    def _delete_images(self, study_id: int) -> bool:
        now = self._database.now()
        with self._database.writing() as session:
            study = held_study(session, study_id)
            if study is None or session.scalar(self._images_due(now).where(StudyRow.id == study_id)) is None:
                return False  # something came, or a person looks at it
            detail = {"reason": f"kept for {self._retention.images_days} days", **_images(session, study_id)}
            session.execute(delete(InstanceRow).where(InstanceRow.study_id == study_id))
            study.num_instances = 0
            outcome.withdraw(session, study, "its images were deleted", "service", self._deliveries, now)
            audit.append(session, "service", "images deleted", f"study:{study_id}", detail, at=now)
        self._delete_bytes(study_id)
        return True

    def _finish(self, study_id: int) -> bool:
        """Deletes the bytes of a study that is being erased, and its row; False where something came, so that it lives."""
        self._delete_bytes(study_id)
        with self._database.writing() as session:
            study = held_study(session, study_id)
            if study is None or study.state != ERASED:
                return False
            session.delete(study)
            return True

    def _delete_bytes(self, study_id: int) -> None:
        """Deletes what lies in a study's folder and no row of it names; what comes meanwhile waits for the study's row."""
        with self._database.writing() as session:
            study = held_study(session, study_id)
            if study is None:
                return
            named = set(session.scalars(select(InstanceRow.archive_key).where(InstanceRow.study_id == study_id)))
            for listed in list(self._archive.listed(study_folder(study.hospital_id, study.uid))):
                if listed.key not in named:
                    self._archive.delete(listed.key)

    def _delete_quarantined(self) -> int:
        query = self._quarantine_due(self._database.now())
        deleted = 0
        for row_id in self._ids(query):
            with self._database.writing() as session:
                row = session.get(QuarantineRow, row_id, with_for_update=True)
                if row is None:
                    continue
                detail = {"hospital": row.hospital_id, "bytes": row.size_bytes}
                session.delete(row)
                audit.append(session, "service", "quarantined object deleted", f"quarantine:{row_id}", detail)
            with self._database.writing() as session:
                again = select(QuarantineRow.id).where(
                    QuarantineRow.hospital_id == row.hospital_id, QuarantineRow.digest == row.digest
                )
                if session.scalar(again) is None:
                    self._archive.delete(row.archive_key)
            deleted += 1
        return deleted

    def _ids(self, query: Select[Any] | None) -> list[int]:
        if query is None:
            return []
        with self._database.reading() as session:
            return sorted(session.scalars(query))

    def _studies_due(self, now: datetime) -> Select[Any] | None:
        years = self._retention.studies_years
        return None if years is None else _judged_before(now - years * _YEAR)

    def _images_due(self, now: datetime) -> Any:
        days = self._retention.images_days
        if days is None:
            return None
        return _judged_before(now - timedelta(days=days)).where(exists().where(InstanceRow.study_id == StudyRow.id))

    def _quarantine_due(self, now: datetime) -> Select[Any] | None:
        days = self._retention.quarantine_days
        return (
            None
            if days is None
            else select(QuarantineRow.id).where(QuarantineRow.received_at < now - timedelta(days=days))
        )

    def _rows_due(self, now: datetime) -> dict[str, tuple[type[Table], ColumnElement[bool]]]:
        """Rows that nobody needs any more, by the name of what they are."""
        due: dict[str, tuple[type[Table], ColumnElement[bool]]] = {"sessions": (SignedIn, SignedIn.ends_at < now)}
        if (days := self._retention.jobs_days) is not None:
            scored = exists().where(StudyRow.id == Job.study_id, StudyRow.state == SCORED)
            due["jobs"] = (Job, and_(Job.state == "done", Job.done_at < now - timedelta(days=days), scored))
        if (days := self._retention.messages_days) is not None:
            sent = and_(OutboxRow.state == "sent", OutboxRow.sent_at < now - timedelta(days=days))
            due["messages"] = (OutboxRow, sent)
        if (days := self._retention.reports_days) is not None:
            is_here = exists().where(
                StudyRow.hospital_id == RadiologyReport.hospital_id, StudyRow.uid == RadiologyReport.study_uid
            )
            came_before = RadiologyReport.received_at < now - timedelta(days=days)
            due["reports"] = (RadiologyReport, and_(came_before, ~is_here))
        return due


def _judged_before(moment: datetime) -> Select[Any]:
    """Studies whose current verdict is older than a moment, and at which no person is looking."""
    undecided = exists().where(Review.study_id == StudyRow.id, Review.state.in_(UNDECIDED))
    return (
        select(StudyRow.id)
        .join(VerdictRow, VerdictRow.id == StudyRow.verdict_id)
        .where(StudyRow.state == SCORED, VerdictRow.created_at < moment, ~undecided)
    )


def _half_erased() -> Select[Any]:
    return select(StudyRow.id).where(StudyRow.state == ERASED)


def _below(study_id: int) -> list[tuple[SqlTable, ColumnElement[bool]]]:
    """Every table whose rows belong to a study, directly or by others that do, and which of its rows; parents before children."""
    study = cast(SqlTable, StudyRow.__table__)
    belong: dict[SqlTable, ColumnElement[bool]] = {study: study.c.id == study_id}
    for table in Table.metadata.sorted_tables:
        named = [
            key.parent.in_(select(key.column).where(belong[key.column.table]))
            for key in table.foreign_keys
            if key.column.table in belong
        ]
        if named and table is not study:
            belong[table] = or_(*named)
    del belong[study]
    return list(belong.items())


def _subjects(session: Session, study_id: int) -> list[str]:
    """What messages about a study are about."""
    names: Mapping[SqlTable, Sequence[str]] = {
        cast(SqlTable, VerdictRow.__table__): ("verdict", WITHDRAWN, UPHELD),
        cast(SqlTable, Review.__table__): ("review",),
    }
    subjects = [f"study:{study_id}"]
    for table, belongs in _below(study_id):
        if table in names:
            ids = session.scalars(select(table.c.id).where(belongs)).all()
            subjects += [f"{name}:{row_id}" for name in names[table] for row_id in ids]
    return subjects


def _relied_on(session: Session, study_id: int, now: datetime) -> Sequence[VerdictRow]:
    """The verdicts of a study by which it stands in the pool today."""
    entries = select(PoolEntry.verdict_id).where(
        PoolEntry.study_id == study_id, PoolEntry.state == ACTIVE, PoolEntry.valid_until >= now.astimezone().date()
    )
    return session.scalars(select(VerdictRow).where(VerdictRow.id.in_(entries)).order_by(VerdictRow.id)).all()


def _images(session: Session, study_id: int) -> dict[str, int]:
    """How many images of how many bytes a study has, for the audit chain."""
    images, size = session.execute(
        select(func.count(), func.coalesce(func.sum(InstanceRow.size_bytes), 0)).where(InstanceRow.study_id == study_id)
    ).one()
    return {"images": images, "bytes": int(size)}


def _number(session: Session, statement: Delete) -> int:
    return cast(CursorResult[Any], session.execute(statement)).rowcount
