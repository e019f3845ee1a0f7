"""Regions that headers declare: near, far, contained, contradicted, and the exam item's."""

from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from qc_models.checks.body_part import declared_region
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack

TODAY = date(2026, 9, 2)
Sentences = Callable[[ModuleType, Measurement], tuple[str, ...]]


def series(uid: str, **keywords: Any) -> dict[str, Any]:
    return {"SeriesInstanceUID": f"1.2.3.{uid}", "SOPInstanceUID": f"1.2.3.{uid}.1", **keywords}


def measured(evidence: Evidence) -> dict[tuple[str, str | None], float]:
    return {
        (found.metric.rpartition(".")[2], found.location.series_instance_uid): found.value
        for found in declared_region.measure(evidence)
    }


def test_a_series_that_contradicts_itself_is_told(evidence_of: Callable[..., Evidence], sentences: Sentences) -> None:
    evidence = evidence_of([series("1", BodyPartExamined="KNEE", SeriesDescription="Chest 5mm")])
    (found,) = declared_region.measure(evidence)
    assert (found.metric, found.value) == ("body_part.declared_region.contradiction", 5.0)
    assert found.detail["first_source"] == "BodyPartExamined"
    assert found.detail["first_regions"] == ["knee"]
    assert found.detail["second_source"] == "SeriesDescription"
    assert found.detail["second_regions"] == ["chest"]
    assert all(sentences(declared_region, found))


def test_a_code_speaks_as_well(evidence_of: Callable[..., Evidence]) -> None:
    chest = {"CodeValue": "51185008", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Chest"}
    evidence = evidence_of([series("1", BodyPartExamined="HEAD", AnatomicRegionSequence=[chest])])
    assert measured(evidence) == {("contradiction", "1.2.3.1"): 2.0}


def test_different_regions_of_one_study_are_normal(evidence_of: Callable[..., Evidence]) -> None:
    evidence = evidence_of(
        [
            series("1", BodyPartExamined="HEAD", StudyDescription="CT HEAD AND KNEE"),
            series("2", BodyPartExamined="KNEE", StudyDescription="CT HEAD AND KNEE"),
            series("3", BodyPartExamined="CHEST", StudyDescription="CT HEAD AND KNEE"),
        ]
    )
    assert measured(evidence) == {}


def test_a_study_text_that_no_series_agrees_with_contradicts_them(evidence_of: Callable[..., Evidence]) -> None:
    evidence = evidence_of(
        [series("1", BodyPartExamined="KNEE", StudyDescription="CT Thorax", SeriesDescription="1.0")]
    )
    assert measured(evidence) == {("contradiction", "1.2.3.1"): 5.0}


def test_series_without_any_region_are_counted_once(evidence_of: Callable[..., Evidence], sentences: Sentences) -> None:
    evidence = evidence_of([series("1", BodyPartExamined=None), series("2", BodyPartExamined="HEAD")])
    (found,) = declared_region.measure(evidence)
    assert (found.metric, found.value) == ("body_part.declared_region.absent", 1.0)
    assert found.location.series_instance_uid == "1.2.3.1"
    assert all(sentences(declared_region, found))


def test_a_study_text_speaks_for_silent_series(evidence_of: Callable[..., Evidence]) -> None:
    assert measured(evidence_of([series("1", BodyPartExamined=None, StudyDescription="胸部CT平扫")])) == {}


def test_localizers_are_not_asked(evidence_of: Callable[..., Evidence]) -> None:
    assert measured(evidence_of([series("1", BodyPartExamined="KNEE", SeriesDescription="Chest")], role="LOC")) == {}


def test_the_items_region_is_missed_where_no_stack_shows_it(sentences: Sentences) -> None:
    stacks = (stack("1", "plain", region=("head",)), stack("2", "plain", region=("knee",)), stack("3", "plain"))
    (found,) = declared_region.relate(facts(stacks=stacks), item("CT-CHEST", "chest", ("plain",)), TODAY)
    assert (found.metric, found.value) == ("body_part.declared_region.item_mismatch", 2.0)
    assert found.detail == {"shown": ["head", "knee"], "expected": "chest"}
    assert found.location.series_instance_uid is None
    assert all(sentences(declared_region, found))


def test_other_modalities_and_localizers_show_nothing() -> None:
    stacks = (stack("1", region=("head",), modality="MR"), stack("2", region=("head",), role="LOC"))
    assert list(declared_region.relate(facts(stacks=stacks), item("CT-CHEST", "chest", ("plain",)), TODAY)) == []


@pytest.mark.parametrize("regions", [("chest",), ("heart", "chest"), ()])
def test_the_items_region_is_met(regions: tuple[str, ...]) -> None:
    study = facts(
        stacks=(stack("1", "plain", region=regions), stack("2", "plain", region=("head",) if regions else ()))
    )
    assert list(declared_region.relate(study, item("CT-CHEST", "chest", ("plain",)), TODAY)) == []


@pytest.mark.parametrize(
    "name", ["abdpel-ct", "chest-ct", "head-ct", "heart-mr", "knee-mr", "lspine-ct", "prostate-mr-a"]
)
def test_real_studies_do_not_contradict_themselves(real_evidence: Callable[[str], Evidence], name: str) -> None:
    assert list(declared_region.measure(real_evidence(name))) == []


def test_a_real_study_says_no_region_at_all(real_evidence: Callable[[str], Evidence]) -> None:
    (found,) = declared_region.measure(real_evidence("brain-epi-artefact"))
    assert (found.metric, found.value) == ("body_part.declared_region.absent", 1.0)
