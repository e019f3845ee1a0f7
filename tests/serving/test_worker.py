"""A worker: what it says of real studies, and that one verdict results whoever dies."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.policy import load_policy
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study
from serving import audit, jobs, radiology_reports, verdicts
from serving.archive import FolderArchive
from serving.database.sessions import Database
from serving.database.tables import AuditLine, Hospital, Job, OutboxRow, PoolEntry, Review, StudyRow, VerdictRow
from serving.evidence_ledger import Closing
from serving.fhir_report import read_report
from serving.intake import Intake, Limits
from serving.outcome import Delivery, Following
from serving.recording import Sender
from serving.standing import SUSPENDED, Decision, decide_device, suspended
from serving.worker import DEFAULT_CATALOGUE, Examining, Heartbeat, Worker
from tests.serving.made_rows import Clock
from tests.serving.sent_reports import diagnostic_report

CITY = Sender("city", "dimse", "CITY_DX")
START = datetime(2026, 9, 10, 8, 0, tzinfo=UTC)
LEASING = jobs.Leasing(lease_s=60, attempts=3)
CLOSING = Closing()
POLICY = load_policy()


class Silent:
    """A log that nobody reads."""

    def info(self, *_: Any, **__: Any) -> None: ...


SILENT = Silent()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(DEFAULT_CATALOGUE)


@pytest.fixture(scope="session")
def hand(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> SimulatedStudy:
    """A study that passes: both views of a hand."""
    return simulate_study(catalogue.item("XR-HAND"), tmp_path_factory.mktemp("hand"))


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(START)
    database.now = told
    return told


@pytest.fixture
def send(database: Database, archive: FolderArchive, clock: Clock) -> Callable[[Path], None]:
    intake = Intake(database, archive, Limits())

    def sent(path: Path) -> None:
        intake.take(path.read_bytes(), CITY)

    return sent


@pytest.fixture
def worker(database: Database, archive: FolderArchive, catalogue: Catalogue, clock: Clock) -> Worker:
    following = Following(POLICY, b"k", (Delivery("webhook", "his"),), draw=lambda: 1.0)
    return Worker(database, archive, Examining(catalogue, models=False), following, CLOSING, LEASING)


def without_pixels(worker: Worker) -> Worker:
    worker._examining = replace(worker._examining, pixels=False)
    return worker


def close(worker: Worker, clock: Clock) -> None:
    clock.seconds += 4000
    assert worker.close()


def study_of(database: Database) -> StudyRow:
    with database.reading() as session:
        return session.scalars(select(StudyRow)).one()


def all_verdicts(database: Database) -> list[VerdictRow]:
    with database.reading() as session:
        return list(session.scalars(select(VerdictRow).order_by(VerdictRow.id)))


def job(database: Database, kind: str = jobs.SCORE) -> Job:
    with database.reading() as session:
        return session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id.desc())).first() or Job()


def actions(database: Database) -> list[str]:
    with database.reading() as session:
        assert audit.verify(session).faults == ()
        return list(session.scalars(select(AuditLine.action).order_by(AuditLine.number)))


def test_from_arrival_to_the_pool(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    for path in hand.files:
        send(path)
    close(worker, clock)
    assert worker.score()
    assert not worker.score()
    study = study_of(database)
    (verdict,) = all_verdicts(database)
    assert (study.state, study.verdict_id, verdict.verdict, verdict.kind) == ("scored", verdict.id, "pass", "full")
    assert [item["id"] for item in verdict.items] == ["XR-HAND"]
    with database.reading() as session:
        (entry,) = session.scalars(select(PoolEntry))
        assert session.scalars(select(Review)).all() == []
        assert [one.subject for one in session.scalars(select(OutboxRow))] == [f"verdict:{verdict.id}"]
        report = verdicts.report_of(session, verdict)
    assert report is not None
    assert report.study_instance_uid == hand.study_instance_uid
    days = {item["item"]: item["valid_days"] for item in report.content["items"]}
    assert entry.item_id == "XR-HAND"
    assert entry.valid_until - entry.examined_on == timedelta(days=days["XR-HAND"])
    assert actions(database) == ["study closed", "verdict", "pool entry made"]
    assert job(database).state == "done"


def test_a_first_look_warns_of_what_is_wrong_and_never_passes(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    send(hand.files[0])
    clock.seconds = 5
    assert not worker.close()
    assert worker.look()
    (verdict,) = all_verdicts(database)
    assert (verdict.kind, verdict.generation, verdict.verdict) == ("first_look", 1, "review")
    assert verdict.reasons == ["completeness.pixel_integrity.not_examined"]  # the other view may still come
    study = study_of(database)
    assert (study.state, study.verdict_id) == ("arriving", None)
    with database.reading() as session:
        assert len(session.scalars(select(OutboxRow)).all()) == 1
        assert session.scalars(select(Review)).all() == []


def test_a_first_look_that_comes_too_late_is_left_out(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    send(hand.files[0])
    close(worker, clock)  # the look was asked for, and the study closed in the same step
    assert worker.look()
    assert all_verdicts(database) == []
    assert (job(database, "first_look").state, job(database, "first_look").reason) == (
        "done",
        "the study has changed since",
    )


def test_a_late_instance_is_scored_again_and_both_verdicts_are_kept(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    send(hand.files[0])
    close(worker, clock)
    worker.score()
    send(hand.files[1])
    assert study_of(database).state == "arriving"
    close(worker, clock)
    worker.score()
    first, second = all_verdicts(database)
    assert (first.generation, first.verdict) == (1, "reject")
    assert (second.generation, second.verdict) == (2, "pass")
    assert study_of(database).verdict_id == second.id


def test_a_report_that_comes_beside_is_checked_and_a_newer_one_again(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    found = []
    for status in ("preliminary", "final"):  # before the study, and after its verdict
        content = diagnostic_report(hand.study_instance_uid, status=status, effectiveDateTime=None, issued=None)
        radiology_reports.take(database, "city", read_report(content, ""), "key:1", timedelta(0))
        for path in hand.files:
            send(path)
        close(worker, clock)
        worker.score()
        with database.reading() as session:
            report = verdicts.report_of(session, all_verdicts(database)[-1])
        assert report is not None
        said = {finding["metric"]: finding["level"] for finding in report.content["findings"]}
        found.append(said.get("metadata.radiology_report.unsigned"))
        assert said["metadata.radiology_report.undated"] == "note"
    assert found == ["note", None]
    assert [verdict.generation for verdict in all_verdicts(database)] == [1, 2]


def test_an_instance_that_comes_while_its_study_is_examined(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    without_pixels(worker)
    send(hand.files[0])
    close(worker, clock)
    with database.writing() as session:
        lease = jobs.take(session, jobs.SCORE, clock(), LEASING)
    assert lease is not None
    examine = worker._examine

    def slowly(*arguments: Any, **keywords: Any) -> Any:
        report = examine(*arguments, **keywords)
        send(hand.files[1])
        return report

    worker._examine = slowly  # type: ignore[method-assign]
    worker._do(lease, bound=SILENT)
    study = study_of(database)
    (verdict,) = all_verdicts(database)
    assert (study.state, study.verdict_id) == ("arriving", verdict.id)
    with database.reading() as session:
        assert session.scalars(select(Review)).all() == []  # it will be judged anew
    assert job(database).state == "done"


def test_a_suspended_hospital_goes_to_review(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    with database.writing() as session:
        city = session.get_one(Hospital, "city")
        city.standing, city.standing_reason = "suspended", "quality control overdue"
    for path in hand.files:
        send(path)
    close(worker, clock)
    worker.score()
    (verdict,) = all_verdicts(database)
    assert (verdict.verdict, verdict.reasons) == ("review", ["metadata.device.suspended"])
    assert verdict.versions["standing"] == "suspended"
    with database.reading() as session:
        assert session.scalars(select(PoolEntry)).all() == []
        assert [one.kind for one in session.scalars(select(Review))] == ["review"]


def test_who_is_suspended_while_a_study_is_examined(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    without_pixels(worker)
    send(hand.files[0])
    close(worker, clock)
    examine = worker._examine

    def slowly(*arguments: Any, **keywords: Any) -> Any:
        report = examine(*arguments, **keywords)
        device = report.content["facts"]["device"]
        with database.writing() as session:
            decide_device(session, "city", device, Decision(SUSPENDED, "tube broken"), "account:1", clock())
        return report

    worker._examine = slowly  # type: ignore[method-assign]
    assert worker.score()
    assert all_verdicts(database) == []
    found = job(database)
    assert (found.state, found.attempts) == ("ready", 0)
    assert "suspended while" in found.reason
    clock.seconds += 3600
    assert worker.score()
    (verdict,) = all_verdicts(database)
    assert verdict.versions["standing"] == SUSPENDED
    assert "metadata.device.suspended" in verdict.reasons


def test_the_policy_of_a_suspended_hospital_suspends_every_device() -> None:
    standing = suspended(POLICY, "city", "overdue").standing_of(("any",), ("other",))
    assert standing is not None
    assert standing.reason.en == "overdue"
    assert POLICY.standing_of(("any",), ("city",)) is None


def test_who_lost_the_lease_writes_nothing(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    without_pixels(worker)
    send(hand.files[0])
    close(worker, clock)
    with database.writing() as session:
        dead = jobs.take(session, jobs.SCORE, clock(), LEASING)
    assert dead is not None
    clock.seconds += 61
    assert worker.score()
    written = actions(database)
    with pytest.raises(jobs.LeaseLostError):
        worker._do(dead, bound=SILENT)
    assert len(all_verdicts(database)) == 1
    assert actions(database) == written


def test_an_archive_that_is_away_is_waited_for(
    database: Database,
    worker: Worker,
    send: Callable[[Path], None],
    clock: Clock,
    hand: SimulatedStudy,
    tmp_path: Path,
) -> None:
    without_pixels(worker)
    send(hand.files[0])
    close(worker, clock)
    (tmp_path / "archive").rename(tmp_path / "away")
    assert worker.score()
    found = job(database)
    assert (found.state, found.attempts) == ("ready", 0)
    assert "archive" in found.reason
    (tmp_path / "away").rename(tmp_path / "archive")
    clock.seconds += 3600
    assert worker.score()
    assert job(database).state == "done"


def test_the_last_attempt_looks_at_headers_alone(
    database: Database, worker: Worker, send: Callable[[Path], None], clock: Clock, hand: SimulatedStudy
) -> None:
    for path in hand.files:
        send(path)
    close(worker, clock)
    for _ in range(2):  # as two workers that died over its pixels
        with database.writing() as session:
            assert jobs.take(session, jobs.SCORE, clock(), LEASING) is not None
        clock.seconds += 61
    assert worker.score()
    (verdict,) = all_verdicts(database)
    assert (verdict.verdict, verdict.reasons) == ("review", ["completeness.pixel_integrity.not_examined"])
    assert verdict.versions["degraded"] == "headers only, after failed attempts"


KILLED = """
import sys, time
from datetime import datetime, timedelta
from pathlib import Path
from serving import jobs
from serving.archive import FolderArchive
from serving.database.sessions import open_database
from serving.evidence_ledger import Closing
from serving.outcome import Following
from serving.worker import DEFAULT_CATALOGUE, Examining, Worker
from qc_models.exam_item import load_catalogue
from qc_models.policy import load_policy
now = datetime.fromisoformat(sys.argv[3])
database = open_database(sys.argv[1], clock=lambda: now)
worker = Worker(database, FolderArchive(Path(sys.argv[2])), Examining(load_catalogue(DEFAULT_CATALOGUE), pixels=False),
                Following(load_policy(), b"k"), Closing(), jobs.Leasing(lease_s=60, attempts=3))
examine = worker._examine
def stand_still(*arguments, **keywords):
    examine(*arguments, **keywords)
    print("examined", flush=True)
    time.sleep(600)
worker._examine = stand_still
worker.score()
"""


def test_a_killed_workers_study_is_scored_once_more_and_one_verdict_results(
    database: Database,
    database_url: str,
    worker: Worker,
    send: Callable[[Path], None],
    clock: Clock,
    hand: SimulatedStudy,
    tmp_path: Path,
) -> None:
    without_pixels(worker)
    send(hand.files[0])
    close(worker, clock)
    command = [sys.executable, "-c", KILLED, database_url, str(tmp_path / "archive"), clock().isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "examined\n"
        assert not worker.score()  # it is leased
        os.kill(dying.pid, signal.SIGKILL)
    assert all_verdicts(database) == []
    clock.seconds += 61
    assert worker.score()
    (verdict,) = all_verdicts(database)
    assert (job(database).attempts, job(database).state) == (2, "done")
    assert study_of(database).verdict_id == verdict.id


def test_a_job_that_stands_still_ends_its_process(database: Database, hospitals: tuple[str, str]) -> None:
    ended: list[int] = []
    over = threading.Event()

    def end(code: int) -> None:
        ended.append(code)
        over.set()

    lease = jobs.Lease(1, "w", jobs.SCORE, 1, 1, "city", 1)
    with Heartbeat(database, lease, jobs.Leasing(heartbeat_s=0.01, longest_s=0.001), end):
        assert over.wait(30)
    assert ended == [75]


def test_lanes_end_when_they_are_told(worker: Worker) -> None:
    stop = threading.Event()
    running = threading.Thread(target=worker.run, args=(stop,))
    running.start()
    stop.set()
    running.join(60)
    assert not running.is_alive()
