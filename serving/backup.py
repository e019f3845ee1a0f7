"""Backups of the whole service while it runs, and back: the database of one moment, and every object that it names.

A folder holds the states of several moments, each with its manifest, above one archive that they share: objects lie there under the
digest of their content, so that only new ones are copied. A state counts once its manifest is there, which is written last.
The database is taken first and the objects after it: it never names bytes that the backup lacks.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from qc_models.errors import InputError, ServiceError
from qc_models.version import code_version
from serving.archive import Archive, ArchiveAwayError, Stored
from serving.backup_database import DUMPS, dump, load
from serving.database.sessions import Database
from serving.service_config import ServiceConfig

MANIFEST, OBJECTS, ARCHIVE = "manifest.json", "objects.txt", "archive"
TRIAL_SECRETS = ("secret_key", "token_key.pem")
_TRIES = 3  # at a state of which nothing was purged while its objects were copied
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a state of a backup holds. `lacking` objects were not in the archive any more when it was made."""

    made_at: str
    version: str
    revision: str  # of the tables
    database: str  # file of the dump
    database_sha256: str
    objects: int
    objects_bytes: int
    objects_sha256: str  # of the list of objects
    lacking: int
    audit_lines: int
    audit_digest: str  # of the last line


def back_up(config: ServiceConfig, database: Database, archive: Archive, folder: Path) -> tuple[Path, Manifest]:
    """Makes a state of the service in a folder; its folder and manifest. ServiceError where that cannot be done."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made_at = database.now()
        state = folder / f"{made_at:%Y-%m-%dT%H-%M-%S-%f}"
        for _ in range(_TRIES):
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir(mode=0o700)
            dumped = dump(config, database, state)
            lacking = sum(not _copied(archive, stored, folder / ARCHIVE) for stored in dumped.objects())
            if not lacking:
                break  # else objects were purged since the dump, or are lost: another dump tells
        number, size = _write_list(dumped.objects(), state / OBJECTS)
        _copy_secrets(config.state_folder, state)
        manifest = Manifest(
            made_at=made_at.isoformat(),
            version=code_version(),
            revision=dumped.revision,
            database=dumped.path.name,
            database_sha256=_digest(dumped.path),
            objects=number,
            objects_bytes=size,
            objects_sha256=_digest(state / OBJECTS),
            lacking=lacking,
            audit_lines=dumped.audit_tip[0],
            audit_digest=dumped.audit_tip[1],
        )
        _write_synced(state / MANIFEST, json.dumps(asdict(manifest), indent=2) + "\n")
        for changed in (state, folder):
            _sync_folder(changed)
    except OSError as error:
        raise ServiceError(f"{folder}: the backup cannot be written ({error.strerror}); see to the disk") from error
    return state, manifest


def forget(folder: Path, keep: int) -> int:
    """Deletes all states but the newest `keep` of a backup, and objects that none of these names; how many states."""
    kept = states(folder)[-keep:]
    named = {key for state in kept for _, key in _read_list(state / OBJECTS)}
    forgotten = [path for path in _folders(folder) if path not in kept]
    for state in forgotten:
        shutil.rmtree(state)
    for root, _, names in os.walk(folder / ARCHIVE):
        for name in names:
            path = Path(root, name)
            if path.relative_to(folder / ARCHIVE).as_posix() not in named:
                path.unlink()
    return len(forgotten)


def states(folder: Path) -> list[Path]:
    """The whole states of a backup, the oldest first."""
    return [path for path in _folders(folder) if (path / MANIFEST).is_file()]


def _folders(folder: Path) -> list[Path]:
    return (
        sorted(path for path in folder.iterdir() if path.is_dir() and path.name != ARCHIVE) if folder.is_dir() else []
    )


def restore(config: ServiceConfig, database: Database, archive: Archive, state: Path) -> Manifest:
    """Brings a state of a backup back into a service that has nothing yet: objects first, each compared with its digest.

    InputError where the backup is broken or of a newer version, ServiceError where the service holds something.
    """
    manifest = read_manifest(state)
    dumped = state / manifest.database
    if manifest.database not in DUMPS or _digest(dumped) != manifest.database_sha256:
        raise InputError(f"{dumped}: was changed since the backup was made; take another state")
    if _digest(state / OBJECTS) != manifest.objects_sha256:
        raise InputError(f"{state / OBJECTS}: was changed since the backup was made; take another state")
    named = {key for _, key in _read_list(state / OBJECTS)}
    if any(listed.key not in named for listed in archive.listed()):  # what an earlier try brought does no harm
        raise ServiceError("the archive holds objects that are not of this backup; restore into an empty one")
    load(config, database, dumped, manifest.revision, before=lambda: _bring_objects(archive, state))
    _copy_secrets(state, config.state_folder)
    return manifest


def read_manifest(state: Path) -> Manifest:
    """The manifest of a state; InputError where there is none that this version reads."""
    try:
        return Manifest(**json.loads((state / MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{state}: is no state of a backup of this version ({type(error).__name__})") from error


def _bring_objects(archive: Archive, state: Path) -> None:
    for digest, key in _read_list(state / OBJECTS):
        path = state.parent / ARCHIVE / key
        if not path.exists():
            continue  # lacking when the backup was made; `touchstone archive check` names it
        with archive.stage() as staged, _opened(path) as stream:
            while chunk := stream.read(_CHUNK):
                staged.write(chunk)
            if staged.digest != digest:
                raise InputError(f"{path}: was changed since the backup was made; take it from another backup")
            staged.keep(key.rpartition("/")[0])


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); see to the disk of the backup") from error


def _copied(archive: Archive, stored: Stored, target: Path) -> bool:
    """Copies an object into the backup, unless it is there; False where the archive has it no more, or otherwise."""
    path = target / stored.key
    if path.exists() and path.stat().st_size == stored.size:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    sha = hashlib.sha256()
    try:
        with closing(archive.open(stored.key)) as stream, part.open("wb") as copy:
            while chunk := stream.read(_CHUNK):
                sha.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    except ArchiveAwayError:
        return False
    if sha.hexdigest() != stored.digest:
        part.unlink()
        return False
    part.rename(path)
    _sync_folder(path.parent)
    return True


def _write_list(objects: Iterable[Stored], path: Path) -> tuple[int, int]:
    number = size = 0
    with path.open("w") as stream:
        for stored in objects:
            stream.write(f"{stored.digest} {stored.size} {stored.key}\n")
            number, size = number + 1, size + stored.size
        stream.flush()
        os.fsync(stream.fileno())
    return number, size


def _read_list(path: Path) -> Iterator[tuple[str, str]]:
    """Digest and key of each object of a state."""
    with path.open() as stream:
        for line in stream:
            digest, _, key = line.rstrip("\n").split(" ", 2)
            yield digest, key


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); take another state of the backup") from error


def _copy_secrets(source: Path, target: Path) -> None:
    """Copies what a trial made up and keeps: digests of persons, sessions and tokens rest on it. A centre has none of it."""
    for name in TRIAL_SECRETS:
        if (source / name).exists():
            (target / name).unlink(missing_ok=True)
            with os.fdopen(os.open(target / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write((source / name).read_bytes())
                os.fsync(stream.fileno())


def _write_synced(path: Path, content: str) -> None:
    with path.open("w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
