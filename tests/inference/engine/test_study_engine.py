"""What every engine keeps to, in this process and on Ray: the same reports byte for byte, and the same errors."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import serve

from inference.engine.made_engine import make_engine
from inference.engine.section import EngineSection
from inference.engine.study_engine import Engine, Order
from inference.pipeline import Settings, examine
from inference.reading import read_studies
from qc_models.errors import CrashError, ServiceError
from qc_models.exam_item import load_catalogue
from qc_models.model_bundle import RELEASED, SHIPPED, releases
from qc_models.policy import load_policy
from qc_models.report import QcReport
from qc_models.report_form import Person, ReportForm, Written
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.ray_processes import bytes_read, in_the_middle, replicas

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[Engine]:
    made = make_engine(EngineSection(kind="ray", least_examiners=2, most_examiners=2))
    with ThreadPoolExecutor(1) as pool:  # whoever asks first may go, and the cluster stays
        assert any(pool.submit(made.health).result().ready for _ in range(3))  # a busy machine may be too slow at first
    yield made
    made.close()


@pytest.fixture(params=["local", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue("ray_engine") if request.param == "ray" else make_engine(EngineSection())
    return made


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True)


@pytest.fixture(scope="module")
def hand(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> SimulatedStudy:
    return simulate_study(settings.catalogue.item("XR-HAND"), tmp_path_factory.mktemp("hand"), size="small")


@pytest.fixture(scope="module")
def head(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> SimulatedStudy:
    return simulate_study(settings.catalogue.item("CT-HEAD"), tmp_path_factory.mktemp("head"), size="small")


@pytest.fixture(scope="module")
def large(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Order:
    """A study that takes a while."""
    return order(simulate_study(settings.catalogue.item("XR-HAND"), tmp_path_factory.mktemp("large")), settings)


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """A folder with the released bundles of radiographs."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    names = [name for name in releases() if name.startswith("xr_")]
    for name in names:
        version = releases()[name][-1]["version"]
        shutil.copytree(SHIPPED / name / version, folder / name / version)
    (folder / RELEASED).write_text(json.dumps({name: releases()[name] for name in names}))
    return folder


def order(study: SimulatedStudy, settings: Settings, **other: Any) -> Order:
    return replace(Order(study.study_instance_uid, (study.folder,), settings), **other)


def same(report: QcReport) -> str:
    """All of a report but for the two keys that tell of a run's time."""
    return json.dumps({key: value for key, value in report.content.items() if key not in ("evaluated_at", "timings_s")})


def direct(order: Order) -> str:
    """The same report without any engine."""
    read = read_studies(order.paths, declared_instances=order.declared_instances)
    (study,) = [one for one in read.studies if one.study_instance_uid == order.study_instance_uid]
    return same(examine(replace(study, reports=order.reports), order.settings).report)


def test_reports_are_those_of_the_pipeline_byte_for_byte(
    engine: Engine, settings: Settings, hand: SimulatedStudy, head: SimulatedStudy
) -> None:
    for study, model in ((hand, "xr_anatomy"), (head, "volume_anatomy")):
        asked = order(study, settings, declared_instances=len(study.files))
        report = engine.examine(asked)
        assert same(report) == direct(asked)
        assert report.content["models"][model] == releases()[model][-1]["version"]
        assert set(report.content["timings_s"]) == {"read", "stacks", "pixels", "checks", "judgement"}


def test_reports_that_came_beside_a_study_are_checked(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    """Whatever stands in an order has to arrive where it is carried out."""
    form = ReportForm(signed=False, empty=True, written=Written(date(2026, 9, 1), 60.0), persons=(Person("7"),))
    asked = order(hand, replace(settings, pixels=False), reports=(form,))
    report = engine.examine(asked)
    assert same(report) == direct(asked)
    found = {finding["metric"] for finding in report.content["findings"]}
    assert {"metadata.radiology_report.unsigned", "metadata.radiology_report.empty"} <= found


def test_a_real_study(engine: Engine, settings: Settings, shared_data: Path) -> None:
    folder = shared_data / "studies" / "brain-epi-artefact"
    (study,) = read_studies([folder]).studies
    asked = Order(study.study_instance_uid, (folder,), settings)
    assert same(engine.examine(asked)) == direct(asked)


def test_headers_alone_never_pass(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    asked = order(hand, replace(settings, pixels=False))
    report = engine.examine(asked)
    assert same(report) == direct(asked)
    assert report.verdict != "pass"
    assert report.content["models"] == {}


def test_cut_and_foreign_files_are_told_in_the_report(
    engine: Engine, settings: Settings, head: SimulatedStudy, hand: SimulatedStudy, tmp_path: Path
) -> None:
    folder = shutil.copytree(head.folder, tmp_path / "head")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files[3].write_bytes(files[3].read_bytes()[:-1000])
    files[5].write_bytes(files[5].read_bytes()[:300])
    files[7].write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 5000)
    shutil.copytree(hand.folder, folder / "of somebody else")
    asked = order(head, replace(settings, models=None), paths=(folder,))
    report = engine.examine(asked)
    assert same(report) == direct(asked)
    assert report.study_instance_uid == head.study_instance_uid
    assert report.verdict != "pass"


def test_several_studies_at_once_each_get_their_own_report(
    engine: Engine, settings: Settings, hand: SimulatedStudy, head: SimulatedStudy
) -> None:
    asked = [order(study, settings) for study in (hand, head, hand, head)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(engine.examine, asked))
    expected = {study.study_instance_uid: direct(order(study, settings)) for study in (hand, head)}
    assert [same(report) for report in reports] == [expected[one.study_instance_uid] for one in asked]


def test_other_rules_are_other_verdicts(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    lenient = load_catalogue(DEFAULT_CATALOGUE)
    item = lenient.items["XR-HAND"].model_copy(update={"pass_mark": 100.0, "abstain_band": 0.0})
    strict = replace(lenient, items={**lenient.items, "XR-HAND": item})
    for catalogue in (settings.catalogue, strict):
        asked = order(hand, replace(settings, models=None, catalogue=catalogue))
        assert engine.examine(asked).content["digests"]["catalogue"] == catalogue.digest


def test_a_study_takes_no_longer_than_it_may(engine: Engine, settings: Settings, head: SimulatedStudy) -> None:
    with pytest.raises(CrashError, match=r"took longer than 0\.001 s"):
        engine.examine(order(head, settings, longest_s=0.001))
    assert engine.examine(order(head, replace(settings, models=None))).verdict


def test_what_is_not_there_is_an_outage(
    engine: Engine, settings: Settings, hand: SimulatedStudy, head: SimulatedStudy, tmp_path: Path
) -> None:
    with pytest.raises(ServiceError, match="1 of 2 files of the study are not to be seen; mount the archive"):
        engine.examine(order(hand, settings, paths=(hand.files[0], tmp_path / "gone")))
    with pytest.raises(ServiceError, match="the archive holds no object of the study"):
        engine.examine(order(hand, settings, paths=(head.folder,)))


def test_a_mistake_of_ours_is_told_without_its_words(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    wrong: Any = ("no exam item, but a name: 张三",)
    with pytest.raises(CrashError, match=r"AttributeError at \w+\.py:\d+, our mistake") as raised:
        engine.examine(order(hand, replace(settings, models=None, items=wrong)))
    assert "张三" not in str(raised.value)


def test_without_bundles_a_person_decides(
    engine: Engine, settings: Settings, hand: SimulatedStudy, tmp_path: Path
) -> None:
    asked = order(hand, replace(settings, models=tmp_path))
    report = engine.examine(asked)
    assert same(report) == direct(asked)
    assert report.content["models"] == {}
    assert "model xr_anatomy" in {failure["check"] for failure in report.content["failures"]}
    assert report.verdict != "pass"


def test_a_broken_bundle_is_a_line_in_the_report(
    engine: Engine, settings: Settings, hand: SimulatedStudy, bundles: Path
) -> None:
    (bundles / "xr_anatomy" / releases()["xr_anatomy"][-1]["version"] / "model.onnx").write_bytes(b"spoilt")
    asked = order(hand, replace(settings, models=bundles))
    report = engine.examine(asked)
    assert same(report) == direct(asked)
    assert [failure["check"] for failure in report.content["failures"]] == ["model xr_anatomy"]
    assert "xr_artifact" in report.content["models"]


def test_a_release_is_used_by_the_next_study(
    engine: Engine, settings: Settings, hand: SimulatedStudy, bundles: Path
) -> None:
    """Nothing is started anew, and each report names the one set of versions that it was made by."""
    asked = order(hand, replace(settings, models=bundles))
    first = engine.examine(asked).content["models"]
    old = bundles / "xr_anatomy" / first["xr_anatomy"]
    newer = shutil.copytree(old, old.with_name("newer"))
    metadata = json.loads((newer / "metadata.json").read_text()) | {"version": "newer"}
    (newer / "metadata.json").write_text(json.dumps(metadata))
    content = json.loads((bundles / RELEASED).read_text())
    content["xr_anatomy"].append({"version": "newer"})
    (bundles / RELEASED).write_text(json.dumps(content))
    assert engine.examine(asked).content["models"] == first | {"xr_anatomy": "newer"}


def test_health_tells_versions(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    health = engine.health()
    assert (health.ready, health.reason, health.device) == (True, "", "cpu")
    assert health.versions["xr_anatomy"] == releases()["xr_anatomy"][-1]["version"]


def test_a_gpu_that_is_required_and_not_there_is_lacking(engine: Any) -> None:
    wanted = engine._section.model_copy(update={"gpu": "required"})
    assert engine.lack() == ""
    before, engine._section = engine._section, wanted
    try:
        assert engine.lack() == "no GPU"
    finally:
        engine._section = before


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_a_closed_engine_takes_no_order(kind: Any, hand: SimulatedStudy, settings: Settings) -> None:
    closed = make_engine(EngineSection(kind=kind))
    closed.close()
    with pytest.raises(ServiceError, match="closed"):
        closed.examine(order(hand, settings))
    assert not closed.health().ready


def test_policy_travels_whole(engine: Engine, settings: Settings, hand: SimulatedStudy) -> None:
    policy = load_policy()
    required = {**policy.models.required_for, "XR": ("xr_anatomy",)}
    demanding = policy.model_copy(update={"models": policy.models.model_copy(update={"required_for": required})})
    report = engine.examine(order(hand, replace(settings, models=None, policy=demanding)))
    assert "body_part.region.not_seen" in {finding["metric"] for finding in report.findings}
    assert report.verdict != "pass"


def test_nothing_listens_for_the_web(ray_engine: Engine, large: Order) -> None:
    assert ray_engine.examine(large).content["models"]
    assert serve.status().proxies == {}
    assert ray.get_runtime_context().worker.node.address_info["webui_url"] in (None, "")


def test_a_killed_examiner_loses_its_study_and_the_next_order_is_carried_out(ray_engine: Engine, large: Order) -> None:
    before = bytes_read(replicas("Examiner"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ray_engine.examine, large)
        os.kill(in_the_middle(before), signal.SIGKILL)
        with pytest.raises(CrashError, match="ended in the middle"):
            waiting.result(60)
    assert ray_engine.examine(large).verdict


def test_a_killed_model_runner_costs_no_study(ray_engine: Engine, large: Order) -> None:
    expected = ray_engine.examine(large).content["measurements"]
    before = bytes_read(replicas("Examiner"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ray_engine.examine, large)
        in_the_middle(before)
        for pid in replicas("ModelRunner"):
            os.kill(pid, signal.SIGKILL)
        report = waiting.result(120)
    assert report.content["measurements"] == expected
    assert report.content["failures"] == []


def test_a_new_deployment_waits_for_the_study_of_each_old_process(ray_engine: Any, large: Order) -> None:
    session = ray_engine._joined()
    before = bytes_read(replicas("Examiner"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ray_engine.examine, large)
        in_the_middle(before)
        session._section = EngineSection(**session._section.model_dump() | {"threads": 2})
        session._deployed()
        assert waiting.result(120).content["failures"] == []
    assert ray_engine.examine(large).verdict
    until = time.monotonic() + 120
    while before.keys() & set(replicas("Examiner")):
        assert time.monotonic() < until, "an old process went on"
        time.sleep(0.1)
    assert ray_engine.examine(large).verdict
