"""The one door, on both databases: what was taken is there, once and whole, whoever died; what was refused left nothing."""

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import select, update

from serving.archive import FolderArchive
from serving.database.sessions import Database, open_database
from serving.database.tables import InstanceRow, QuarantineRow, StudyRow
from serving.intake import Intake, Limits, Refused
from serving.recording import Sender
from serving.transfer.file_meta import file_meta
from tests.serving import crashing_intake
from tests.serving.conftest import object_bytes

ROOT = Path(__file__).resolve().parents[2]
CITY, COUNTY = Sender("city", "dimse", "CT1"), Sender("county", "stow", "key:1")
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
QUIET = timedelta(seconds=60)


@pytest.fixture
def intake(database: Database, hospitals: tuple[str, str], archive: FolderArchive) -> Intake:
    return Intake(database, archive, Limits(largest_bytes=1 << 20, at_once=16, wait_s=0), QUIET)


def rows(database: Database, table: type) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def kept(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "archive").rglob("*") if path.is_file())


def refused(intake: Intake, content: Any, sender: Sender = CITY, **expected: str) -> Refused:
    with pytest.raises(Refused) as caught:
        intake.take(content, sender, **expected)
    return caught.value


def test_an_object_is_kept_as_it_came_and_recorded(
    intake: Intake, database: Database, archive: FolderArchive, tmp_path: Path
) -> None:
    database.now = lambda: NOON
    content = object_bytes(SOPInstanceUID="1.2.3", InstanceNumber=7, SeriesNumber=2, StudyDescription="胸部")
    receipt = intake.take(content, CITY)
    assert (receipt.outcome, receipt.sop_instance_uid) == ("new", "1.2.3")

    (study,) = rows(database, StudyRow)
    assert (study.id, study.hospital_id, study.uid) == (receipt.study_id, "city", "1.2.826.0.1.3680043.8.498.1")
    assert (study.state, study.generation, study.num_instances, study.urgent) == ("arriving", 0, 1, False)
    assert (study.first_instance_at, study.last_instance_at, study.close_at) == (NOON, NOON, NOON + QUIET)
    assert (study.patient_issuer, study.patient_id, study.patient_name) == ("CQ-HOSPITAL-01", "SIM0001", "张^三")
    assert (study.patient_birth_date, study.patient_sex) == (date(1980, 1, 1), "M")
    assert (study.study_date, study.description, study.modalities) == (date(2026, 9, 1), "胸部", ["CT"])

    (row,) = rows(database, InstanceRow)
    assert (row.sop_instance_uid, row.instance_number, row.series_number, row.rows) == ("1.2.3", 7, 2, 16)
    assert (row.digest, row.size_bytes) == (sha256(content).hexdigest(), len(content))
    assert (row.came_by, row.sender, row.conflicting, row.received_at) == ("dimse", "CT1", False, NOON)
    with archive.open(row.archive_key) as stream:
        assert stream.read() == content
    assert row.archive_key.startswith("city/")
    assert len(kept(tmp_path)) == 1


def test_the_same_object_again_is_taken_and_changes_nothing(intake: Intake, database: Database, tmp_path: Path) -> None:
    content = object_bytes()
    first = intake.take(content, CITY)
    with database.writing() as session:
        session.execute(update(StudyRow).values(state="scored", close_at=None))
    again = intake.take(content, Sender("city", "stow", "key:2"))
    assert (again.outcome, again.study_id) == ("same", first.study_id)
    assert [(study.state, study.num_instances, study.close_at) for study in rows(database, StudyRow)] == [
        ("scored", 1, None)
    ]
    assert len(rows(database, InstanceRow)) == len(kept(tmp_path)) == 1


def test_an_object_that_the_archive_lost_is_kept_again(intake: Intake, database: Database, tmp_path: Path) -> None:
    content = object_bytes()
    intake.take(content, CITY)
    kept(tmp_path)[0].unlink()
    assert intake.take(content, CITY).outcome == "same"
    assert [path.read_bytes() for path in kept(tmp_path)] == [content]
    assert len(rows(database, InstanceRow)) == 1


def test_other_content_under_the_same_uid_is_kept_beside_it(intake: Intake, database: Database, tmp_path: Path) -> None:
    first, second = object_bytes(SOPInstanceUID="1.2.3"), object_bytes(SOPInstanceUID="1.2.3", SliceThickness=1)
    assert [intake.take(content, CITY).outcome for content in (first, second, second, first)] == [
        "new",
        "conflicting",
        "same",
        "same",
    ]
    assert [row.conflicting for row in rows(database, InstanceRow)] == [False, True]
    assert {path.read_bytes() for path in kept(tmp_path)} == {first, second}
    assert [study.num_instances for study in rows(database, StudyRow)] == [1]


def test_other_file_meta_information_makes_no_other_object(intake: Intake, database: Database, tmp_path: Path) -> None:
    content, other = object_bytes(SOPInstanceUID="1.2.3"), object_bytes(SOPInstanceUID="1.2.3", SliceThickness=1)
    data_set = content[144 + int.from_bytes(content[140:144], "little") :]
    by_another_way = file_meta(CTImageStorage, "1.2.3", ExplicitVRLittleEndian) + data_set
    assert by_another_way != content
    sent = (content, by_another_way, by_another_way, other, by_another_way)
    outcomes = [intake.take(one, CITY).outcome for one in sent]
    assert outcomes == ["new", "same", "same", "conflicting", "same"]
    assert {path.read_bytes() for path in kept(tmp_path)} == {content, other}
    assert len(rows(database, InstanceRow)) == 2


def test_a_late_instance_opens_its_study_again(intake: Intake, database: Database) -> None:
    database.now = lambda: NOON
    intake.take(object_bytes(InstanceNumber=1), CITY)
    with database.writing() as session:
        session.execute(update(StudyRow).values(state="scored", generation=1, verdict_id=5, close_at=None))
    database.now = lambda: NOON + timedelta(hours=1)
    intake.take(object_bytes(InstanceNumber=2, Modality="SR", PatientName="another", StudyPriorityID="HIGH"), CITY)
    (study,) = rows(database, StudyRow)
    assert (study.state, study.generation, study.verdict_id, study.num_instances) == ("arriving", 1, 5, 2)
    assert (study.first_instance_at, study.last_instance_at) == (NOON, NOON + timedelta(hours=1))
    assert study.close_at == NOON + timedelta(hours=1) + QUIET
    assert (study.patient_name, study.modalities, study.urgent) == ("张^三", ["CT", "SR"], True)


def test_what_two_hospitals_send_are_two_studies(intake: Intake, database: Database) -> None:
    content = object_bytes(IssuerOfPatientID=None)
    assert [intake.take(content, sender).outcome for sender in (CITY, COUNTY)] == ["new", "new"]
    assert [(study.hospital_id, study.patient_issuer) for study in rows(database, StudyRow)] == [
        ("city", "city-issuer"),
        ("county", "county-issuer"),
    ]


def test_a_sender_may_say_that_it_is_urgent(intake: Intake, database: Database) -> None:
    intake.take(object_bytes(InstanceNumber=1), CITY, urgent=True)
    intake.take(object_bytes(InstanceNumber=2), CITY)
    assert rows(database, StudyRow)[0].urgent


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_sender_may_say_how_many_there_are(intake: Intake, database: Database) -> None:
    for number, said in enumerate((None, 7, 5), 1):
        told = {} if said is None else {"NumberOfStudyRelatedInstances": said}
        intake.take([object_bytes(SOPInstanceUID=f"1.2.3.{number}", **told)], CITY)
    with database.reading() as session:
        assert session.scalars(select(StudyRow.declared_instances)).all() == [7]


def test_letters_that_grow_fit_their_column(intake: Intake, database: Database) -> None:
    kept, written = b"\x08\0\x60\0CS\x02\0CT", b"\x08\0\x60\0LO\x20\0" + "ß".encode() * 16
    content = object_bytes(SpecificCharacterSet="ISO_IR 192")
    assert kept in content
    intake.take([content.replace(kept, written)], CITY)
    with database.reading() as session:
        assert session.scalars(select(InstanceRow.modality)).all() == ["S" * 16]


def test_hostile_texts_are_kept_as_texts(intake: Intake, database: Database) -> None:
    intake.take(object_bytes(PatientID="x'); DELETE FROM study; --", PatientName="a\0b\x1b^%s{}"), CITY)
    (study,) = rows(database, StudyRow)
    assert study.patient_id == "x'); DELETE FROM study; --"
    assert "\0" not in study.patient_name


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (lambda: b"no DICOM" * 100, "not_dicom"),
        (lambda: object_bytes()[:-100], "corrupt"),
        (lambda: object_bytes(StudyInstanceUID="../../../etc/passwd"), "corrupt"),
        (lambda: object_bytes(SeriesInstanceUID=""), "missing_uid"),
    ],
    ids=["no dicom", "cut", "path in a uid", "no uid"],
)
def test_what_is_broken_is_refused_and_kept_apart(
    intake: Intake, database: Database, archive: FolderArchive, tmp_path: Path, written: Callable[[], bytes], kind: str
) -> None:
    content = written()
    errors = [refused(intake, content) for _ in range(2)]
    assert [(error.kind, error.is_senders) for error in errors] == [(kind, True)] * 2
    (row,) = rows(database, QuarantineRow)
    assert (row.reason, row.times, row.sender, row.size_bytes) == (errors[0].reason, 2, "CT1", len(content))
    with archive.open(row.archive_key) as stream:
        assert stream.read() == content
    assert row.archive_key == f"quarantine/city/{sha256(content).hexdigest()}"
    assert len(kept(tmp_path)) == 1
    assert rows(database, StudyRow) == []


def test_an_object_without_a_byte_is_refused(intake: Intake, database: Database) -> None:
    assert refused(intake, b"").kind == "not_dicom"
    assert rows(database, QuarantineRow) == []


def test_an_object_that_never_ends_is_refused_at_the_limit(intake: Intake, database: Database, tmp_path: Path) -> None:
    pulled = 0

    def endless() -> Iterator[bytes]:
        nonlocal pulled
        while True:
            pulled += 1
            yield b"\0" * 100_000

    error = refused(intake, endless())
    assert (error.kind, error.is_senders, pulled) == ("too_large", True, 11)  # of 1 MiB
    assert "1 MiB" in error.reason
    assert kept(tmp_path) == rows(database, QuarantineRow) == []


def test_a_sender_that_goes_away_leaves_nothing(intake: Intake, database: Database, tmp_path: Path) -> None:
    def cut() -> Iterator[bytes]:
        yield object_bytes()[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        intake.take(cut(), CITY)
    assert kept(tmp_path) == rows(database, StudyRow) == rows(database, QuarantineRow) == []


def test_a_sender_of_no_hospital_is_refused(intake: Intake, tmp_path: Path) -> None:
    assert refused(intake, object_bytes(), Sender("elsewhere", "dimse", "X")).kind == "forbidden"
    assert kept(tmp_path) == []


def test_an_object_under_the_name_of_another_is_refused(intake: Intake, tmp_path: Path) -> None:
    content = object_bytes(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    for said in ({"sop_instance_uid": "1.2.4"}, {"study_uid": "1.3"}):
        error = refused(intake, content, **said)
        assert (error.kind, error.sop_instance_uid) == ("mismatch", "1.2.3")
    assert kept(tmp_path) == []
    assert intake.take(content, CITY, sop_instance_uid="1.2.3", study_uid="1.2").outcome == "new"


def test_who_comes_when_every_place_is_taken_is_sent_away(
    database: Database, hospitals: tuple[str, str], archive: FolderArchive
) -> None:
    intake = Intake(database, archive, Limits(at_once=1, wait_s=0.01))
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        inside.set()
        go_on.wait(30)
        yield object_bytes()

    receipts = []
    sender = threading.Thread(target=lambda: receipts.append(intake.take(slow(), CITY)))
    sender.start()
    inside.wait(30)
    error = refused(intake, object_bytes())
    assert (error.kind, error.is_senders) == ("busy", False)
    go_on.set()
    sender.join()
    assert [receipt.outcome for receipt in receipts] == ["new"]
    assert intake.take(object_bytes(InstanceNumber=2), CITY).outcome == "new"


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "archive_away")])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fails_is_told_and_leaves_nothing(
    intake: Intake,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    kind: str,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        errors = [refused(intake, content) for content in (object_bytes(), object_bytes()[:-100])]
    # what is broken was read by then, and its sender is told so, though it cannot be kept apart
    assert [error.kind for error in errors] == [kind, kind if call == "write" else "corrupt"]
    assert not errors[0].is_senders
    assert kept(tmp_path) == rows(database, StudyRow) == rows(database, QuarantineRow) == []
    assert intake.take(object_bytes(), CITY).outcome == "new"


@pytest.mark.parametrize("url", ["sqlite:///{}/absent/a.sqlite", "postgresql://someone@/none?host={}"])
def test_a_database_that_is_away_is_told(tmp_path: Path, archive: FolderArchive, url: str) -> None:
    intake = Intake(open_database(url.format(tmp_path)), archive, Limits())
    error = refused(intake, object_bytes())
    assert (error.kind, error.is_senders) == ("database_away", False)
    assert kept(tmp_path) == []


def test_threads_that_send_one_study_side_by_side(intake: Intake, database: Database, tmp_path: Path) -> None:
    outcomes: list[str] = []

    def send(offset: int) -> None:
        for number in range(offset, offset + 6):
            outcomes.append(intake.take(object_bytes(InstanceNumber=number), CITY).outcome)

    threads = [threading.Thread(target=send, args=(3 * offset,)) for offset in range(5)]  # half of it twice
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("new"), outcomes.count("same")) == (18, 12)
    assert [study.num_instances for study in rows(database, StudyRow)] == [18]
    assert len(rows(database, InstanceRow)) == len(kept(tmp_path)) == 18


SEND = """
import json, sys
from pathlib import Path
from serving.archive import FolderArchive
from serving.database.sessions import open_database
from serving.intake import Intake, Limits
from serving.recording import Sender
from serving.transfer.file_meta import file_meta
from tests.serving.conftest import object_bytes
url, archive, own = sys.argv[1:]
intake = Intake(open_database(url), FolderArchive(Path(archive)), Limits())
def outcome(**keywords):
    return intake.take(object_bytes(**keywords), Sender("city", "dimse", "CT" + own)).outcome
shared = [outcome(StudyInstanceUID=f"1.{number % 3}", SOPInstanceUID=f"1.{number}.9") for number in range(12)]
shared += [outcome(StudyInstanceUID="1.1", SOPInstanceUID="1.77", InstanceNumber=int(own))]  # other content in each
print(json.dumps([shared, [outcome(StudyInstanceUID=f"2.{own}.{number}") for number in range(3)]]))
"""


@pytest.mark.usefixtures("hospitals")
def test_processes_that_send_the_same_studies_side_by_side(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    senders = [
        subprocess.Popen(
            [sys.executable, "-c", SEND, database_url, str(tmp_path / "archive"), str(own)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for own in range(3)
    ]
    shared, own = zip(*(json.loads(sender.communicate()[0]) for sender in senders), strict=True)
    assert own == (["new"] * 3,) * 3
    for number, outcomes in enumerate(zip(*shared, strict=True)):
        others = ["conflicting"] * 2 if number == 12 else ["same"] * 2
        assert sorted(outcomes) == sorted(["new", *others])
    assert len(rows(database, InstanceRow)) == 12 + 3 + 9
    assert sum(study.num_instances for study in rows(database, StudyRow)) == 12 + 1 + 9
    assert len(kept(tmp_path)) == 24


@pytest.mark.usefixtures("hospitals")
def test_a_process_that_is_killed_at_any_step_loses_nothing(
    database: Database, database_url: str, archive: FolderArchive, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.serving.crashing_intake", database_url, str(tmp_path / "archive")]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    steps = [step.__name__ for step in crashing_intake.STEPS]
    outcomes = dict(zip(steps, (line.split()[1] for line in printed.splitlines()), strict=True))
    assert outcomes == {**dict.fromkeys(steps, "new"), "after_commit": "same"}
    sent = [crashing_intake.content(number) for number in range(len(steps))]
    assert [study.num_instances for study in rows(database, StudyRow)] == [1] * len(sent)
    for row, content in zip(rows(database, InstanceRow), sent, strict=True):
        with archive.open(row.archive_key) as stream:
            assert stream.read() == content
    whole = [path for path in kept(tmp_path) if path.parent.name != "incoming"]
    assert {path.name for path in whole} == {sha256(content).hexdigest() for content in sent}
    assert all(sha256(path.read_bytes()).hexdigest() == path.name for path in whole)
