"""Which stacks are reconstructions of one acquisition."""

from typing import Any

import pytest

from tests.qc_models.roles.written_study import CT, MR, facts_of, series, slices

FIRST: dict[str, Any] = {"AcquisitionNumber": 2, "AcquisitionTime": "100000"}


def one_acquisition(base: dict[str, Any], second: dict[str, Any]) -> bool:
    made = facts_of(series(1, slices(4), **{**base, **FIRST}), series(2, slices(4), **{**base, **FIRST, **second}))
    return made[0].acquisition == made[1].acquisition


@pytest.mark.parametrize(
    ("base", "second", "same"),
    [
        (CT, {}, True),
        (CT, {"AcquisitionTime": "100002"}, True),
        (CT, {"AcquisitionTime": "100020"}, False),
        (CT, {"AcquisitionNumber": 3}, False),
        (CT, {"AcquisitionNumber": None}, True),
        (CT, {"AcquisitionTime": None}, True),
        (CT, {"AcquisitionTime": None, "AcquisitionNumber": None}, False),
        (CT, {"FrameOfReferenceUID": "1.9"}, False),
        (MR, {"AcquisitionNumber": 9}, True),
        (MR, {"AcquisitionTime": "100002"}, False),
        (MR, {"AcquisitionTime": None}, False),
    ],
)
def test_one_acquisition_or_two(base: dict[str, Any], second: dict[str, Any], same: bool) -> None:
    assert one_acquisition(base, second) is same


def test_names_count_up_in_order_of_time() -> None:
    late, early = facts_of(
        series(1, slices(4), **{**CT, "AcquisitionTime": "110000"}),
        series(2, slices(4), **{**CT, "AcquisitionTime": "100000"}),
    )
    assert (early.acquisition, late.acquisition) == ("1", "2")
