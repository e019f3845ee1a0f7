"""Acquisition sets: echoes, b-values and phases that belong together cover the same slices, and no partner is absent."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.acquisition_sets import QUANTITIES, apart_mm, lacking_b_values, measure
from tests.written_dicom import axial_slices

CASES = yaml.safe_load((Path(__file__).parent / "cases/acquisition_sets.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], series_of: Any, evidence_of: Any, assert_measured: Any) -> None:
    instances = series_of(case | {"modality": "MR"})
    echoes = [{"EchoTime": echo} for echo in case["echoes"]]
    instances = [instance | echo for instance, echo in zip(instances, echoes, strict=True)]
    assert_measured(measure(evidence_of(instances)), case["expect"])


@pytest.mark.parametrize(
    ("b_values", "lacking"),
    [
        ([0, 1000], []),
        ([50, 400, 800], []),
        ([800, 1000], ["dwi_low_b_absent"]),
        ([0], ["dwi_high_b_absent"]),
        ([], []),
    ],
)
def test_lacking_b_values(b_values: list[float], lacking: list[str]) -> None:
    assert lacking_b_values(b_values) == lacking


def test_apart() -> None:
    assert apart_mm([(0, 100), (0, 80), (10, 100)], 5) == 20
    assert apart_mm([(0, 100), (5, 105)], 5) == 0


def test_diffusion_without_its_low_b_value_and_map(evidence_of: Any, assert_measured: Any) -> None:
    evidence = evidence_of(axial_slices(3, Modality="MR"), roles=("DWI",), b_values=(1000.0,))
    found = list(measure(evidence))
    assert_measured(found, {"dwi_low_b_absent": 1, "adc_absent": 1})
    said = QUANTITIES["dwi_low_b_absent"].en.format(value=1, b_values=found[0].detail["b_values"])
    assert "1000" in said


def test_projections_are_in_no_set(evidence_of: Any) -> None:
    echoes = [10, 10, 10, 90]
    instances = [
        slice_ | {"EchoTime": echo} for slice_, echo in zip(axial_slices(4, Modality="MR"), echoes, strict=True)
    ]
    assert list(measure(evidence_of(instances, role="MIP"))) == []


@pytest.mark.parametrize(
    ("kinds", "absent"),
    [
        (["IN_PHASE"], ["opposed-phase"]),
        (["OUT_PHASE"], ["in-phase"]),
        (["IN_PHASE", "OUT_PHASE"], []),
        (["M"], []),  # nothing tells which it is
    ],
)
def test_in_phase_without_its_partner(kinds: list[str], absent: list[str], evidence_of: Any) -> None:
    instances = [
        slice_ | {"ImageType": ["ORIGINAL", "PRIMARY", kind], "InstanceNumber": 10 * number + slice_["InstanceNumber"]}
        for number, kind in enumerate(kinds)
        for slice_ in axial_slices(3, Modality="MR", EchoTime=2.3)
    ]
    found = list(measure(evidence_of(instances, roles=("IN_OUT_PHASE",))))
    assert [measurement.detail["absent"] for measurement in found] == absent


def test_two_echo_times_are_both_phases_whatever_the_words(evidence_of: Any) -> None:
    instances = [
        slice_ | {"EchoTime": echo, "ImageType": ["ORIGINAL", "PRIMARY", "IP"], "InstanceNumber": 3 * number + i}
        for number, echo in enumerate((2.3, 4.6))
        for i, slice_ in enumerate(axial_slices(3, Modality="MR"))
    ]
    assert list(measure(evidence_of(instances, roles=("IN_OUT_PHASE",)))) == []
