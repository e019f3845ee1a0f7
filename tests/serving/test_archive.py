"""The archive: whole and synced or not there at all, nothing outside its folder, and a full or absent disk told as what it is."""

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from serving.archive import ArchiveAwayError, ArchiveFullError, FolderArchive, Stored

CONTENT = b"some bytes" * 1000
DIGEST = sha256(CONTENT).hexdigest()


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def keep(archive: FolderArchive, content: bytes = CONTENT, folder: str = "city/ab/abcd") -> Stored:
    with archive.stage() as staged:
        for at in range(0, len(content), 700):
            staged.write(content[at : at + 700])
        return staged.keep(folder)


def test_an_object_is_kept_under_the_digest_of_its_content(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    stored = keep(archive)
    assert stored == Stored(f"city/ab/abcd/{DIGEST}", DIGEST, 10_000)
    assert files(tmp_path) == [stored.key]
    with archive.open(stored.key) as stream, archive.local(stored.key) as path:
        assert stream.read() == path.read_bytes() == CONTENT
    assert archive.holds(stored)
    assert not archive.holds(Stored(stored.key, DIGEST, 9_999))
    assert not archive.holds(Stored(f"city/{DIGEST}", DIGEST, 10_000))
    assert keep(archive) == stored
    assert files(tmp_path) == [stored.key]


def test_what_is_staged_can_be_read_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with FolderArchive(tmp_path).stage() as staged:
        staged.write(CONTENT)
        assert (staged.path.read_bytes(), staged.digest, staged.size) == (CONTENT, DIGEST, 10_000)
    assert files(tmp_path) == []


def test_bytes_are_synced_before_they_have_their_name_and_the_names_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, synced, sync = FolderArchive(tmp_path), [], os.fsync

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append(path.parent.name if path.is_file() else str(path.relative_to(tmp_path)))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    keep(archive)
    assert synced == ["incoming", "city/ab/abcd", "city/ab", "city", "."]
    synced.clear()
    keep(archive, b"other")
    assert synced == ["incoming", "city/ab/abcd"]  # the folders above have not changed


def test_deleting_leaves_no_empty_folder(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path)
    first, second = keep(archive), keep(archive, b"other", "city/cd/cdef")
    archive.delete(first.key)
    archive.delete(first.key)
    assert not (tmp_path / "city/ab").exists()
    assert files(tmp_path) == [second.key]
    archive.delete(second.key)
    assert [path.name for path in tmp_path.iterdir()] == ["incoming"]
    assert archive.holds(keep(archive))  # makes its folders again


@pytest.mark.parametrize("key", ["../outside", "/etc/hosts", "city/../../outside", "incoming/x", "", "a b", "city/\0"])
def test_no_key_leads_out_of_the_archive(tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"")
    archive = FolderArchive(tmp_path / "archive")
    with pytest.raises(ArchiveAwayError, match="no such key"):
        archive.open(key)
    with pytest.raises(ArchiveAwayError, match="no such key"):
        archive.delete(key)
    assert (tmp_path / "outside").exists()


def test_objects_that_nobody_writes_any_more_are_removed_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    for name, age_s in (("old", 7200), ("young", 60)):
        (tmp_path / "incoming" / name).write_bytes(CONTENT)
        os.utime(tmp_path / "incoming" / name, times=(time.time() - age_s,) * 2)
    FolderArchive(tmp_path)
    assert files(tmp_path) == ["incoming/young"]


def test_the_reserve_of_the_disk_stays_free(tmp_path: Path) -> None:
    with pytest.raises(ArchiveFullError, match="add space"):
        keep(FolderArchive(tmp_path, reserve=1 << 62))
    assert files(tmp_path) == []


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, ArchiveFullError), (errno.EIO, ArchiveAwayError)])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, kind: type[Exception]
) -> None:
    archive = FolderArchive(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(kind):
            keep(archive)
    assert files(tmp_path) == []
    assert archive.holds(keep(archive))


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB, where this machine lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_keeps_what_it_had(tiny_disk: Path) -> None:
    archive = FolderArchive(tiny_disk)
    stored = keep(archive)
    with pytest.raises(ArchiveFullError):
        keep(archive, os.urandom(2 << 20))
    assert files(tiny_disk) == [stored.key]
    assert archive.holds(keep(archive, b"something small"))


def test_an_archive_that_went_away_is_told(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "archive")
    stored = keep(archive)
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    assert not archive.holds(stored)
    for use in (keep, lambda archive: archive.open(stored.key), lambda archive: archive.local(stored.key).__enter__()):
        with pytest.raises(ArchiveAwayError, match="see to the disk"):
            use(archive)
