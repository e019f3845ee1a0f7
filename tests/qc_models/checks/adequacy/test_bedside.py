"""Radiographs taken at the bedside are counted, and a person looks at those of the chest."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from configs.strict import HERE
from qc_models.checks.adequacy import bedside
from qc_models.exam_item import load_catalogue
from qc_models.findings import Measurement
from qc_models.judgement import judge
from qc_models.policy import load_policy
from tests.judged_facts import facts, item, stack

TODAY = date(2026, 9, 2)
CHEST = item("XR-CHEST", "chest", ("PA|AP",), "XR")
FILM = stack("1", "AP", modality="XR", region=("chest",))


def test_images_at_the_bedside(sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]) -> None:
    scout = stack("2", modality="XR", role="LOC")
    (found,) = bedside.relate(facts(stacks=(FILM, scout), bedside=True), CHEST, TODAY)
    assert (found.metric, found.value) == ("adequacy.bedside.images", 1)
    assert all(sentences(bedside, found))


def test_silent_elsewhere() -> None:
    assert list(bedside.relate(facts(stacks=(FILM,)), CHEST, TODAY)) == []
    assert list(bedside.relate(facts(stacks=(stack("1", "plain"),), bedside=True), CHEST, TODAY)) == []
    scan = facts(stacks=(stack("1", "plain"),), bedside=True)
    assert list(bedside.relate(scan, item("CT-CHEST", "chest", ("plain",)), TODAY)) == []


@pytest.mark.parametrize(("item_id", "levels"), [("XR-CHEST", ["review"]), ("XR-CHEST-2V", ["review"]), ("XR-ABD", [])])
def test_a_person_looks_at_the_chest(item_id: str, levels: list[str]) -> None:
    asked = load_catalogue(HERE / "exam_items").item(item_id)
    study = facts(stacks=(stack("1", "AP", "LAT", modality="XR"),), bedside=True)
    judged = judge(study, asked, TODAY, load_policy())
    assert [finding.level for finding in judged.findings if finding.metric == "adequacy.bedside.images"] == levels
