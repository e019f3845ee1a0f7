"""Writes received objects into the database: the study that they belong to, one row each, and whether they are new.

Several processes record side by side: a study's row is held while its instances are compared and added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import Table as SqlTable

from qc_models.errors import InputError
from serving.archive import Archive, ArchiveAwayError, Stored
from serving.database.prepared import Prepared
from serving.database.sessions import Database
from serving.database.tables import Hospital, InstanceRow, QuarantineRow, StudyRow
from serving.received_object import ObjectFacts
from serving.same_content import same_content

Outcome = Literal["new", "same", "conflicting"]
ARRIVING = "arriving"

_STUDIES, _INSTANCES = cast(SqlTable, StudyRow.__table__), cast(SqlTable, InstanceRow.__table__)
_HOLD_STUDY = (
    select(
        _STUDIES.c.id, _STUDIES.c.num_instances, _STUDIES.c.urgent, _STUDIES.c.modalities, _STUDIES.c.declared_instances
    )
    .where(_STUDIES.c.hospital_id == bindparam("hospital_id"), _STUDIES.c.uid == bindparam("study_uid"))
    .with_for_update()
)
_FIND_KEPT = select(_INSTANCES.c.digest, _INSTANCES.c.archive_key).where(
    _INSTANCES.c.study_id == bindparam("study_id"), _INSTANCES.c.sop_instance_uid == bindparam("uid")
)
_CHANGED = ("num_instances", "state", "last_instance_at", "close_at", "urgent", "modalities", "declared_instances")
_CHANGE_STUDY = (
    _STUDIES.update().where(_STUDIES.c.id == bindparam("study_id")).values({name: bindparam(name) for name in _CHANGED})
)
_ADDED = tuple(column.name for column in _INSTANCES.c if column.name not in ("id", "data_set_digest"))
_ADD_INSTANCE = _INSTANCES.insert().values({name: bindparam(name) for name in _ADDED}).inline()
_TRIES = 3  # at a study that is purged at the very moment


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something: the hospital, the way it came, and the AE title, id of an API key or name of a watched folder."""

    hospital_id: str
    came_by: Literal["dimse", "stow", "folder"]
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that the archive holds and the database does not know yet."""

    sender: Sender
    facts: ObjectFacts
    stored: Stored
    urgent: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The study that an object belongs to, and whether it is new there."""

    study_id: int
    outcome: Outcome


class _Study(NamedTuple):
    """What a study's row says before objects are added."""

    id: int
    num_instances: int
    urgent: bool
    modalities: list[str]
    declared_instances: int | None


class Recording:
    """Records objects; a study with something new is arriving again, and is looked at once it was `quiet`."""

    def __init__(self, database: Database, archive: Archive, quiet: timedelta) -> None:
        self._database = database
        self._archive = archive
        self._quiet = quiet
        self._hold_study = Prepared(database.engine, _HOLD_STUDY)
        self._find_kept = Prepared(database.engine, _FIND_KEPT)
        self._add_instance = Prepared(database.engine, _ADD_INSTANCE)
        self._change_study = Prepared(database.engine, _CHANGE_STUDY)
        self._issuers: dict[str, str] = {}

    def issuer(self, hospital_id: str) -> str | None:
        """Who gives the patient ids of a hospital whose files name none; None for a hospital that there is not."""
        if hospital_id not in self._issuers:
            with self._database.reading() as session:
                hospital = session.get(Hospital, hospital_id)
            if hospital is None:
                return None
            self._issuers[hospital_id] = hospital.issuer
        return self._issuers[hospital_id]

    def known(self, sender: Sender, facts: ObjectFacts, stored: Stored) -> Recorded | None:
        """What was recorded of the very same object before."""
        with self._database.reading() as session:
            study_id = session.scalar(
                select(InstanceRow.study_id)
                .join(StudyRow)
                .where(
                    StudyRow.hospital_id == sender.hospital_id,
                    StudyRow.uid == facts.study_uid,
                    InstanceRow.sop_instance_uid == facts.sop_instance_uid,
                    InstanceRow.digest == stored.digest,
                    InstanceRow.archive_key == stored.key,
                )
            )
        return None if study_id is None else Recorded(study_id, "same")

    def record(self, objects: Sequence[Kept]) -> list[Recorded]:
        """Records all of them in one transaction, or none; their outcomes in the same order.

        ArchiveAwayError where one of them was deleted from the archive since it was kept there.
        """
        by_study: dict[tuple[str, str], list[int]] = {}
        for index, kept in enumerate(objects):
            by_study.setdefault((kept.sender.hospital_id, kept.facts.study_uid), []).append(index)
        outcomes: dict[int, Recorded] = {}
        with self._database.writing_rows() as connection:
            for _, indices in sorted(by_study.items()):  # in one order, so that two processes never cross
                members = [objects[index] for index in indices]
                outcomes.update(zip(indices, self._record_study(connection, members), strict=True))
        return [outcomes[index] for index in range(len(objects))]

    def _record_study(self, connection: Connection, objects: Sequence[Kept]) -> list[Recorded]:
        now = self._database.now()
        study = self._held_study(connection, objects[0], now)
        keys: dict[str, dict[str, str]] = {  # in the archive, by digest, of each SOP instance
            uid: dict(self._find_kept.rows(connection, {"study_id": study.id, "uid": uid}))
            for uid in {kept.facts.sop_instance_uid for kept in objects}
        }
        outcomes: list[Outcome] = []
        added: list[Kept] = []
        rows: list[dict[str, Any]] = []
        for kept in objects:
            here = keys[kept.facts.sop_instance_uid]
            if kept.stored.digest in here:
                outcomes.append("same")
                continue
            if not self._archive.holds(kept.stored):  # a purge deletes while it holds the study's row
                raise ArchiveAwayError("the object was deleted while it was being recorded; send it again")
            known = next((key for key in here.values() if self._same(key, kept.stored.key)), None)
            here[kept.stored.digest] = known or kept.stored.key
            if known is not None:  # written otherwise, and nothing else
                self._archive.delete(kept.stored.key)
                outcomes.append("same")
                continue
            outcomes.append("conflicting" if len(here) > 1 else "new")
            added.append(kept)
            rows.append(_instance(study.id, kept, outcomes[-1] == "conflicting", now))
        if added:
            self._add_instance.run(connection, rows)
            values = {
                "num_instances": study.num_instances + outcomes.count("new"),
                "state": ARRIVING,
                "last_instance_at": now,
                "close_at": now + self._quiet,
                "urgent": study.urgent or any(kept.urgent or kept.facts.urgent for kept in added),
                "declared_instances": max(
                    (study.declared_instances or 0, *(kept.facts.num_study_instances or 0 for kept in added))
                )
                or None,
                "modalities": sorted({*study.modalities, *(kept.facts.modality for kept in added)} - {""}),
            }
            self._change_study.run(connection, [{"study_id": study.id, **values}])
        return [Recorded(study.id, outcome) for outcome in outcomes]

    def _same(self, known: str, other: str) -> bool:
        """Whether two objects of the archive hold one data set; one that is there no more is compared with nothing."""
        try:
            with self._archive.local(known) as first, self._archive.local(other) as second:
                return same_content(first, second)
        except (ArchiveAwayError, InputError):
            return False

    def _held_study(self, connection: Connection, first: Kept, now: datetime) -> "_Study":
        """The row of a study, made by its first object where there is none, and held until the end of the transaction."""
        wanted = {"hospital_id": first.sender.hospital_id, "study_uid": first.facts.study_uid}
        for _ in range(_TRIES):
            for row in self._hold_study.rows(connection, wanted):
                return _Study(*row)
            connection.execute(self._database.insert_once(StudyRow, self._study(first, now), ("hospital_id", "uid")))
        raise ArchiveAwayError("the study is being deleted; send the object again")

    def _study(self, first: Kept, now: datetime) -> dict[str, Any]:
        patient = first.facts.patient
        return {
            "hospital_id": first.sender.hospital_id,
            "uid": first.facts.study_uid,
            "state": ARRIVING,
            "first_instance_at": now,
            "last_instance_at": now,
            "patient_issuer": patient.issuer or self._issuers.get(first.sender.hospital_id, ""),
            "patient_id": patient.id,
            "patient_name": patient.name,
            "patient_birth_date": patient.birth_date,
            "patient_sex": patient.sex,
            "accession_number": patient.accession_number,
            "study_date": patient.study_date,
            "description": patient.description,
            "modalities": [],
        }

    def quarantine(self, sender: Sender, stored: Stored, reason: str) -> None:
        """Records an object that could not be taken; the same one again counts up."""
        values = {
            "hospital_id": sender.hospital_id,
            "came_by": sender.came_by,
            "sender": sender.name[:64],
            "reason": reason[:500],
            "digest": stored.digest,
            "size_bytes": stored.size,
            "archive_key": stored.key,
            "received_at": self._database.now(),
        }
        with self._database.writing() as session:
            insert = self._database.insert_once(QuarantineRow, values, ("hospital_id", "digest"))
            if session.execute(insert).first() is None:
                again = session.scalars(
                    select(QuarantineRow)
                    .where(QuarantineRow.hospital_id == sender.hospital_id, QuarantineRow.digest == stored.digest)
                    .with_for_update()
                ).one()
                again.times += 1
                again.received_at = self._database.now()


def _instance(study_id: int, kept: Kept, conflicting: bool, now: datetime) -> dict[str, Any]:
    facts, stored = kept.facts, kept.stored
    return {
        "study_id": study_id,
        "series_instance_uid": facts.series_uid,
        "sop_instance_uid": facts.sop_instance_uid,
        "sop_class_uid": facts.sop_class_uid,
        "transfer_syntax_uid": facts.transfer_syntax_uid,
        "modality": facts.modality,
        "instance_number": facts.instance_number,
        "num_frames": facts.num_frames,
        "rows": facts.rows,
        "columns": facts.columns,
        "series_description": facts.series_description,
        "series_number": facts.series_number,
        "digest": stored.digest,
        "size_bytes": stored.size,
        "archive_key": stored.key,
        "conflicting": conflicting,
        "came_by": kept.sender.came_by,
        "sender": kept.sender.name[:64],
        "received_at": now,
    }
