"""Which stacks of a study make one volume."""

from typing import Any

import pytest

from qc_models.evidence import Evidence
from qc_models.roles.describe import describe
from qc_models.stack import split
from qc_models.volume import volumes
from tests.qc_models.roles.written_study import CT, MR, SAGITTAL, series, slices, study_of

WHOLE = slices(24)


def sizes(*all_series: list[dict[str, Any]]) -> list[list[int]]:
    """For each volume the numbers of slices of its parts."""
    study = study_of(*all_series)
    stacks = tuple(stack for each in study.series for stack in split(each))
    found = volumes(Evidence(study, stacks, describe(study, stacks)))
    return [[stack.num_slices for stack, _ in volume.parts] for volume in found]


def anew(instances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "InstanceNumber": i + 1} for i, each in enumerate(instances)]


@pytest.mark.parametrize("renumber", [anew, list])
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([WHOLE[:10], WHOLE[10:]], [[10, 14]]),
        ([WHOLE[::2], WHOLE[1::2]], [[12, 12]]),
        ([WHOLE[:10], WHOLE[12:]], [[10, 12]]),  # two slices lost between
        ([WHOLE[:4] + WHOLE[12:16], WHOLE[4:12], WHOLE[16:]], [[8, 8, 8]]),
        ([[each] for each in WHOLE], [[1] * 24]),
    ],
)
def test_a_series_split_over_several_uids_is_one_volume(parts: Any, expected: list[list[int]], renumber: Any) -> None:
    assert sizes(*(series(uid, renumber(part), **CT) for uid, part in enumerate(parts))) == expected


def test_a_wide_joint_is_one_volume_only_if_numbers_count_through_it() -> None:
    lower, upper = WHOLE[:8], WHOLE[16:]
    assert sizes(series(1, lower, **CT), series(2, upper, **CT)) == [[8, 8]]
    assert sizes(series(1, lower, **CT), series(2, anew(upper), **CT)) == [[8], [8]]


@pytest.mark.parametrize(
    "other",
    [
        slices(24),  # the same places again
        slices(24, start_mm=60.0),  # the upper half of them again
        slices(24, start_mm=121.8),  # a joint that is no whole number of steps
        slices(24, start_mm=2.2),  # between the slices, but not in their middle
        slices(24, start_mm=62.5),  # in their middle, but over one half only
        slices(24, start_mm=120.0, PixelSpacing=[0.5, 0.5]),
        slices(24, start_mm=120.0, SliceThickness=3),
        slices(24, start_mm=120.0, Rows=8),
        slices(24, start_mm=120.0, FrameOfReferenceUID="1.2.9"),
        slices(24, start_mm=120.0, ConvolutionKernel="B70f"),
        [
            {**each, "ImagePositionPatient": [30, 0, each["ImagePositionPatient"][2]]}
            for each in slices(24, start_mm=120.0)
        ],
    ],
)
def test_another_scan_is_another_volume(other: list[dict[str, Any]]) -> None:
    assert sizes(series(1, WHOLE, **CT), series(2, other, **CT)) == [[24], [24]]


def test_both_knees_are_two_volumes() -> None:
    left, right = slices(20, 4.0, SAGITTAL), slices(20, 4.0, SAGITTAL, start_mm=-160.0)
    assert sizes(series(1, left, **MR), series(2, right, **MR)) == [[20], [20]]


def test_a_tilted_gantry_does_not_lead_aside() -> None:
    tilted = [
        {
            **each,
            "ImageOrientationPatient": [1, 0, 0, 0, 0.939693, 0.342020],
            "ImagePositionPatient": each["ImagePositionPatient"],
        }
        for each in WHOLE
    ]
    assert sizes(series(1, tilted[:10], **CT), series(2, tilted[10:], **CT)) == [[10, 14]]


def test_two_halves_of_a_third_scan_find_each_other() -> None:
    again = slices(24, start_mm=2.2)
    assert sizes(series(1, WHOLE[:10], **CT), series(2, again, **CT), series(3, WHOLE[10:], **CT)) == [[10, 14], [24]]
