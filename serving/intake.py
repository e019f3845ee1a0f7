"""The one door: an object, whatever way it comes, is checked, kept, synced and recorded here before its sender hears of it.

An object that was taken survives the end of any process and a power cut. One that is refused leaves nothing behind, but for
broken ones, which are kept apart in the quarantine with the reason that the sender was told.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from qc_models.errors import QcError, ServiceError
from serving.archive import Archive, ArchiveAwayError, ArchiveFullError, Staged
from serving.database.sessions import Database, DatabaseAwayError
from serving.observing import metrics
from serving.received_object import Fault, ObjectFacts, UnfitObjectError, read_object
from serving.recording import Kept, Outcome, Recorded, Recording, Sender

Kind = Literal[Fault, "mismatch", "too_large", "forbidden", "disk_full", "archive_away", "database_away", "busy"]
_SENDERS: frozenset[Kind] = frozenset(("not_dicom", "corrupt", "missing_uid", "mismatch", "too_large", "forbidden"))

_CHUNK = 1 << 20
_OPENING = 132  # bytes of preamble and prefix
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process takes: bytes of the largest object, how many at once, and how long the next one waits for its turn."""

    largest_bytes: int = 4 << 30
    at_once: int = 16
    wait_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """An object was taken: it is kept and recorded. `same`: it was there before; `conflicting`: beside another of its UID."""

    study_id: int
    outcome: Outcome
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str


class Refused(QcError):
    """An object was not taken. `kind` says why, the message says it to the sender; UIDs are empty where they are not known."""

    def __init__(self, kind: Kind, reason: str, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason
        self.sop_class_uid = sop_class_uid
        self.sop_instance_uid = sop_instance_uid

    @property
    def is_senders(self) -> bool:
        """Whether the sender has to mend it; else sending again later helps."""
        return self.kind in _SENDERS


class Intake:
    """Takes objects, from any number of threads; several processes may share a database and an archive."""

    def __init__(
        self, database: Database, archive: Archive, limits: Limits, quiet: timedelta = timedelta(seconds=60)
    ) -> None:
        self._archive = archive
        self._limits = limits
        self._recording = Recording(database, archive, quiet)
        self._places = threading.BoundedSemaphore(limits.at_once)
        self._together = _Together(self._recording)

    def take(
        self,
        content: bytes | Iterable[bytes | memoryview],
        sender: Sender,
        *,
        sop_instance_uid: str | None = None,
        study_uid: str | None = None,
        urgent: bool = False,
    ) -> Receipt:
        """Takes one object with its file meta information, whole or in chunks; returns once it is safe, or raises Refused.

        `sop_instance_uid` and `study_uid` are what the sender said beside it. Chunks of a network are better gathered first: while
        they come, they hold a place. Their errors, as where the sender went away, pass through, and nothing is kept.
        """
        try:
            receipt, size = self._take(content, sender, sop_instance_uid, study_uid, urgent)
        except Refused as refused:
            known = sender.hospital_id if refused.kind != "forbidden" else "none"
            metrics.REFUSED.labels(known, sender.came_by, refused.kind).inc()
            raise
        metrics.INSTANCES.labels(sender.hospital_id, sender.came_by, receipt.outcome).inc()
        metrics.BYTES.labels(sender.hospital_id, sender.came_by).inc(size)
        return receipt

    def _take(
        self,
        content: bytes | Iterable[bytes | memoryview],
        sender: Sender,
        sop_instance_uid: str | None,
        study_uid: str | None,
        urgent: bool,
    ) -> tuple[Receipt, int]:
        """One object, and its size in bytes."""
        with self._place(), _refusing():
            if self._recording.issuer(sender.hospital_id) is None:
                raise Refused("forbidden", "the sender belongs to no hospital of this service")
            with self._archive.stage() as staged:
                self._write(staged, _chunks(content))
                try:
                    facts = read_object(staged.path)
                    _compare(facts, sop_instance_uid, study_uid)
                except UnfitObjectError as error:
                    self._quarantine(staged, sender, str(error))
                    raise Refused(error.fault, str(error), error.sop_class_uid, error.sop_instance_uid) from error
                return _receipt(facts, self._kept(staged, sender, facts, urgent)), staged.size

    def _kept(self, staged: Staged, sender: Sender, facts: ObjectFacts, urgent: bool) -> Recorded:
        folder = study_folder(sender.hospital_id, facts.study_uid)
        here = staged.found(folder)  # kept, and perhaps neither synced nor recorded: its process may have been killed
        known = here and self._recording.known(sender, facts, here)
        return known or self._together.record(Kept(sender, facts, staged.keep(folder), urgent))

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places of this process: who finds none waits, and so do the bytes behind him, on the sender's side."""
        if not self._places.acquire(timeout=self._limits.wait_s):
            raise Refused("busy", "too many objects are arriving at once; send it again later")
        try:
            yield
        finally:
            self._places.release()

    def _write(self, staged: Staged, chunks: Iterable[bytes | memoryview]) -> None:
        for chunk in chunks:
            if staged.size + len(chunk) > self._limits.largest_bytes:
                largest = f"{self._limits.largest_bytes >> 20} MiB"
                raise Refused("too_large", f"the object is larger than {largest}, the most that is taken here")
            staged.write(chunk)

    def _quarantine(self, staged: Staged, sender: Sender, reason: str) -> None:
        """Keeps a broken object apart, if that can be done: it is refused either way."""
        try:
            if staged.size:
                self._recording.quarantine(sender, staged.keep(f"{QUARANTINE}/{sender.hospital_id}"), reason)
                metrics.QUARANTINED.labels(sender.hospital_id, sender.came_by).inc()
        except ServiceError:
            return


class _Together:
    """Records in one transaction whatever arrived while the one before was being committed."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._waiting: list[tuple[Kept, Future[Recorded]]] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()

    def record(self, kept: Kept) -> Recorded:
        """Records one object, by this thread or with those of another; raises what its transaction raised."""
        mine: Future[Recorded] = Future()
        with self._list:
            self._waiting.append((kept, mine))
        with self._turn:
            with self._list:
                waiting, self._waiting = self._waiting, []
            try:
                self._commit(waiting)
            except BaseException as error:  # this thread is being ended, and the others still wait for it
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(error)
                raise
        return mine.result()

    def _commit(self, waiting: list[tuple[Kept, Future[Recorded]]]) -> None:
        try:
            outcomes = self._recording.record([kept for kept, _ in waiting]) if waiting else []
        except DatabaseAwayError as error:
            for _, future in waiting:
                future.set_exception(error)
        except Exception as error:
            if len(waiting) > 1:  # one of them cannot be recorded: the others can
                for one in waiting:
                    self._commit([one])
            else:
                waiting[0][1].set_exception(error)
        else:
            for (_, future), outcome in zip(waiting, outcomes, strict=True):
                future.set_result(outcome)


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuses what our own disk or database cannot take."""
    try:
        yield
    except ArchiveFullError as error:
        raise Refused("disk_full", str(error)) from error
    except ArchiveAwayError as error:
        raise Refused("archive_away", str(error)) from error
    except DatabaseAwayError as error:
        raise Refused("database_away", "the database is away; send it again later") from error


def _compare(facts: ObjectFacts, sop_instance_uid: str | None, study_uid: str | None) -> None:
    """Refuses an object that is another one than its sender said; nothing is wrong with it, so that it is not kept."""
    for name, said, found in (
        ("SOPInstanceUID", sop_instance_uid, facts.sop_instance_uid),
        ("StudyInstanceUID", study_uid, facts.study_uid),
    ):
        if said is not None and said != found:
            reason = f"{name} of the object is another one than the request names; send each under its own"
            raise Refused("mismatch", reason, facts.sop_class_uid, facts.sop_instance_uid)


def _chunks(content: bytes | Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Pieces of at most a MiB, so that one large one needs no second copy anywhere."""
    pieces = (content,) if isinstance(content, bytes) else content
    for piece in pieces:
        if len(piece) <= _CHUNK:
            yield piece
        else:
            yield from (piece[at : at + _CHUNK] for at in range(0, len(piece), _CHUNK))


def study_folder(hospital_id: str, study_uid: str) -> str:
    """Where a study lies: by a digest, since a UID is whatever a sender wrote."""
    digest = hashlib.sha256(study_uid.encode()).hexdigest()
    return f"{hospital_id}/{digest[:2]}/{digest[:32]}"


def _receipt(facts: ObjectFacts, recorded: Recorded) -> Receipt:
    return Receipt(
        study_id=recorded.study_id,
        outcome=recorded.outcome,
        study_uid=facts.study_uid,
        series_uid=facts.series_uid,
        sop_class_uid=facts.sop_class_uid,
        sop_instance_uid=facts.sop_instance_uid,
    )
