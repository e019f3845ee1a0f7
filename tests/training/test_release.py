"""Releases: not worse on any source or class beyond noise, with who and why, and a way back."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qc_models.errors import InputError, ModelError
from qc_models.model_bundle import SHIPPED, released_version, releases
from training.drift import drift_table, observed_in
from training.release import release, rollback, served_references, worse_than

NAME = "xr_anatomy"


def evaluation(overall: float, source: float, half: float = 0.02) -> dict[str, Any]:
    def figure(name: str, value: float) -> dict[str, Any]:
        return {"name": name, "value": value, "interval": [value - half, value + half], "rows": 100, "subjects": 90}

    output = {
        "kind": "each",
        "by_class": {"knee": {"recall": figure("region.recall.knee", overall)}},
        "figures": [figure("region.accuracy", overall), figure("region.calibration_error", 1 - overall)],
        "by_source": {"a": figure("region.accuracy", source)},
        "by_vendor": {},
    }
    return {"outputs": {"region": output}}


def test_better_or_equal_is_not_worse() -> None:
    assert worse_than(evaluation(0.95, 0.9), evaluation(0.94, 0.9)) == []


def test_worse_within_noise_is_not_worse() -> None:
    assert worse_than(evaluation(0.93, 0.9), evaluation(0.94, 0.9)) == []


def test_worse_on_one_source_is_named() -> None:
    (found,) = worse_than(evaluation(0.97, 0.80), evaluation(0.94, 0.9))
    assert (found.figure, found.group) == ("region.accuracy", "a")


def test_one_subject_stops_no_release() -> None:
    new, served = evaluation(0.95, 0.5), evaluation(0.94, 0.9)
    new["outputs"]["region"]["by_source"]["a"]["subjects"] = 1
    assert worse_than(new, served) == []


def test_more_false_alarms_are_worse_over_all_and_of_one_class() -> None:
    def alarms(value: float) -> dict[str, Any]:
        told = evaluation(0.9, 0.9)
        figure = {"value": value, "interval": [value - 0.01, value + 0.01], "rows": 100, "subjects": 90}
        told["outputs"]["region"]["figures"].append(figure | {"name": "region.false_alarms"})
        told["outputs"]["region"]["by_class"]["knee"]["false_alarms"] = figure | {"name": "region.false_alarms.knee"}
        return told

    worse = worse_than(alarms(0.10), alarms(0.02))
    assert [str(found) for found in worse] == [
        "1 - region.false_alarms: 0.900 (at most 0.910), served 0.980",
        "1 - region.false_alarms.knee of knee: 0.900 (at most 0.910), served 0.980",
    ]
    assert worse_than(alarms(0.02), alarms(0.10)) == worse_than(alarms(0.10), alarms(0.10)) == []


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three versions: the second better than the first, the third worse."""
    monkeypatch.setattr("training.release.load_bundle", lambda *_: None)  # whole bundles are tried in test_export
    for version, value in (("v1", 0.90), ("v2", 0.95), ("v3", 0.70)):
        (tmp_path / NAME / version).mkdir(parents=True)
        (tmp_path / NAME / version / "evaluation.json").write_text(json.dumps(evaluation(value, value)), "utf-8")
    return tmp_path


def test_a_worse_version_is_not_served_unless_forced_and_then_it_is_written_down(bundles: Path) -> None:
    assert release(NAME, "v1", bundles, "someone", "first") == []
    assert release(NAME, "v2", bundles, "someone", "more labels") == []
    assert released_version(NAME, bundles) == "v2"
    assert len(release(NAME, "v3", bundles, "someone", "try")) == 3
    assert released_version(NAME, bundles) == "v2"
    release(NAME, "v3", bundles, "someone", "an emergency", force=True)
    assert released_version(NAME, bundles) == "v3"
    assert len(releases(bundles)[NAME][-1]["worse"]) == 3


def test_back_is_the_version_before_and_is_written_down(bundles: Path) -> None:
    for version in ("v1", "v2"):
        release(NAME, version, bundles, "someone", "why")
    assert rollback(NAME, bundles, "another", "conflicts") == "v1"
    assert released_version(NAME, bundles) == "v1"
    assert [entry["version"] for entry in releases(bundles)[NAME]] == ["v1", "v2", "v1"]
    assert releases(bundles)[NAME][-1]["who"] == "another"


def test_what_was_taken_back_is_never_gone_back_to(bundles: Path) -> None:
    for version in ("v1", "v2"):
        release(NAME, version, bundles, "someone", "why")
    assert rollback(NAME, bundles, "another", "conflicts") == "v1"
    with pytest.raises(InputError, match="no earlier version"):  # v2 is the only other one
        rollback(NAME, bundles, "another", "again")
    release(NAME, "v2", bundles, "someone", "mended elsewhere")
    assert rollback(NAME, bundles, "another", "conflicts after all") == "v1"


def test_a_version_that_is_not_whole_is_not_gone_back_to(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("v1", "v2"):
        release(NAME, version, bundles, "someone", "why")
    monkeypatch.undo()  # the folders hold no network
    with pytest.raises(ModelError, match="no bundle"):
        rollback(NAME, bundles, "another", "conflicts")
    assert released_version(NAME, bundles) == "v2"


def test_releases_side_by_side_lose_none(bundles: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: release(NAME, "v1", bundles, "someone", f"number {number}"), range(24)))
    assert {entry["why"] for entry in releases(bundles)[NAME]} == {f"number {number}" for number in range(24)}


@pytest.mark.parametrize("content", ["[]", "null", '"a"', '{"xr_anatomy": "a"}', '{"xr_anatomy": [{}]}', "{"])
def test_a_broken_list_of_releases_is_told(bundles: Path, content: str) -> None:
    (bundles / "released.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"released\.json.*restore"):
        releases(bundles)


def test_there_is_no_way_back_from_the_first(bundles: Path) -> None:
    release(NAME, "v1", bundles, "someone", "first")
    with pytest.raises(InputError, match="no earlier version"):
        rollback(NAME, bundles, "someone", "why")


@pytest.mark.parametrize(("who", "why"), [("", "why"), ("who", " ")])
def test_nobody_releases_without_a_name_and_a_reason(bundles: Path, who: str, why: str) -> None:
    with pytest.raises(InputError, match="who and why"):
        release(NAME, "v1", bundles, who, why)


def test_an_unknown_model_is_told(bundles: Path) -> None:
    with pytest.raises(InputError, match="no such model"):
        release("ct_anatomy", "v1", bundles, "who", "why")


def test_the_cards_of_served_models_tell_what_service_is_held_against(tmp_path: Path) -> None:
    expected = served_references(SHIPPED)
    name = "metadata.model_view.xr_anatomy_brightness"
    assert {metric.rpartition("_")[2] for metric in expected} == {"brightness", "sureness"}
    reports = tmp_path / "reports.jsonl"

    def report(site: str, value: float) -> str:
        facts = {"institution": site, "device": "d"}
        return json.dumps({"facts": facts, "measurements": [{"metric": name, "value": value}]}) + "\n"

    usual = [expected[name][number] for number in range(1, 100, 2)]
    reports.write_text("".join([report("A", value) for value in usual] + [report("B", 0.01) for _ in usual]), "utf-8")
    found = {(row.by, row.name): row.level for row in drift_table(expected, observed_in(reports))}
    assert found["site", "A"] == ""
    assert found["site", "B"] == "alarm"  # pictures that are nearly black


def test_no_served_version_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="export again"):
        served_references(tmp_path)
