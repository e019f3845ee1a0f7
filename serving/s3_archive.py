"""An archive in a bucket of an object store (S3 API), the same to its callers as a folder.

Objects pass through a local folder: on their way in until the store has them whole, by a checksum that it verifies; on their way
out as copies whose digest is verified here. Nothing is ever there by half: a key appears with all its bytes. What an upload of
several parts leaves in the store when its process is killed is for a lifecycle rule of the bucket (AbortIncompleteMultipartUpload).
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error

from qc_models.errors import ConfigError
from serving.archive import ArchiveAwayError, ArchiveFullError, FolderArchive, Listed, Staged, Stored, is_key
from serving.s3_settings import S3Section

_PART = 16 << 20  # bytes of an upload that are in memory at once
_PIECE = 1 << 20
_CONNECT_S, _READ_S = 5.0, 60.0
_FULL = frozenset(("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"))
_ABSENT = frozenset(("NoSuchKey", "NoSuchObject", "ResourceNotFound"))


class S3Archive:
    """An archive in a bucket; several processes may share it. `local` is a folder for what is on its way, in and out."""

    def __init__(self, section: S3Section, local: Path, reserve: int, environ: Mapping[str, str]) -> None:
        keys = [environ.get(f"TOUCHSTONE_S3_{name}_KEY", "") for name in ("ACCESS", "SECRET")]
        if not all(keys):
            raise ConfigError(
                "archive: set TOUCHSTONE_S3_ACCESS_KEY and TOUCHSTONE_S3_SECRET_KEY to the keys of the store"
            )
        address = urllib3.util.parse_url(section.endpoint)
        self._bucket = section.bucket
        self._client = Minio(
            address.netloc or "",
            access_key=keys[0],
            secret_key=keys[1],
            secure=address.scheme == "https",
            region=section.region,
            http_client=_http(section.authority),
        )
        self._staging = FolderArchive(local, reserve)
        self._copies = _Copies(local / "incoming", section.copies_mib << 20, self._staging)
        with _told():
            if not self._client.bucket_exists(self._bucket):
                raise ArchiveAwayError(f"the archive has no bucket {self._bucket}; make it, or name another")

    @contextmanager
    def stage(self) -> Iterator["_StagedObject"]:
        """A local file, put into the bucket by `keep`."""
        with self._staging.stage() as staged:
            yield _StagedObject(self, staged)

    def open(self, key: str) -> BinaryIO:
        """The bytes of an object, from a copy that goes when it is closed."""
        path = self._copies.take(key, self._fetch)
        stream = path.open("rb")
        self._copies.drop(path)  # the open file keeps its bytes
        return stream

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """A copy."""
        path = self._copies.take(key, self._fetch)
        try:
            yield path
        finally:
            self._copies.drop(path)

    def holds(self, stored: Stored) -> bool:
        """Whether an object of this key and size is there."""
        size = self._size(stored.key)
        return size is not None and size == stored.size

    def delete(self, key: str) -> None:
        """Removes an object; nothing where there is none."""
        _require_key(key)
        with _told():
            self._client.remove_object(self._bucket, key)

    def listed(self, folder: str = "") -> Iterator[Listed]:
        """Every object under a folder, in order of their keys."""
        if folder:
            _require_key(f"{folder}/x")
        with _told():
            for found in self._client.list_objects(self._bucket, f"{folder}/" if folder else None, recursive=True):
                if found.object_name is not None and found.last_modified is not None:
                    yield Listed(found.object_name, found.size or 0, found.last_modified.timestamp())

    def put(self, path: Path, stored: Stored) -> None:
        """Puts a file, which the store has whole and synced when it says so."""
        _require_key(stored.key)
        with _told(), path.open("rb") as stream:
            self._client.put_object(
                self._bucket,
                stored.key,
                stream,
                stored.size,
                "application/dicom",
                {"sha256": stored.digest},
                part_size=_PART,
                num_parallel_uploads=1,
            )
        if not self.holds(stored):
            raise ArchiveAwayError("the archive does not show what it was given; see to the object store")

    def _size(self, key: str) -> int | None:
        _require_key(key)
        with _told():
            try:
                return self._client.stat_object(self._bucket, key).size
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise

    def _fetch(self, key: str, path: Path, room: "_Room") -> None:
        """Writes the bytes of an object to a file; ArchiveAwayError where they are not those of its key."""
        sha = hashlib.sha256()
        with _told():
            response = self._client.get_object(self._bucket, key)
            try:
                with path.open("xb") as file:
                    for piece in response.stream(_PIECE):
                        room.take(len(piece))
                        sha.update(piece)
                        file.write(piece)
            finally:
                response.close()
                response.release_conn()
        if sha.hexdigest() != key.rpartition("/")[2]:
            raise ArchiveAwayError("an object of the archive has other bytes than it was given; restore it")


class _StagedObject:
    """An object on its way into a bucket."""

    def __init__(self, archive: S3Archive, staged: Staged) -> None:
        self.path = staged.path
        self._archive = archive
        self._staged = staged

    @property
    def size(self) -> int:
        """Bytes that were written."""
        return self._staged.size

    @property
    def digest(self) -> str:
        """SHA-256 of all that was written."""
        return self._staged.digest

    def write(self, chunk: bytes | memoryview) -> None:
        """Adds bytes."""
        self._staged.write(chunk)

    def found(self, folder: str) -> Stored | None:
        """The same object under a folder, where it is there."""
        stored = self._stored(folder)
        return stored if self._archive.holds(stored) else None

    def keep(self, folder: str) -> Stored:
        """Puts the object into the bucket, unless it is there."""
        stored = self._stored(folder)
        if not self._archive.holds(stored):
            self._archive.put(self.path, stored)
        return stored

    def _stored(self, folder: str) -> Stored:
        return Stored(f"{folder}/{self.digest}", self.digest, self.size)


class _Room:
    """What one copy takes of the room for all."""

    def __init__(self, copies: "_Copies") -> None:
        self.size = 0
        self._copies = copies

    def take(self, more: int) -> None:
        """ArchiveFullError where there is none left."""
        self._copies.grow(more)
        self.size += more


class _Copies:
    """Copies of objects in a local folder, of a bounded size in all."""

    def __init__(self, folder: Path, most: int, disk: FolderArchive) -> None:
        self._folder = folder
        self._most = most
        self._disk = disk
        self._lock = threading.Lock()
        self._total = 0
        self._rooms: dict[Path, _Room] = {}

    def take(self, key: str, fetch: Callable[[str, Path, _Room], None]) -> Path:
        """Fetches an object to a new file."""
        _require_key(key)
        path = self._folder / f"copy-{secrets.token_hex(16)}"
        self._rooms[path] = room = _Room(self)
        try:
            fetch(key, path, room)
        except BaseException:
            self.drop(path)
            raise
        return path

    def drop(self, path: Path) -> None:
        """Removes a copy."""
        with suppress(OSError):
            path.unlink(missing_ok=True)
        with self._lock:
            self._total -= self._rooms.pop(path).size

    def grow(self, more: int) -> None:
        """ArchiveFullError where copies would be too much for their bound, or for the disk."""
        self._disk.require_room(more)
        with self._lock:
            if self._total + more > self._most:
                raise ArchiveFullError(
                    f"copies of archived objects need more than {self._most >> 20} MiB; raise archive.s3.copies_mib"
                )
            self._total += more


def _http(authority: str) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        maxsize=32,
        cert_reqs="CERT_REQUIRED",
        ca_certs=authority or None,
        retries=urllib3.Retry(
            total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False
        ),
    )


def _require_key(key: str) -> None:
    if not is_key(key):
        raise ArchiveAwayError("the archive has no such key; restore the database and the archive of one time")


@contextmanager
def _told() -> Iterator[None]:
    """Says in our words that the store is away, full or not ours; no answer of it is quoted."""
    try:
        yield
    except S3Error as error:
        if error.code in _FULL:
            raise ArchiveFullError("the archive is full; add space, or delete what is past its time") from error
        raise ArchiveAwayError(f"the archive does not work ({error.code}); see to the object store") from error
    except InvalidResponseError as error:
        raise ArchiveAwayError("the archive answers what is no answer of an object store; see to it") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise ArchiveAwayError(
            f"the archive does not work ({type(error).__name__}); see to the object store"
        ) from error
