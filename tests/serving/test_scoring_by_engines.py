"""A worker with a real database and engines that lack something, cannot be reached, or lose one machine after the other."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ray._private.authentication.authentication_token_setup import (
    enable_token_auth_by_default,
    ensure_token_if_auth_enabled,
)
from ray.cluster_utils import Cluster
from sqlalchemy import select

from inference.engine.made_engine import make_engine
from inference.engine.ray_engine import RayEngine
from inference.engine.section import EngineSection
from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.policy import load_policy
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study
from serving import audit, jobs
from serving.archive import FolderArchive
from serving.database.sessions import Database
from serving.database.tables import Job, PoolEntry, StudyRow, VerdictRow
from serving.evidence_ledger import Closing
from serving.intake import Intake, Limits
from serving.outcome import Following
from serving.recording import Sender
from serving.worker import DEFAULT_CATALOGUE, Examining, Worker
from tests.ray_processes import bytes_read, in_the_middle, patiently, replicas
from tests.serving.made_rows import Clock

pytestmark = pytest.mark.xdist_group("ray")

CITY = Sender("city", "dimse", "CITY_DX")
START = datetime(2026, 9, 10, 8, 0, tzinfo=UTC)
LEASING = jobs.Leasing(lease_s=600, attempts=3)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head with room for one examiner; a second node is added by whoever needs it.

    Its nodes show the token that whoever joins them shows, as those of `ray start` do, and not only where a test before this one
    had Ray make one.
    """
    enable_token_auth_by_default()
    ensure_token_if_auth_enabled()
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": {"worker_niceness": 0}}
    made = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Cluster) -> Iterator[RayEngine]:
    section = EngineSection(kind="ray", address=cluster.address, least_examiners=2, most_examiners=2, cpus=1, wait_s=60)
    made = RayEngine(section)
    yield made
    made.close()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DEFAULT_CATALOGUE)


@pytest.fixture(scope="module")
def hands(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> list[SimulatedStudy]:
    """Two studies of full size that pass."""
    folder = tmp_path_factory.mktemp("hands")
    return [simulate_study(catalogue.item("XR-HAND"), folder / str(seed), seed=seed) for seed in (0, 1)]


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(START)
    database.now = told
    return told


@pytest.fixture
def worker(database: Database, archive: FolderArchive, catalogue: Catalogue, clock: Clock, engine: RayEngine) -> Worker:
    following = Following(load_policy(), b"k", (), draw=lambda: 1.0)
    examining = Examining(catalogue, models=False)
    return Worker(database, archive, examining, following, Closing(), LEASING)


@pytest.fixture
def send(database: Database, archive: FolderArchive, worker: Worker, clock: Clock) -> Callable[[SimulatedStudy], None]:
    """Sends a study, has it looked at, and closes it."""
    intake = Intake(database, archive, Limits())

    def sent(study: SimulatedStudy) -> None:
        for path in study.files:
            intake.take(Path(path).read_bytes(), CITY)
        clock.seconds += 5
        worker.close()
        assert worker.look()
        clock.seconds += 4000
        assert worker.close()

    return sent


def all_jobs(database: Database) -> list[Job]:
    with database.reading() as session:
        return list(session.scalars(select(Job).where(Job.kind == jobs.SCORE).order_by(Job.id)))


def scored_once_and_whole(database: Database, number: int) -> None:
    """Each study has one verdict, which is current, one pool entry, and the audit chain is whole."""
    with database.reading() as session:
        verdicts = session.scalars(select(VerdictRow).where(VerdictRow.kind != "first_look")).all()
        assert {one.verdict_id for one in session.scalars(select(StudyRow))} == {one.id for one in verdicts}
        assert [(one.kind, one.verdict) for one in verdicts] == [("full", "pass")] * number
        assert len(session.scalars(select(PoolEntry)).all()) == number
        assert audit.verify(session).faults == ()


@pytest.mark.parametrize(
    ("lacking", "mark"),
    [
        ("pixels", "headers only, as configured"),
        ("gpu", "headers only, no GPU"),
        ("models", "without xr_anatomy, xr_artifact"),
    ],
)
def test_what_a_verdict_was_made_without_is_marked_and_it_never_passes(
    lacking: str,
    mark: str,
    database: Database,
    worker: Worker,
    send: Callable[[SimulatedStudy], None],
    hands: list[SimulatedStudy],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if lacking == "pixels":
        worker._examining = replace(worker._examining, pixels=False)
    elif lacking == "gpu":
        worker._engine = make_engine(EngineSection(gpu="required"))
    else:
        worker._examining = replace(worker._examining, models=True)
        monkeypatch.setattr("qc_models.model_bundle.SHIPPED", tmp_path)
    send(hands[0])
    assert worker.score()
    with database.reading() as session:
        study = session.scalars(select(StudyRow)).one()
        verdict = session.get_one(VerdictRow, study.verdict_id)
        assert session.scalars(select(PoolEntry)).all() == []
    assert (verdict.verdict, verdict.versions["degraded"]) == ("review", mark)


def test_an_engine_that_is_away_is_waited_for_and_first_looks_need_none(
    database: Database,
    worker: Worker,
    send: Callable[[SimulatedStudy], None],
    clock: Clock,
    hands: list[SimulatedStudy],
) -> None:
    worker._engine = make_engine(EngineSection(kind="ray", address="127.0.0.1:1"))  # where nothing listens
    send(hands[0])
    for _ in range(2):
        assert worker.score()
        (job,) = all_jobs(database)
        assert (job.state, job.attempts) == ("ready", 0)
        assert job.reason == "Ray's head at 127.0.0.1:1 does not answer; start it"
        assert not worker.score()  # not yet
        clock.seconds += 3600
    with database.reading() as session:
        assert [verdict.kind for verdict in session.scalars(select(VerdictRow))] == ["first_look"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_node_that_dies_loses_no_study_and_doubles_none(
    database: Database,
    worker: Worker,
    engine: RayEngine,
    cluster: Cluster,
    send: Callable[[SimulatedStudy], None],
    clock: Clock,
    hands: list[SimulatedStudy],
) -> None:
    worker._engine = engine
    node = cluster.add_node(num_cpus=1)
    (raylet,) = node.all_processes["raylet"]
    for hand in hands:
        send(hand)
    while engine._joined().num_examiners() < 2:
        threading.Event().wait(0.1)
    there = replicas("Examiner", of=raylet.process.pid)
    assert len(there) == 1
    before = bytes_read(there)
    lanes = [threading.Thread(target=worker.score) for _ in hands]
    for lane in lanes:
        lane.start()
    in_the_middle(before)
    cluster.remove_node(node, allow_graceful=False)
    for lane in lanes:
        lane.join(120)
    assert sorted((one.state, one.attempts) for one in all_jobs(database)) == [("done", 1), ("ready", 1)]
    (given_back,) = [one for one in all_jobs(database) if one.state == "ready"]
    assert "ended in the middle, or its machine did" in given_back.reason
    assert given_back.run_at > clock()
    clock.seconds += 600
    assert worker.score()
    assert [one.state for one in all_jobs(database)] == ["done", "done"]
    scored_once_and_whole(database, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_head_that_dies_is_an_outage_that_counts_as_no_attempt(
    database: Database,
    worker: Worker,
    engine: RayEngine,
    cluster: Cluster,
    send: Callable[[SimulatedStudy], None],
    clock: Clock,
    hands: list[SimulatedStudy],
) -> None:
    """Also with a study in the middle, and until the head is back; what needs no cluster goes on."""
    worker._engine = engine
    send(hands[0])
    while not (before := bytes_read(replicas("Examiner"))) or not engine.health().ready:
        threading.Event().wait(0.1)
    lane = threading.Thread(target=worker.score)
    lane.start()
    examiner = in_the_middle(before)
    os.kill(examiner, signal.SIGSTOP)  # else it may be done before its head is gone
    cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
    with suppress(ProcessLookupError):
        os.kill(examiner, signal.SIGKILL)
    lane.join(120)
    for reason in (f"Ray's head at {cluster.address} does not answer; start it again", "still being closed"):
        (job,) = all_jobs(database)
        assert (job.state, job.attempts) == ("ready", 0)
        assert reason in job.reason
        assert job.run_at > clock()
        clock.seconds += 600
        assert worker.score()
    worker._engine = worker._here  # as after a start with another configuration
    clock.seconds += 600
    assert worker.score()
    scored_once_and_whole(database, 1)
