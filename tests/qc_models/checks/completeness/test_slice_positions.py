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


def _spread(slices: int, uid: Any, **keywords: Any) -> list[dict[str, Any]]:
    """An axial series of MR or CT slices, 5 mm apart; `uid` gives each its series by its index."""
    return [
        {"InstanceNumber": i + 1, "ImagePositionPatient": [0, 0, 5.0 * i], "SeriesInstanceUID": uid(i), **keywords}
        for i in range(slices)
    ]


def test_a_series_split_over_two_uids_misses_what_both_lack(evidence_of: Any, assert_measured: Any) -> None:
    whole = _spread(24, lambda i: f"1.2.{1 + i // 12}")
    assert_measured(measure(evidence_of(whole, roles=("plain",))), {"step_mm": 5, "split_series": 2})


def test_the_slice_lost_at_the_joint_of_two_series_is_missing(evidence_of: Any, assert_measured: Any) -> None:
    whole = _spread(24, lambda i: f"1.2.{1 + i // 12}")
    evidence = evidence_of(whole[:11] + whole[12:], roles=("plain",))
    assert_measured(measure(evidence), {"step_mm": 5, "split_series": 2, "missing": 1})
    (gap,) = [found for found in measure(evidence) if found.metric.endswith(".missing")]
    assert (gap.location.series_instance_uid, gap.location.slice) == ("1.2.1", 10)


@pytest.mark.parametrize(("renumber", "drop", "missing"), [(1, [], 0), (2, [], 0), (1, [7], 1), (2, [7], 1)])
def test_series_that_take_turns_are_whole_together(
    renumber: int, drop: list[int], missing: int, evidence_of: Any, assert_measured: Any
) -> None:
    whole = _spread(24, lambda i: f"1.2.{1 + i % 2}")
    images = [{**each, "InstanceNumber": i // renumber + 1} for i, each in enumerate(whole) if i not in drop]
    expect = {"step_mm": 5, "split_series": 2} | ({"missing": missing} if missing else {})
    assert_measured(measure(evidence_of(images)), expect)


@pytest.mark.parametrize(
    "odd", [{"PixelSpacing": [0.35, 0.35]}, {"Rows": 8, "Columns": 8}, {"SliceThickness": 10}], ids=str
)
def test_an_image_of_odd_geometry_is_not_missing(odd: dict[str, Any], evidence_of: Any, assert_measured: Any) -> None:
    images = [{**each, **odd} if i == 9 else each for i, each in enumerate(_spread(24, lambda i: "1.2.3"))]
    assert_measured(measure(evidence_of(images)), {"step_mm": 5, "odd_geometry": 1})


def test_what_is_lost_beside_an_image_of_odd_geometry_is_missing(evidence_of: Any, assert_measured: Any) -> None:
    images = [{**each, **({"Rows": 8} if i == 9 else {})} for i, each in enumerate(_spread(24, lambda i: "1.2.3"))]
    assert_measured(measure(evidence_of(images[:10] + images[11:])), {"step_mm": 5, "odd_geometry": 1, "missing": 1})


def test_another_echo_of_a_lost_slice_does_not_stand_for_it(evidence_of: Any, assert_measured: Any) -> None:
    echoes = [
        {**each, "EchoTime": time, "Modality": "MR", "InstanceNumber": None}
        for time in (10, 90)
        for i, each in enumerate(_spread(24, lambda i: "1.2.3"))
        if (i, time) != (9, 90)
    ]
    assert_measured(measure(evidence_of(echoes)), {"step_mm": 10, "missing": 1})


@pytest.mark.parametrize("lost", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_an_image_without_a_position_is_not_missing(lost: str, evidence_of: Any, assert_measured: Any) -> None:
    images = [{**each, lost: None} if i == 9 else each for i, each in enumerate(_spread(24, lambda i: "1.2.3"))]
    assert_measured(measure(evidence_of(images)), {"step_mm": 5})


@pytest.mark.parametrize(
    ("uid", "frame_of_reference"),
    [(lambda i: "1.2.3", lambda i: f"1.9.{i}"), (lambda i: f"1.2.{i}", lambda i: f"1.9.{i}")],
)
def test_slices_that_are_torn_apart_are_told(
    uid: Any, frame_of_reference: Any, evidence_of: Any, assert_measured: Any
) -> None:
    images = [{**each, "FrameOfReferenceUID": frame_of_reference(i)} for i, each in enumerate(_spread(20, uid))]
    assert_measured(measure(evidence_of(images[:7] + images[9:])), {"scattered": 18})


def test_slices_each_its_own_series_are_judged_together_and_told(evidence_of: Any, assert_measured: Any) -> None:
    images = _spread(20, lambda i: f"1.2.{i}")
    expect = {"step_mm": 5, "split_series": 18, "missing": 2, "scattered": 18}
    assert_measured(measure(evidence_of(images[:7] + images[9:])), expect)


_TURNED = [(1.0, 0.0), (0.866025, 0.5), (0.5, 0.866025), (0.0, 1.0), (-0.5, 0.866025)]
_SLABS = [{"ImageOrientationPatient": [x, y, 0, 0, 0, -1], "InstanceNumber": i} for i, (x, y) in enumerate(_TURNED)]
_CINES = [{**each, "TriggerTime": 40 * phase} for each in _spread(5, lambda i: f"1.2.{i}") for phase in range(4)]
_BLOCKS = [{**each, "FrameOfReferenceUID": f"1.9.{i // 3}"} for i, each in enumerate(_spread(12, lambda i: "1.2.3"))]


@pytest.mark.parametrize("images", [_SLABS, _CINES, _BLOCKS], ids=["radial slabs", "cines", "blocks of three"])
def test_few_slices_by_plan_are_not_scattered(images: list[dict[str, Any]], evidence_of: Any) -> None:
    made = [{"SOPInstanceUID": f"1.5.{i}", **each, "Modality": "MR"} for i, each in enumerate(images)]
    metrics = {found.metric.rpartition(".")[2] for found in measure(evidence_of(made))}
    assert not metrics & {"scattered", "missing"}


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
