"""Curves along a stack: which frames are looked at, what they come to, where the worst lies."""

import math

import pytest
import torch

from qc_models.features import curve
from qc_models.features.frame_features import FrameFeatures
from qc_models.pixels import Block
from tests.judged_facts import stack as stack_facts


def filled(values: list[float], size: int = 16) -> curve.Curve:
    state = curve.Curve(stack_facts("1.2", modality="MR", index=5))
    for first in range(0, len(values), size):
        numbers = range(first, min(first + size, len(values)))
        pixels = torch.tensor([values[i] for i in numbers]).reshape(-1, 1, 1).expand(-1, 8, 8)
        uids = tuple(f"1.2.{i}" for i in numbers)
        block = Block(pixels, None, "arbitrary", None, tuple(numbers), uids, (0,) * len(uids))
        state.add(block.places, look(block.features))
    return state


def look(frames: FrameFeatures) -> curve.Values:
    first = frames.pixels[:, 0, 0]
    box = torch.stack((first, first + 1, first * 0 + 2, first * 0 + 3), 1)
    return {"value": first, "box": box}


def test_median_worst_and_place() -> None:
    state = filled([5.0, 1.0, math.nan, 3.0])
    (found,) = state.measurement("adequacy.a.value", "1", worst="lowest", of_all="median", box="box")
    assert (found.value, found.unit, found.location.slice, found.location.sop_instance_uid) == (3.0, "1", 1, "1.2.1")
    assert found.location.box == (1, 2, 2, 3)
    assert found.location.stack == 5
    assert found.detail["curve"] == [[0, 5.0], [1, 1.0], [3, 3.0]]
    assert (found.detail["num_frames"], found.detail["worst"], found.detail["worst_slice"]) == (3, 1.0, 2)
    (highest,) = state.measurement("adequacy.a.value", "1", worst="highest", of_all="worst")
    assert (highest.value, highest.location.slice, highest.location.box) == (5.0, 0, None)


def test_nothing_is_measured_where_no_frame_can_tell() -> None:
    assert filled([math.nan, math.inf]).measurement("a.b.value", "1", worst="lowest", of_all="median") == []
    assert filled([]).measurement("a.b.value", "1", worst="lowest", of_all="median") == []


@pytest.mark.parametrize(("total", "size"), [(960, 16), (960, 7), (30, 16)])
def test_every_frame_of_a_long_stack_counts_whatever_its_blocks(total: int, size: int) -> None:
    values = [1.0] * total
    values[total // 3] = 9.0
    (found,) = filled(values, size).measurement("a.b.value", "1", worst="highest", of_all="worst")
    assert (found.value, found.detail["num_frames"], found.location.slice) == (9.0, total, total // 3)
    assert len(found.detail["curve"]) <= curve.MAX_POINTS  # of the report, not of what is looked at
    assert [total // 3, 9.0] in found.detail["curve"]


def test_the_range_about_the_worst_is_what_lies_nearer_to_it_than_to_the_median() -> None:
    (high,) = filled([1, 1, 6, 9, 7, 1, 8, 1]).measurement("a.b.value", "1", worst="highest", of_all="worst")
    assert (high.detail["worst_slices"], high.detail["worst_range"]) == (
        "4-5",
        [4, 5],
    )  # the median is 3.5, halfway 6.25
    (low,) = filled([5, 5, 1, 5, 5]).measurement("a.b.value", "1", worst="lowest", of_all="worst")
    assert low.detail["worst_slices"] == "3"


def test_a_lasting_value_is_one_that_a_neighbour_shares() -> None:
    (lone,) = filled([1, 1, 9, 1, 1]).measurement("a.b.value", "1", worst="highest", of_all="lasting")
    assert lone.value == 1
    (two,) = filled([1, 8, 9, 1, 1]).measurement("a.b.value", "1", worst="highest", of_all="lasting")
    assert (two.value, two.location.slice) == (8, 1)
    (short,) = filled([5.0]).measurement("a.b.value", "1", worst="highest", of_all="lasting")
    assert short.value == 5
    (low,) = filled([5, 1, 2, 5, 5, 0]).measurement("a.b.value", "1", worst="lowest", of_all="lasting")
    assert low.value == 2  # at an end the better of two


def shuffled(values: list[float], order: list[int]) -> curve.Curve:
    state = curve.Curve(stack_facts("1.2", modality="MR", index=5))
    places = [(number, f"1.2.{number}", 0) for number in order]
    state.add(places, {"value": torch.tensor([values[number] for number in order])})
    return state


def test_neighbours_are_those_of_the_stack_whatever_the_order_of_the_file() -> None:
    values = [1.0, 1, 50, 50, 1, 1]
    (found,) = shuffled(values, [0, 2, 4, 1, 3, 5]).measurement("a.b.value", "1", worst="highest", of_all="lasting")
    assert (found.value, found.detail["worst_slices"]) == (50, "3-4")
    assert [slice_index for slice_index, _ in found.detail["curve"]] == [0, 1, 2, 3, 4, 5]


def test_slices_far_apart_are_no_neighbours() -> None:
    values = [50.0, math.nan, math.nan, 50, math.nan, math.nan, 1]
    (found,) = filled(values).measurement("a.b.value", "1", worst="highest", of_all="lasting")
    assert found.value == 50  # each stands alone: nothing is known beside it


def test_the_worst_point_stays_in_a_thinned_curve_however_near_it_lies_to_the_middle() -> None:
    values = [10.0, 50.0] * 300
    values[300] = 8.0
    (found,) = filled(values).measurement("a.b.value", "1", worst="lowest", of_all="worst")
    assert found.value == 8
    assert [300, 8.0] in found.detail["curve"]
