"""Positions: gaps, copies and uneven steps are told from planned ones, whatever the numbers say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference.reading import read_studies
from qc_models.checks.completeness.slice_positions import QUANTITIES, frames_missing, measure
from qc_models.evidence import Evidence
from qc_models.roles.describe import describe
from qc_models.stack import split
from qc_models.study import Study

CASES = yaml.safe_load((Path(__file__).parent / "cases/slice_positions.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], series_of: Any, evidence_of: Any, assert_measured: Any) -> None:
    assert_measured(measure(evidence_of(series_of(case), derived=case.get("derived", False))), case["expect"])


def test_frames_expected_at_each_position() -> None:
    assert frames_missing([2, 2, 1, 2], None, labelled=False) == (2, {2: -1})
    assert frames_missing([1, 1, 2, 1], None, labelled=True) == (1, {2: 1})
    assert frames_missing([2, 2, 20], 20, labelled=True) == (20, {0: -18, 1: -18})
    assert frames_missing([20, 20, 18], None, labelled=True) == (20, {2: -2})


def test_gaps_are_placed_by_slice_and_told_by_position_and_number(evidence_of: Any, series_of: Any) -> None:
    evidence = evidence_of(series_of({"slices": 12, "drop": [4]}))
    (gap,) = [measurement for measurement in measure(evidence) if measurement.metric.endswith(".missing")]
    assert (gap.location.stack, gap.location.slice) == (0, 3)
    assert gap.detail["after"] == ["15.0 mm (#4)"]
    assert "15.0 mm (#4)" in QUANTITIES["missing"].remedy_zh.format(value=gap.value, **gap.detail)


@pytest.mark.parametrize(
    "name", ["abdpel-ct", "brain-mr-pd", "chest-ct", "head-ct", "lspine-ct", "lspine-mr-3t", "wrist-mr"]
)
def test_real_studies_are_whole_until_a_slice_is_taken_away(name: str, shared_data: Path) -> None:
    (study,) = read_studies([shared_data / "studies" / name]).studies
    assert _missing(study) == 0
    largest = max((stack for series in study.series for stack in split(series)), key=lambda stack: stack.num_slices)
    lost = largest.frames[len(largest.frames) // 2].sop_instance_uid
    series = tuple(
        replace(series, instances=tuple(item for item in series.instances if item.sop_instance_uid != lost))
        for series in study.series
    )
    assert _missing(replace(study, series=series)) == 1


def _missing(study: Study) -> float:
    stacks = tuple(stack for series in study.series for stack in split(series))
    measured = measure(Evidence(study, stacks, describe(study, stacks)))
    return sum(found.value for found in measured if found.metric.endswith((".missing", ".missing_frames")))


def test_localizers_are_exempt(evidence_of: Any, series_of: Any) -> None:
    assert list(measure(evidence_of(series_of({"slices": 12, "drop": [4]}), role="LOC"))) == []


def test_radiographs_are_exempt(evidence_of: Any) -> None:
    keywords = {"Modality": "DX", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1"}
    assert list(measure(evidence_of([{"InstanceNumber": number, **keywords} for number in (1, 4)]))) == []


def test_frames_of_an_enhanced_object_are_slices_too(evidence_of: Any, assert_measured: Any) -> None:
    enhanced = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1",
        "Modality": "MR",
        "InstanceNumber": 1,
        "NumberOfFrames": 7,
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "SharedFunctionalGroupsSequence": [
            {
                "PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}],
                "PixelMeasuresSequence": [{"PixelSpacing": [1, 1], "SliceThickness": 4}],
            }
        ],
        "PerFrameFunctionalGroupsSequence": [
            {"PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 4.0 * i]}]} for i in (0, 1, 2, 3, 5, 6, 7)
        ],
    }
    assert_measured(measure(evidence_of([enhanced])), {"step_mm": 4, "missing": 1})
