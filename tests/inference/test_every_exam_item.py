"""A clean simulated study of each of the 67 items passes; without a required component it is rejected, and the component named."""

from pathlib import Path
from typing import Any

import pytest

from inference.pipeline import Settings, examine
from inference.reading import read_studies
from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import simulate_study
from serving.score_command import DEFAULT_CATALOGUE, make_settings

ITEMS = sorted(load_catalogue(DEFAULT_CATALOGUE).items)
VENDORS = ("siemens", "ge", "philips", "canon", "uih", "hitachi")
MISSING = "completeness.required_components.missing"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-05", 1, pixels=True, models=False)


def report(folder: Path, settings: Settings) -> dict[str, Any]:
    (study,) = read_studies([folder]).studies
    return dict(examine(study, settings).report.content)


def test_there_are_67_items() -> None:
    counts = {modality: sum(item.startswith(modality) for item in ITEMS) for modality in ("XR", "CT", "MR")}
    assert counts == {"XR": 33, "CT": 20, "MR": 14}


@pytest.mark.parametrize(("number", "item_id"), list(enumerate(ITEMS)))
def test_a_clean_study_passes(number: int, item_id: str, settings: Settings, tmp_path: Path) -> None:
    item = settings.catalogue.item(item_id)
    simulate_study(item, tmp_path, seed=number, vendor=VENDORS[number % len(VENDORS)])
    content = report(tmp_path, settings)
    reasons = [finding["message"]["en"] for finding in content["findings"] if finding["level"] != "note"]
    assert [entry["item"] for entry in content["items"]] == [item_id]
    assert (content["verdict"], reasons, content["failures"]) == ("pass", [], [])


@pytest.mark.parametrize(("number", "item_id"), list(enumerate(ITEMS)))
def test_without_a_required_component_it_is_rejected_by_name(
    number: int, item_id: str, settings: Settings, tmp_path: Path
) -> None:
    item = settings.catalogue.item(item_id)
    component = item.required[number % len(item.required)]
    study = simulate_study(item, tmp_path, seed=number, size="small", omit=[component])
    if not study.files:
        assert len(item.required) == 1  # without its only component there is no study
        return
    content = report(tmp_path, settings)
    assert content["verdict"] == "reject"
    named = [finding["message"]["en"] for finding in content["findings"] if finding["metric"] == MISSING]
    assert any(component in message for message in named)
