"""Where the bytes of received objects lie, as they came: staged while they stream in, then kept under the digest of their content.

`keep` returns once they survive a power cut. The same content under the same folder is one object, however often it is kept.
"""

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from qc_models.errors import ServiceError

_KEY = re.compile(r"(?:[\w-][\w.-]*/)+[\w-][\w.-]*", re.ASCII)  # no part is empty or begins with a dot
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ABANDONED_S = 3600  # since the last byte of a staged object: nobody writes it any more
_REMEMBERED = 10_000  # folders
_LOOKED_EVERY_BYTES = 1 << 26  # how often the room on the disk is looked at while a large object streams in


def is_key(key: str) -> bool:
    """Whether a key is one that an archive could have made; others lead elsewhere."""
    return _KEY.fullmatch(key) is not None


class ArchiveAwayError(ServiceError):
    """The archive cannot be reached, or does not hold what it should."""


class ArchiveFullError(ServiceError):
    """The archive has no room left, or none but its reserve."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the archive: where, SHA-256 of its bytes, and how many they are."""

    key: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that the archive has: where, how many bytes, and the second of the epoch at which it was written."""

    key: str
    size: int
    written_at: float


class Staged(Protocol):
    """An object on its way in: nothing of it is in the archive before `keep`."""

    path: Path  # a local file with all that was written

    @property
    def size(self) -> int:
        """How many bytes were written."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of all that was written."""
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """Adds bytes; ArchiveFullError or ArchiveAwayError where they cannot be kept."""
        ...

    def found(self, folder: str) -> Stored | None:
        """The same object under a folder, where the archive has it, synced or not."""
        ...

    def keep(self, folder: str) -> Stored:
        """Keeps the object under a folder (words of letters, digits, . - _ parted by /), synced to the disk."""
        ...


class Archive(Protocol):
    """Objects by key. Every call may raise ArchiveAwayError."""

    def stage(self) -> AbstractContextManager[Staged]:
        """An object to be written; what was not kept at the end is gone."""
        ...

    def open(self, key: str) -> BinaryIO:
        """The bytes of an object, to be closed by the caller."""
        ...

    def local(self, key: str) -> AbstractContextManager[Path]:
        """A file with the bytes of an object, there as long as the context."""
        ...

    def holds(self, stored: Stored) -> bool:
        """Whether an object of this key and size is there."""
        ...

    def delete(self, key: str) -> None:
        """Removes an object; nothing where there is none."""
        ...

    def listed(self, folder: str = "") -> Iterator[Listed]:
        """Every object under a folder, in order of their keys; of all folders where none is named."""
        ...


class FolderArchive:
    """An archive in a folder of one file system; several processes may share it. `reserve` bytes of the disk stay free."""

    def __init__(self, root: Path, reserve: int = 0) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._reserve = reserve
        self._synced: set[Path] = set()
        with _told(root):
            self._incoming.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()

    @contextmanager
    def stage(self) -> Iterator["_StagedFile"]:
        """A file under `incoming`, moved to its place by `keep`."""
        path = self._incoming / secrets.token_hex(16)
        self.require_room(0)
        with _told(self._incoming):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            yield _StagedFile(self, path, descriptor)
        finally:
            os.close(descriptor)
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        """The bytes of an object."""
        path = self._path(key)
        with _told(path):
            return path.open("rb")

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The file itself."""
        path = self._path(key)
        with _told(path):
            path.stat()
        yield path

    def holds(self, stored: Stored) -> bool:
        """Whether a file of this key and size is there."""
        path = self._path(stored.key)
        try:
            with _told(path):
                return path.stat().st_size == stored.size
        except ArchiveAwayError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return False
            raise

    def delete(self, key: str) -> None:
        """Removes a file, and the folders that it leaves empty."""
        path = self._path(key)
        with _told(path):
            path.unlink(missing_ok=True)
        for folder in path.relative_to(self._root).parents[:-1]:
            try:
                (self._root / folder).rmdir()
            except OSError:  # not empty, or another process puts something there
                return

    def listed(self, folder: str = "") -> Iterator[Listed]:
        """Every file under a folder; what is on its way in is in none."""
        below = self._path(f"{folder}/any").parent if folder else self._root
        with _told(self._root):
            for root, folders, names in os.walk(below):
                here = Path(root)
                folders[:] = sorted(name for name in folders if here / name != self._incoming)
                for name in sorted(names):
                    path = here / name
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        status = path.stat()
                        yield Listed(path.relative_to(self._root).as_posix(), status.st_size, status.st_mtime)

    def require_room(self, more: int) -> None:
        """ArchiveFullError where `more` bytes would go into the reserve."""
        with _told(self._root):
            status = os.statvfs(self._root)
        if status.f_bavail * status.f_frsize - more < self._reserve:
            raise ArchiveFullError("the archive is full; add space, or delete what is past its time, and send again")

    def place(self, staged: Path, key: str) -> None:
        """Moves a synced file to its place and syncs the folders on the way."""
        path = self._path(key)
        while True:
            with _told(path):
                if not path.parent.is_dir():  # another process removes empty folders: sync those above again
                    self._synced.clear()
                    path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    staged.rename(path)
                except FileNotFoundError:
                    if path.parent.exists() or not staged.exists():
                        raise
                    continue  # a folder that was just emptied went away between the two lines
                self._sync_folders(path.parent)
            return

    def _sync_folders(self, folder: Path) -> None:
        """Syncs a folder that got an entry, and those above it where this process has not done so yet."""
        above = [] if folder in self._synced else [*folder.relative_to(self._root).parents]
        for changed in (folder, *(self._root / parent for parent in above)):
            _sync_folder(changed)
        if len(self._synced) > _REMEMBERED:
            self._synced.clear()
        self._synced.add(folder)

    def _path(self, key: str) -> Path:
        """The file of a key; ArchiveAwayError for one that we did not make, which leads elsewhere."""
        if not is_key(key) or key.startswith(f"{self._incoming.name}/"):
            raise ArchiveAwayError("the archive has no such key; restore the database and the archive of one time")
        return self._root / key

    def _remove_abandoned(self) -> None:
        """Removes what was being written when its process was killed."""
        with suppress(OSError):
            for entry in os.scandir(self._incoming):
                with suppress(OSError):  # another process does the same
                    if time.time() - entry.stat().st_mtime > _ABANDONED_S:
                        os.unlink(entry.path)


class _StagedFile:
    """An object on its way into a FolderArchive."""

    def __init__(self, archive: FolderArchive, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = 0
        self._archive = archive
        self._descriptor = descriptor
        self._sha = hashlib.sha256()
        self._looked_at = 0

    @property
    def digest(self) -> str:
        """SHA-256 of all that was written."""
        return self._sha.hexdigest()

    def write(self, chunk: bytes | memoryview) -> None:
        """Adds bytes."""
        if self.size + len(chunk) - self._looked_at > _LOOKED_EVERY_BYTES:
            self._archive.require_room(len(chunk))
            self._looked_at = self.size + len(chunk)
        view = memoryview(chunk)
        with _told(self.path):
            while view:
                view = view[os.write(self._descriptor, view) :]
        self._sha.update(chunk)
        self.size += len(chunk)

    def found(self, folder: str) -> Stored | None:
        """The same object under a folder, where it is there."""
        stored = self._stored(folder)
        return stored if self._archive.holds(stored) else None

    def keep(self, folder: str) -> Stored:
        """Syncs the file, moves it to its place, and syncs that."""
        with _told(self.path):
            os.fsync(self._descriptor)
        stored = self._stored(folder)
        self._archive.place(self.path, stored.key)
        return stored

    def _stored(self, folder: str) -> Stored:
        return Stored(f"{folder}/{self.digest}", self.digest, self.size)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Says in our words that the disk is full or away."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ArchiveFullError(
                "the archive is full; add space, or delete what is past its time, and send again"
            ) from error
        told = error.strerror or type(error).__name__
        raise ArchiveAwayError(f"the archive does not work ({told}); see to the disk of {path.parent.name}") from error
