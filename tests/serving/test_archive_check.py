"""What the archive lacks, holds too much of, or holds otherwise than it was received is found; only what is nobody's is deleted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.archive import FolderArchive
from serving.archive_check import ArchiveCheck, Fault
from serving.database.sessions import Database
from serving.intake import Intake, Limits, Refused
from serving.recording import Sender
from tests.serving.conftest import object_bytes
from tests.serving.made_rows import NOW, Clock

CITY = Sender("city", "dimse", "CITY_CT")


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(NOW)
    database.now = told
    return told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def intake(database: Database, archive: FolderArchive, clock: Clock) -> Intake:
    return Intake(database, archive, Limits())


@pytest.fixture
def leave(root: Path) -> Callable[[str], None]:
    """A function that leaves bytes which no row names, written an hour and a second ago."""

    def left(key: str) -> None:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left behind")
        os.utime(path, (NOW.timestamp() - 3601,) * 2)

    return left


def test_missing_and_changed_bytes_are_told(
    database: Database, archive: FolderArchive, root: Path, intake: Intake
) -> None:
    for number in range(1, 5):
        intake.take(object_bytes(InstanceNumber=number, SOPInstanceUID=f"1.2.{number}"), CITY)
    with pytest.raises(Refused):
        intake.take(b"no DICOM", CITY)
    check = ArchiveCheck(database, archive)
    assert list(check.faults(digests=True)) == []
    whole, gone, cut, flipped = [listed.key for listed in archive.listed("city")]
    (root / gone).unlink()
    (root / cut).write_bytes((root / cut).read_bytes()[:-1])
    content = bytearray((root / flipped).read_bytes())
    content[-1] ^= 1
    (root / flipped).write_bytes(content)
    assert {(fault.kind, fault.key) for fault in check.faults(digests=True)} == {
        ("missing", gone),
        ("missing", cut),
        ("changed", flipped),
    }
    assert {fault.kind for fault in check.faults(digests=False)} == {"missing"}
    (broken,) = [listed.key for listed in archive.listed("quarantine")]
    (root / broken).unlink()
    assert Fault("missing", "quarantine:1", broken) in set(check.faults(digests=False)) or database.is_postgres
    assert whole not in {fault.key for fault in check.faults(digests=True)}


def test_what_no_row_names_is_deleted_once_it_is_an_hour_old(
    database: Database, archive: FolderArchive, root: Path, intake: Intake, leave: Callable[[str], None]
) -> None:
    intake.take(object_bytes(), CITY)
    with pytest.raises(Refused):
        intake.take(b"no DICOM", CITY)
    kept = [listed.key for listed in archive.listed()]
    for key in kept:
        os.utime(root / key, (NOW.timestamp() - 9000,) * 2)
    old = [
        f"{kept[0].rpartition('/')[0]}/{'f' * 64}",
        "county/aa/nobodys/1",
        "quarantine/city/1",
        "quarantine/county/1",
    ]
    for key in old:
        leave(key)
    (root / "county/aa/young").mkdir(parents=True)
    (root / "county/aa/young/1").write_bytes(b"about to be recorded")
    os.utime(root / "county/aa/young/1", (NOW.timestamp() - 3599,) * 2)
    check = ArchiveCheck(database, archive)
    assert sorted(orphan.key for orphan in check.orphans()) == sorted(old)
    assert check.sweep(check.orphans(), "command") == 4
    assert sorted(listed.key for listed in archive.listed()) == sorted([*kept, "county/aa/young/1"])
    assert check.sweep(check.orphans(), "command") == 0


def test_what_is_recorded_meanwhile_is_kept(
    database: Database, archive: FolderArchive, root: Path, intake: Intake, clock: Clock
) -> None:
    content = object_bytes()
    with archive.stage() as staged:
        staged.write(content)
        key = staged.keep("city/aa/other").key
    os.utime(root / key, (NOW.timestamp() - 9000,) * 2)
    receipt_folder = _folder_of(intake, archive, content)
    left = f"{receipt_folder}/{key.rpartition('/')[2]}"
    check = ArchiveCheck(database, archive)
    clock.seconds = 9e9  # all of it is old
    orphans = list(archive.listed())
    assert left in {orphan.key for orphan in orphans}
    assert check.sweep(iter(orphans), "command") == 1
    assert [listed.key for listed in archive.listed()] == [left]


def _folder_of(intake: Intake, archive: FolderArchive, content: bytes) -> str:
    """Where an object lies that was just taken."""
    before = {listed.key for listed in archive.listed()}
    intake.take(content, CITY)
    (new,) = {listed.key for listed in archive.listed()} - before
    return new.rpartition("/")[0]
