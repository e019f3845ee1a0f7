"""Whether the archive holds what the database names, and nothing else: rows without bytes, bytes without rows, bytes that changed.

Bytes come before their row, and may be younger than it: what was written within the hour is left alone. Before anything is deleted
recording is kept waiting for a moment, and the rows are asked again.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from serving import audit
from serving.archive import Archive, ArchiveAwayError, Listed, Stored
from serving.database.sessions import Database
from serving.database.tables import InstanceRow, QuarantineRow, StudyRow
from serving.intake import QUARANTINE, study_folder

YOUNG_S = 3600.0
_AT_ONCE = 100  # that are deleted while recording waits
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """A row whose bytes are not as they should be: `kind` is missing or changed, `subject` study:17 or quarantine:3."""

    kind: str
    subject: str
    key: str


class ArchiveCheck:
    """Compares an archive with its database."""

    def __init__(self, database: Database, archive: Archive) -> None:
        self._database = database
        self._archive = archive
        self._studies: dict[str, int] = {}  # by their folders
        self._newest = 0  # of the studies that are known

    def faults(self, *, digests: bool) -> Iterator[Fault]:
        """Rows whose bytes are missing or of another size; with `digests` every byte is read, and changed ones are found."""
        for subject, stored in self._rows():
            if not self._archive.holds(stored):
                fault = Fault("missing", subject, stored.key)
            elif digests and not self._is_whole(stored):
                fault = Fault("changed", subject, stored.key)
            else:
                continue
            if self._is_named(subject, stored):  # else it was deleted meanwhile, as it should be
                yield fault

    def orphans(self) -> Iterator[Listed]:
        """Objects that no row names, and that nobody is about to record."""
        before = self._database.now().timestamp() - YOUNG_S
        for folder, members in groupby(self._archive.listed(), key=_folder):
            old = [listed for listed in members if listed.written_at < before]
            if old:
                with self._database.reading() as session:
                    named = self._named(session, folder)
                yield from (listed for listed in old if listed.key not in named)

    def sweep(self, orphans: Iterator[Listed], actor: str) -> int:
        """Deletes objects that no row names, if that is still so; how many were deleted."""
        deleted = 0
        while some := list(islice(orphans, _AT_ONCE)):
            with self._database.writing() as session:
                if self._database.is_postgres:  # whoever records holds a row of it, which this waits for and keeps away
                    session.execute(text("LOCK TABLE study, quarantine IN EXCLUSIVE MODE"))
                for folder, members in groupby(some, key=_folder):
                    named = self._named(session, folder)
                    for listed in members:
                        if listed.key not in named:
                            self._archive.delete(listed.key)
                            deleted += 1
        if deleted:
            with self._database.writing() as session:
                audit.append(session, actor, "orphans deleted", "archive", {"objects": deleted})
        return deleted

    def _named(self, session: Session, folder: str) -> set[str]:
        """The keys that rows name in a folder: of a study, or of what a hospital's senders had quarantined."""
        if folder.startswith(f"{QUARANTINE}/"):
            of_hospital = QuarantineRow.hospital_id == folder.partition("/")[2]
            return set(session.scalars(select(QuarantineRow.archive_key).where(of_hospital)))
        columns = (StudyRow.id, StudyRow.hospital_id, StudyRow.uid)
        for study_id, hospital_id, uid in session.execute(select(*columns).where(StudyRow.id > self._newest)):
            self._studies[study_folder(hospital_id, uid)] = study_id
            self._newest = max(self._newest, study_id)
        return set(
            session.scalars(select(InstanceRow.archive_key).where(InstanceRow.study_id == self._studies.get(folder)))
        )

    def _rows(self) -> Iterator[tuple[str, Stored]]:
        """What rows name, some at a time, so that no transaction lasts as long as the reading of an archive."""
        for kind, row, owner in (
            ("study", InstanceRow, InstanceRow.study_id),
            ("quarantine", QuarantineRow, QuarantineRow.id),
        ):
            last = 0
            while True:
                query = select(row.id, owner, row.archive_key, row.digest, row.size_bytes).where(row.id > last)
                with self._database.reading() as session:
                    rows = session.execute(query.order_by(row.id).limit(1000)).all()
                for _, owner_id, key, digest, size in rows:
                    yield f"{kind}:{owner_id}", Stored(key, digest, size)
                if not rows:
                    break
                last = rows[-1][0]

    def _is_whole(self, stored: Stored) -> bool:
        sha = hashlib.sha256()
        try:
            with self._archive.open(stored.key) as stream:
                while chunk := stream.read(_CHUNK):
                    sha.update(chunk)
        except ArchiveAwayError:
            return False
        return sha.hexdigest() == stored.digest

    def _is_named(self, subject: str, stored: Stored) -> bool:
        kind, _, number = subject.partition(":")
        row = QuarantineRow.id if kind == "quarantine" else InstanceRow.study_id
        key = QuarantineRow.archive_key if kind == "quarantine" else InstanceRow.archive_key
        with self._database.reading() as session:
            return session.scalar(select(key).where(row == int(number), key == stored.key).limit(1)) is not None


def _folder(listed: Listed) -> str:
    return listed.key.rpartition("/")[0]
