"""What may happen to a cluster while a study is examined on it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import ray
from ray import serve

from inference.engine.ray_engine import RayEngine
from inference.engine.section import EngineSection
from inference.engine.study_engine import Order
from inference.pipeline import Settings
from qc_models.errors import ConfigError, CrashError, ServiceError
from qc_models.simulation.study_simulation import simulate_study
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.ray_processes import bytes_read, in_the_middle, replicas

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def engine() -> Iterator[RayEngine]:
    made = RayEngine(EngineSection(kind="ray"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Order:
    """A hand in full size."""
    settings: Settings = make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True)
    hand = simulate_study(settings.catalogue.item("XR-HAND"), tmp_path_factory.mktemp("hand"))
    return Order(hand.study_instance_uid, hand.files, settings)


def test_nothing_listens_for_the_web(engine: RayEngine, order: Order) -> None:
    assert engine.examine(order).content["models"]
    assert serve.status().proxies == {}
    assert ray.get_runtime_context().worker.node.address_info["webui_url"] in (None, "")


def test_a_killed_examiner_loses_its_study_and_the_next_order_is_carried_out(engine: RayEngine, order: Order) -> None:
    before = bytes_read(replicas("Examiner"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.examine, order)
        os.kill(in_the_middle(before), signal.SIGKILL)
        with pytest.raises(CrashError, match="ended in the middle"):
            waiting.result(60)
    assert engine.examine(order).verdict


def test_a_killed_model_runner_costs_no_study(engine: RayEngine, order: Order) -> None:
    expected = engine.examine(order).content["measurements"]
    before = bytes_read(replicas("Examiner"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.examine, order)
        in_the_middle(before)
        for pid in replicas("ModelRunner"):
            os.kill(pid, signal.SIGKILL)
        report = waiting.result(120)
    assert report.content["measurements"] == expected
    assert report.content["failures"] == []


def test_a_head_that_does_not_answer_is_told_at_once() -> None:
    away = RayEngine(EngineSection(kind="ray", address="127.0.0.1:1"))
    with pytest.raises(ServiceError, match=r"Ray's head at 127\.0\.0\.1:1 does not answer; start it"):
        away._joined()
    assert away.health().reason == "Ray's head at 127.0.0.1:1 does not answer; start it"
    away.close()


def test_ray_without_authentication_is_refused(monkeypatch: pytest.MonkeyPatch, order: Order) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE"):
        RayEngine(EngineSection(kind="ray"))


def test_addresses_are_those_of_sockets() -> None:
    for wrong in ("nowhere", "127.0.0.1:x", Path("x").name):
        away = RayEngine(EngineSection(kind="ray", address=wrong))
        with pytest.raises(ServiceError, match="does not answer"):
            away._joined()
