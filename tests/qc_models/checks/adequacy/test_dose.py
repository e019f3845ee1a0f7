"""Dose of acquisitions, from small studies, and against the references of exam items."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from qc_models.checks.adequacy import dose
from qc_models.checks.adequacy.dose import dlp_mgy_cm, union_mm
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement
from tests.judged_facts import facts, item, stack
from tests.written_dicom import axial_slices

EvidenceOf = Callable[..., Evidence]
Sentences = Callable[[ModuleType, Measurement], tuple[str, ...]]
TODAY = date(2026, 9, 2)


def values(found: list[Measurement]) -> dict[str, float]:
    return {one.metric.rpartition(".")[2]: one.value for one in found}


def series(uid: str, num_slices: int, ctdivol_mgy: float | None, **keywords: Any) -> list[dict[str, Any]]:
    slices = axial_slices(num_slices, SeriesInstanceUID=f"1.2.3.{uid}", CTDIvol=ctdivol_mgy, **keywords)
    return [{**one, "SOPInstanceUID": f"1.2.3.{uid}.{number}"} for number, one in enumerate(slices)]


def test_dose_length_product() -> None:
    assert dlp_mgy_cm(15.0, 300.0) == pytest.approx(450.0)


@pytest.mark.parametrize(
    ("ranges", "length"), [([], 0), ([(0, 10)], 10), ([(0, 10), (5, 20), (6, 7)], 20), ([(30, 40), (0, 10)], 20)]
)
def test_a_union_counts_what_overlaps_once(ranges: list[tuple[float, float]], length: float) -> None:
    assert union_mm(ranges) == pytest.approx(length)


def test_reconstructions_of_one_acquisition_count_once(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    evidence = evidence_of([*series("1", 10, 12.0), *series("2", 10, 12.0)], acquisition="A", extent_mm=(0.0, 200.0))
    found = list(dose.measure(evidence))
    assert values(found) == {"ctdivol_mgy": 12.0, "dlp_mgy_cm": pytest.approx(240.0)}
    assert len(found) == 2
    for one in found:
        assert one.detail["series_instance_uids"] == ["1.2.3.1", "1.2.3.2"]
        assert all(sentences(dose, one))


def test_each_acquisition_has_its_own(evidence_of: EvidenceOf) -> None:
    evidence = evidence_of([*series("1", 3, 12.0), *series("2", 3, 6.0)], extent_mm=(0.0, 100.0))
    facts_of = tuple(replace(one, acquisition=one.series_instance_uid) for one in evidence.stack_facts)
    found = dose.measure(replace(evidence, stack_facts=facts_of))
    assert [one.value for one in found] == [12.0, pytest.approx(120.0), 6.0, pytest.approx(60.0)]


@pytest.mark.parametrize("ctdivol_mgy", [None, 0.0, 65535.0])
def test_no_dose_is_none(evidence_of: EvidenceOf, ctdivol_mgy: float | None) -> None:
    assert list(dose.measure(evidence_of(series("1", 3, ctdivol_mgy)))) == []


def test_scouts_are_left_out(evidence_of: EvidenceOf) -> None:
    assert list(dose.measure(evidence_of(series("1", 3, 0.1), role="LOC"))) == []


def ctdivol(uid: str, value: float) -> Measurement:
    detail = {"length_mm": 300.0, "series_instance_uids": [uid]}
    return Measurement("adequacy.dose.ctdivol_mgy", value, "mGy", Location(uid), detail)


def test_the_highest_and_the_lowest_stand_against_the_reference(sentences: Sentences) -> None:
    stacks = (stack("1", "plain"), stack("2", "plain"), stack("3", "plain", region=("knee",)))
    study = facts(stacks=stacks, measurements=(ctdivol("1", 3.0), ctdivol("2", 30.0), ctdivol("3", 90.0)))
    found = list(dose.relate(study, item("CT-CHEST", "chest", ("plain",)), TODAY))
    assert values(found) == {"ctdivol_ratio": pytest.approx(30 / 15), "ctdivol_low_ratio": pytest.approx(3 / 6)}
    assert [one.location.series_instance_uid for one in found] == ["2", "1"]
    for one in found:
        assert all(sentences(dose, one))


def test_silent_without_a_reference_or_a_dose() -> None:
    study = facts(stacks=(stack("1", "plain"),), measurements=(ctdivol("1", 3.0),))
    assert list(dose.relate(study, item("CT-ELSEWHERE", "chest", ("plain",)), TODAY)) == []
    assert list(dose.relate(facts(stacks=study.stacks), item("CT-CHEST", "chest", ("plain",)), TODAY)) == []


def test_the_blocks_of_a_real_acquisition_share_its_dose(real_evidence: Callable[[str], Evidence]) -> None:
    found = values(list(dose.measure(real_evidence("lspine-ct"))))
    assert found["ctdivol_mgy"] == pytest.approx(31.9)
    assert found["dlp_mgy_cm"] == pytest.approx(690, rel=0.05)  # 31.9 mGy over some 216 mm
