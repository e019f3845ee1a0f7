"""What is past its time goes, rows before bytes, with a line in the audit chain; what arrives meanwhile is not lost."""

import os
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from qc_models.errors import InputError
from qc_models.policy import load_policy
from serving import audit, pool
from serving.archive import ArchiveAwayError, FolderArchive
from serving.archive_check import ArchiveCheck
from serving.command_line import touchstone
from serving.database.sessions import Database
from serving.database.tables import (
    Account,
    AuditLine,
    InstanceRow,
    Job,
    OutboxRow,
    PoolEntry,
    QuarantineRow,
    RadiologyReport,
    Review,
    SignedIn,
    StudyRow,
    Table,
    VerdictRow,
)
from serving.intake import Intake, Limits, Refused
from serving.outcome import Delivery
from serving.pool_lookup import Asked, lookup
from serving.received_object import read_object
from serving.recording import Kept, Recording, Sender
from serving.retention import Purge
from serving.retention_settings import Retention
from tests.serving.conftest import object_bytes
from tests.serving.every_table import fill
from tests.serving.made_rows import NOW, Clock, made_report, made_verdict

CITY = Sender("city", "dimse", "CITY_CT")
FOR_EVER = Retention(quarantine_days=None, jobs_days=None, messages_days=None, reports_days=None)
OF_A_STUDY = [
    "instance",
    "job",
    "outbox",
    "performed_step",
    "pool_entry",
    "radiology_report",
    "recognition",
    "report",
    "review",
    "study",
    "verdict",
]


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(NOW)
    database.now = told
    return told


@pytest.fixture
def intake(database: Database, archive: FolderArchive, clock: Clock) -> Intake:
    return Intake(database, archive, Limits())


@pytest.fixture
def study_id(intake: Intake, database: Database) -> int:
    """A study of two images in the pool, judged at once."""
    for number in (1, 2):
        receipt = intake.take(object_bytes(InstanceNumber=number, SOPInstanceUID=f"1.2.{number}"), CITY)
    judge(database, receipt.study_id)
    return receipt.study_id


def judge(database: Database, study_id: int) -> None:
    with database.writing() as session:
        study = session.get_one(StudyRow, study_id)
        study.state, study.generation = "scored", study.generation + 1
        study.study_date, study.patient_issuer, study.patient_id = date(2026, 9, 1), "city-issuer", "7"
        verdict = made_verdict(session, study, created_at=database.now())
        study.verdict_id = verdict.id
        audit.append(session, "service", audit.VERDICT, f"study:{study_id}", {"verdict": verdict.id})
        pool.offer(session, study, verdict, made_report({"CT-CHEST": "pass"}), "", database.now())


HIS = (Delivery("webhook", "his"), Delivery("sr", "pacs"))


def purge(database: Database, archive: FolderArchive, **periods: Any) -> Purge:
    return Purge(database, archive, FOR_EVER.model_copy(update=periods), HIS)


def files(archive: FolderArchive) -> list[str]:
    return [listed.key for listed in archive.listed()]


def all_of(database: Database, table: type[Any]) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(table)))


def actions(database: Database) -> list[str]:
    with database.reading() as session:
        assert audit.verify(session).faults == ()
        return list(session.scalars(select(AuditLine.action).order_by(AuditLine.number)))


def offered(database: Database) -> list[int]:
    with database.reading() as session:
        asked = Asked("CT-CHEST", "county", date(2026, 9, 2), issuer="city-issuer", patient_id="7")
        answer = lookup(session, asked, load_policy())
    return [one.study_id for one in answer.eligible]


def test_images_go_after_their_time_and_leave_the_pool(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    assert offered(database) == [study_id]
    keeping = purge(database, archive, images_days=10)
    clock.seconds = 10 * 86400
    assert keeping.run().studies_without_images == 0
    clock.seconds += 1
    assert keeping.due().studies_without_images == 1
    assert keeping.run().studies_without_images == 1
    assert (all_of(database, InstanceRow), files(archive)) == ([], [])
    (entry,) = all_of(database, PoolEntry)
    assert (entry.state, entry.state_reason) == ("withdrawn", "its images were deleted")
    assert offered(database) == []
    (verdict,) = all_of(database, VerdictRow)
    assert [row.subject for row in all_of(database, OutboxRow)] == [f"withdrawn:{verdict.id}"]
    with database.reading() as session:
        line = session.scalars(select(AuditLine).where(AuditLine.action == "images deleted")).one()
        assert (line.subject, line.detail["images"], line.detail["reason"]) == (
            f"study:{study_id}",
            2,
            "kept for 10 days",
        )
    assert "pool entry withdrawn" in actions(database)
    assert keeping.due().studies_without_images == keeping.run().studies_without_images == 0


def test_a_verdict_after_the_images_are_gone_offers_nothing(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    clock.seconds = 1
    purge(database, archive, images_days=0).run()
    judge(database, study_id)
    assert [entry.state for entry in all_of(database, PoolEntry)] == ["withdrawn"]


def test_images_stay_while_a_reviewer_has_them(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    with database.writing() as session:
        (verdict,) = session.scalars(select(VerdictRow))
        task = Review(
            study_id=study_id, verdict_id=verdict.id, kind="appeal", state="claimed", answers=[], created_at=NOW
        )
        session.add(task)
    clock.seconds = 1
    assert purge(database, archive, images_days=0).run().studies_without_images == 0
    assert len(files(archive)) == 2


def test_what_arrives_between_rows_and_bytes_is_kept(
    database: Database,
    archive: FolderArchive,
    clock: Clock,
    study_id: int,
    intake: Intake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delete_bytes = Purge._delete_bytes

    def meanwhile(self: Purge, study: int) -> None:
        intake.take(object_bytes(InstanceNumber=2, SOPInstanceUID="1.2.2"), CITY)
        delete_bytes(self, study)

    monkeypatch.setattr(Purge, "_delete_bytes", meanwhile)
    clock.seconds = 1
    purge(database, archive, images_days=0).run()
    (row,) = all_of(database, InstanceRow)
    assert files(archive) == [row.archive_key]
    (study,) = all_of(database, StudyRow)
    assert (study.state, study.num_instances) == ("arriving", 1)


def test_what_was_kept_before_and_is_recorded_after_is_refused(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    content = object_bytes(InstanceNumber=3, SOPInstanceUID="1.2.3")
    recording = Recording(database, archive, timedelta(0))
    clock.seconds = 1
    with archive.stage() as staged:
        staged.write(content)
        facts = read_object(staged.path)
        folder = files(archive)[0].rpartition("/")[0]
        stored = staged.keep(folder)
    purge(database, archive, images_days=0).run()
    with pytest.raises(ArchiveAwayError, match="send it again"):
        recording.record([Kept(CITY, facts, stored, False)])
    assert all_of(database, InstanceRow) == []


def test_a_purge_that_ends_in_between_leaves_nothing_that_is_not_swept(
    database: Database,
    archive: FolderArchive,
    clock: Clock,
    study_id: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Purge, "_delete_bytes", _killed)
        clock.seconds = 1
        with pytest.raises(KeyboardInterrupt):
            purge(database, archive, images_days=0).run()
    assert len(files(archive)) == 2
    check = ArchiveCheck(database, archive)
    for key in files(archive):
        os.utime(tmp_path / "archive" / key, (NOW.timestamp(), NOW.timestamp()))
    assert list(check.orphans()) == []  # they might be about to be recorded
    clock.seconds = 3602
    assert check.sweep(check.orphans(), "command") == 2
    assert files(archive) == []
    assert actions(database)[-1] == "orphans deleted"


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_erasing_leaves_no_row_and_no_byte_of_a_study(database: Database, archive: FolderArchive, clock: Clock) -> None:
    with database.engine.begin() as connection:
        for table in reversed(Table.metadata.sorted_tables):
            connection.execute(table.delete())
        fill(connection, Table.metadata)
        for name, column, value in (
            ("outbox", "subject", "verdict:1"),
            ("performed_step", "study_uid", "1uid 值"),
            ("radiology_report", "study_uid", "1uid 值"),
            ("audit", "number", 1),
        ):
            connection.execute(Table.metadata.tables[name].update().values(**{column: value}))
        connection.execute(Table.metadata.tables["audit"].delete())
    assert purge(database, archive).erase(1, "asked for by the patient", "account:3")
    with database.reading() as session:
        left = {name for name, table in Table.metadata.tables.items() if session.execute(select(table)).first()}
        line = session.scalars(select(AuditLine)).one()
    assert left.isdisjoint(OF_A_STUDY)
    assert left >= {"hospital", "account", "quarantine", "api_key"}
    assert (line.action, line.subject, line.actor) == ("study erased", "study:1", "account:3")
    assert line.detail == {"reason": "asked for by the patient", "images": 1, "bytes": 1}
    with pytest.raises(InputError, match="erased already"):
        purge(database, archive).erase(1, "again", "account:3")


def test_who_relied_on_an_erased_study_is_told_and_nothing_else_is_left(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    (verdict,) = all_of(database, VerdictRow)
    with database.writing() as session:
        message = {"kind": "webhook", "target": "his", "body": {}, "state": "sent", "next_at": NOW, "created_at": NOW}
        for subject in ("study", "verdict", "withdrawn", "upheld"):
            number = study_id if subject == "study" else verdict.id
            session.add(OutboxRow(subject=f"{subject}:{number}", **message))
    with database.reading() as session:
        uid = session.get_one(StudyRow, study_id).uid
    assert purge(database, archive).erase(study_id, "asked for", "account:3")
    (row,) = all_of(database, OutboxRow)
    assert (row.kind, row.target, row.subject, row.state) == ("webhook", "his", f"withdrawn:{verdict.id}", "waiting")
    assert row.body["erased"] == {"study_instance_uid": uid, "hospital": "city"}


def test_nobody_is_told_of_an_erasure_after_the_validity_ended(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int
) -> None:
    clock.seconds = 40 * 86400
    assert purge(database, archive).erase(study_id, "asked for", "account:3")
    assert all_of(database, OutboxRow) == []


def test_an_erasure_that_ends_in_between_is_finished_by_the_next_run(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Purge, "_delete_bytes", _killed)
        with pytest.raises(KeyboardInterrupt):
            purge(database, archive).erase(study_id, "asked for", "command")
    assert [study.state for study in all_of(database, StudyRow)] == ["erased"]
    assert purge(database, archive).run().studies_erased == 1
    assert (all_of(database, StudyRow), files(archive)) == ([], [])


def test_a_study_that_comes_again_while_it_is_erased_lives(
    database: Database,
    archive: FolderArchive,
    clock: Clock,
    study_id: int,
    intake: Intake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delete_bytes = Purge._delete_bytes

    def meanwhile(self: Purge, study: int) -> None:
        delete_bytes(self, study)
        intake.take(object_bytes(InstanceNumber=2, SOPInstanceUID="1.2.2"), CITY)

    monkeypatch.setattr(Purge, "_delete_bytes", meanwhile)
    assert not purge(database, archive).erase(study_id, "asked for", "command")
    (study,) = all_of(database, StudyRow)
    assert (study.state, study.num_instances, len(files(archive))) == ("arriving", 1, 1)


def test_old_studies_are_erased(database: Database, archive: FolderArchive, clock: Clock, study_id: int) -> None:
    old = purge(database, archive, studies_years=2)
    clock.seconds = 729 * 86400
    assert old.run().studies_erased == 0
    clock.seconds = 731 * 86400
    assert old.due().studies_erased == old.run().studies_erased == 1
    assert all_of(database, StudyRow) == []


def test_what_was_broken_done_sent_or_ended_goes(
    database: Database, archive: FolderArchive, clock: Clock, study_id: int, intake: Intake
) -> None:
    with pytest.raises(Refused):
        intake.take(b"no DICOM", CITY)
    with database.writing() as session:
        usual = {"study_id": study_id, "hospital_id": "city", "priority": 1, "run_at": NOW, "created_at": NOW}
        session.add(Job(kind="score", generation=1, state="done", done_at=NOW, **usual))
        session.add(Job(kind="score", generation=2, state="dead", done_at=NOW, **usual))
        message = {"kind": "webhook", "target": "his", "body": {}, "next_at": NOW, "created_at": NOW}
        session.add(OutboxRow(subject="1", state="sent", sent_at=NOW, **message))
        session.add(OutboxRow(subject="2", state="waiting", **message))
        session.add(account := Account(name="a", role="reviewer", created_at=NOW))
        session.flush()
        session.add(SignedIn(digest="1", account_id=account.id, begun_at=NOW, ends_at=NOW + timedelta(days=1)))
        session.add(SignedIn(digest="2", account_id=account.id, begun_at=NOW, ends_at=NOW + timedelta(days=60)))
        here = session.get_one(StudyRow, study_id).uid
        for hospital, uid in (
            ("city", here),
            ("county", here),
            ("city", "1.2.7"),
        ):  # of a study that is here, and of none
            session.add(RadiologyReport(hospital_id=hospital, key="1", study_uid=uid, form={}, received_at=NOW))
    old = purge(database, archive, quarantine_days=30, jobs_days=30, messages_days=30, reports_days=30)
    assert set(asdict(old.run()).values()) == {0}
    clock.seconds = 31 * 86400
    due = asdict(old.due())
    assert due == asdict(old.run()) | {}
    assert due == {
        "quarantined": 1,
        "jobs": 1,
        "messages": 1,
        "sessions": 1,
        "reports": 2,
        "studies_erased": 0,
        "studies_without_images": 0,
    }
    assert all_of(database, QuarantineRow) == []
    assert [key for key in files(archive) if key.startswith("quarantine")] == []
    assert [job.state for job in all_of(database, Job)] == ["dead"]
    assert [row.state for row in all_of(database, OutboxRow)] == ["waiting"]
    assert [row.digest for row in all_of(database, SignedIn)] == ["2"]
    assert [(row.hospital_id, row.study_uid) for row in all_of(database, RadiologyReport)] == [("city", here)]
    assert actions(database)[-5:] == [
        "quarantined object deleted",
        "old sessions deleted",
        "old jobs deleted",
        "old messages deleted",
        "old reports deleted",
    ]


def test_the_command(tmp_path: Path) -> None:
    from serving.database.sessions import open_database
    from serving.opened_service import open_service
    from serving.service_config import load_service_config

    state = tmp_path / "state"
    service = open_service(load_service_config(state=state), {})
    sender = Sender("example-city", "dimse", "CITY_CT")
    receipt = service.intake.take(object_bytes(), sender)
    service.database.close()
    options = ["--state", str(state)]

    def call(*words: str) -> str:
        answer = CliRunner().invoke(touchstone, [*words, *options], prog_name="touchstone")
        return f"{answer.exit_code} {answer.output}"

    assert "studies erased                 0" in call("retention", "run", "--dry-run")
    assert call("retention", "erase", "1.2.99", "--yes", "--reason", "x").startswith(
        "3 touchstone: study 1.2.99: there is none"
    )
    assert call("retention", "erase", receipt.study_uid, "--yes", "--reason", "asked for") == "0 study 1 erased\n"
    assert call("archive", "check") == "0 0 objects missing or changed; 0 objects of 0 bytes that no row names\n"
    assert call("archive", "sweep") == "0 0 objects deleted\n"
    database = open_database(load_service_config(state=state).database_url())
    assert actions(database)[-1] == "study erased"
    database.close()
