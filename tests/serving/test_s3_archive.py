"""One contract of both archives, in a folder and in a bucket; then what a store alone does: it goes away, fills, cuts and changes.

TOUCHSTONE_TEST_S3 names another store, such as http://KEY:SECRET@127.0.0.1:4568/BUCKET, that must fulfil the contract too.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qc_models.errors import ConfigError
from serving.archive import Archive, ArchiveAwayError, ArchiveFullError, FolderArchive, Stored
from serving.intake import Refused
from serving.opened_service import open_service
from serving.recording import Sender
from serving.s3_archive import S3Archive
from serving.s3_settings import S3Section
from serving.service_config import ArchiveSection, load_service_config
from tests.serving.conftest import object_bytes
from tests.serving.s3_server import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Store, s3_server

KEYS = {"TOUCHSTONE_S3_ACCESS_KEY": ACCESS_KEY, "TOUCHSTONE_S3_SECRET_KEY": SECRET_KEY}
CONTENT = b"some bytes" * 1000
DIGEST = sha256(CONTENT).hexdigest()
FOLDER = "city/ab/abcd"


@pytest.fixture(scope="module")
def server() -> Iterator[Store]:
    with s3_server() as store:
        yield store


@pytest.fixture
def store(server: Store) -> Store:
    server.objects.clear()
    server.uploads.clear()
    server.fails, server.fails_puts, server.cuts = "", "", False
    return server


@pytest.fixture
def bucket(store: Store, tmp_path: Path) -> S3Archive:
    return opened(store, tmp_path / "spool")


def opened(store: Store, folder: Path, **fields: Any) -> S3Archive:
    section = S3Section(**{"endpoint": store.address, "bucket": BUCKET, "region": REGION} | fields)
    return S3Archive(section, folder, 0, KEYS)


@pytest.fixture(params=["folder", "bucket", "other store"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "folder":
        return FolderArchive(tmp_path)
    if request.param == "bucket":
        found: S3Archive = request.getfixturevalue("bucket")
        return found
    if "TOUCHSTONE_TEST_S3" not in os.environ:
        pytest.skip("no other store is named")
    url = urlsplit(os.environ["TOUCHSTONE_TEST_S3"])
    access, secret = url.username or "", url.password or ""
    section = S3Section(endpoint=f"{url.scheme}://{url.hostname}:{url.port}", bucket=url.path.strip("/"))
    other = S3Archive(section, tmp_path, 0, {"TOUCHSTONE_S3_ACCESS_KEY": access, "TOUCHSTONE_S3_SECRET_KEY": secret})
    for listed in list(other.listed()):
        other.delete(listed.key)
    return other


def keep(archive: Archive, content: bytes = CONTENT, folder: str = FOLDER) -> Stored:
    with archive.stage() as staged:
        for at in range(0, len(content), 1 << 20):
            staged.write(content[at : at + (1 << 20)])
        return staged.keep(folder)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_object_is_kept_under_the_digest_of_its_content(archive: Archive) -> None:
    stored = keep(archive)
    assert stored == Stored(f"{FOLDER}/{DIGEST}", DIGEST, 10_000)
    with archive.open(stored.key) as stream, archive.local(stored.key) as path:
        assert stream.read(4) == b"some"
        assert path.read_bytes() == CONTENT
        assert stream.read() == CONTENT[4:]
    assert archive.holds(stored)
    assert not archive.holds(Stored(stored.key, DIGEST, 9_999))
    assert not archive.holds(Stored(f"city/{DIGEST}", DIGEST, 10_000))
    assert keep(archive) == stored
    assert [(listed.key, listed.size) for listed in archive.listed()] == [(stored.key, 10_000)]


def test_an_object_of_many_parts_and_one_of_no_bytes(archive: Archive) -> None:
    large = bytes(range(256)) * (20 << 12)  # 20 MiB, in parts of 16
    for content in (large, b""):
        stored = keep(archive, content)
        assert archive.holds(stored)
        with archive.open(stored.key) as stream:
            assert stream.read() == content


def test_what_is_staged_is_found_only_where_it_was_kept(archive: Archive) -> None:
    with archive.stage() as staged:
        staged.write(CONTENT)
        assert (staged.path.read_bytes(), staged.digest, staged.size) == (CONTENT, DIGEST, 10_000)
        assert staged.found(FOLDER) is None
    assert list(archive.listed()) == []
    stored = keep(archive)
    with archive.stage() as staged:
        staged.write(CONTENT)
        assert staged.found(FOLDER) == stored
        assert staged.found("county/ab") is None


def test_a_deleted_object_is_away(archive: Archive) -> None:
    stored, other = keep(archive), keep(archive, b"other", "city/cd/cdef")
    archive.delete(stored.key)
    archive.delete(stored.key)
    assert [listed.key for listed in archive.listed()] == [other.key]
    assert not archive.holds(stored)
    with pytest.raises(ArchiveAwayError):
        archive.open(stored.key)
    with pytest.raises(ArchiveAwayError), archive.local(stored.key):
        pass


def test_objects_are_listed_in_order_and_by_folder(archive: Archive) -> None:
    stored = [keep(archive, str(number).encode(), f"city/{number:02}/s") for number in range(8)]
    keep(archive, b"of another", "town/00/s")
    assert [listed.key for listed in archive.listed("city")] == [one.key for one in stored]
    assert len(list(archive.listed())) == 9
    assert [listed.key for listed in archive.listed("city/03")] == [stored[3].key]


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a//b", "a/../b", "a/.hidden", "", "a b/c", "nofolder"])
def test_a_key_that_leads_elsewhere_is_refused(archive: Archive, key: str) -> None:
    for ask in (archive.open, archive.delete, lambda key: archive.holds(Stored(key, DIGEST, 1))):
        with pytest.raises(ArchiveAwayError):
            ask(key)


def test_nothing_stays_in_the_local_folder(bucket: S3Archive, store: Store, tmp_path: Path) -> None:
    stored = keep(bucket)
    with bucket.stage() as staged:
        staged.write(b"not kept")
    with bucket.local(stored.key):
        assert len(files(tmp_path)) == 1
    with bucket.open(stored.key):
        assert files(tmp_path) == []
    assert files(tmp_path) == []
    assert store.objects[stored.key][1]["x-amz-meta-sha256"] == DIGEST


@pytest.mark.parametrize(
    ("code", "error"),
    [("SlowDown", ArchiveAwayError), ("QuotaExceeded", ArchiveFullError), ("XMinioStorageFull", ArchiveFullError)],
)
def test_an_object_that_the_store_refuses_is_not_there(
    bucket: S3Archive, store: Store, code: str, error: type[Exception]
) -> None:
    store.fails_puts = code
    for content in (CONTENT, bytes(20 << 20)):
        with pytest.raises(error):
            keep(bucket, content)
    assert (store.objects, store.uploads) == ({}, {})
    store.fails_puts = ""
    assert bucket.holds(keep(bucket))


def test_a_store_that_is_away(bucket: S3Archive, store: Store) -> None:
    stored = keep(bucket)
    store.fails = "InternalError"
    asked: list[Callable[[], object]] = [
        lambda: keep(bucket),
        lambda: bucket.open(stored.key),
        lambda: bucket.holds(stored),
        lambda: bucket.delete(stored.key),
        lambda: list(bucket.listed()),
    ]
    for ask in asked:
        with pytest.raises(ArchiveAwayError) as told:
            ask()
        assert stored.key not in str(told.value)
    assert stored.key in store.objects


def test_cut_and_changed_bytes_are_never_handed_on(bucket: S3Archive, store: Store, tmp_path: Path) -> None:
    stored = keep(bucket)
    store.cuts = True
    with pytest.raises(ArchiveAwayError), bucket.local(stored.key):
        pass
    store.cuts = False
    content, metadata, at = store.objects[stored.key]
    store.objects[stored.key] = (content[:-1] + b"x", metadata, at)
    with pytest.raises(ArchiveAwayError, match="other bytes"):
        bucket.open(stored.key)
    assert files(tmp_path) == []


def test_copies_are_bounded(store: Store, tmp_path: Path) -> None:
    bucket = opened(store, tmp_path, copies_mib=1)
    stored = [keep(bucket, bytes([number]) * 600_000) for number in range(2)]
    with bucket.local(stored[0].key):
        with pytest.raises(ArchiveFullError, match="copies_mib"), bucket.local(stored[1].key):
            pass
        assert len(files(tmp_path)) == 1
    with bucket.local(stored[1].key) as path:
        assert path.stat().st_size == 600_000


def test_wrong_keys_no_keys_and_no_bucket(store: Store, tmp_path: Path) -> None:
    section = S3Section(endpoint=store.address, bucket=BUCKET, region=REGION)
    with pytest.raises(ConfigError, match="TOUCHSTONE_S3_ACCESS_KEY"):
        S3Archive(section, tmp_path, 0, {})
    with pytest.raises(ArchiveAwayError):
        S3Archive(section, tmp_path, 0, KEYS | {"TOUCHSTONE_S3_SECRET_KEY": "guessed"})
    with pytest.raises(ArchiveAwayError, match="no bucket other"):
        opened(store, tmp_path, bucket="other")
    with pytest.raises(ArchiveAwayError):
        S3Archive(S3Section(endpoint="http://127.0.0.1:9", bucket=BUCKET), tmp_path, 0, KEYS)


@pytest.mark.parametrize(
    "endpoint", ["s3.example", "ftp://s3.example", "https://key:secret@s3.example", "https://s3/x"]
)
def test_an_endpoint_is_an_address_alone(endpoint: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        S3Section(endpoint=endpoint, bucket=BUCKET)


def test_a_service_opens_the_archive_that_its_configuration_names(store: Store, tmp_path: Path) -> None:
    config = load_service_config(state=tmp_path, environ={})
    section = S3Section(endpoint=store.address, bucket=BUCKET, region=REGION)
    config = config.model_copy(update={"archive": ArchiveSection(s3=section)})
    service = open_service(config, KEYS)
    sender = Sender("example-city", "dimse", "CITY_CT")
    assert [service.intake.take(object_bytes(), sender).outcome for _ in range(2)] == ["new", "same"]
    (key,) = store.objects
    assert key.startswith("example-city/")
    store.fails = "InternalError"
    with pytest.raises(Refused) as refused:
        service.intake.take(object_bytes(InstanceNumber=2), sender)
    assert refused.value.kind == "archive_away"
    assert KEYS["TOUCHSTONE_S3_SECRET_KEY"] not in str(refused.value)
    service.database.close()
