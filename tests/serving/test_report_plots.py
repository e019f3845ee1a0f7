"""Plots mark what was found: gaps in red bands at the right slices, rings on odd positions, the worst of a curve."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from qc_models.stack import Stack, split
from qc_models.study import Study
from serving.metric_limits import Bar
from serving.report_plots import LEVEL_COLOURS, curve_plot, positions_plot, slices_at
from tests.written_dicom import axial_slices

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
METRIC = "completeness.slice_positions."


def stack_of(study: Study) -> Stack:
    (stack,) = (stack for series in study.series for stack in split(series))
    return stack


def measurement(quantity: str, stack: Stack, **detail: Any) -> dict[str, Any]:
    place = {"series_instance_uid": stack.series_instance_uid, "stack": stack.index}
    return {"metric": METRIC + quantity, "location": place, "detail": {"step_mm": 5.0, "after": []} | detail}


def drawn(plot: str | None, kind: str) -> list[ElementTree.Element]:
    assert plot is not None
    return list(ElementTree.fromstring(plot).iter(kind))


def test_a_gap_is_a_band_between_its_neighbours(study_of: Build) -> None:
    slices = axial_slices(11)
    del slices[4:6]  # at 20 and 25 mm: slice 4 lies at 15 mm, slice 5 at 30 mm
    stack = stack_of(study_of(slices))
    plot = positions_plot(stack, [measurement("missing", stack, after=["15.0 mm (#4)"])])
    (band,) = drawn(plot, "rect")
    dots = next(part.get("d", "") for part in drawn(plot, "path") if "h0" in part.get("d", ""))
    across = [float(x) for x in re.findall(r"M([\d.]+),", dots)]
    left, right = float(band.get("x", "")), float(band.get("x", "")) + float(band.get("width", ""))
    assert (left, right) == (pytest.approx(across[3], abs=0.2), pytest.approx(across[4], abs=0.2))
    assert "2 missing behind slice 4" in "".join(band.itertext())


def test_positions_below_zero_and_other_stacks_are_told_apart(study_of: Build) -> None:
    slices = [{**entry, "ImagePositionPatient": [0, 0, -30 + 5 * i]} for i, entry in enumerate(axial_slices(8))]
    stack = stack_of(study_of(slices))
    assert slices_at(stack, ["-20.0 mm (#3)", "0.0 mm", "nowhere"]) == [2, 6]
    other = measurement("missing", stack, after=["-20.0 mm (#3)"])
    other["location"]["stack"] = 1
    assert drawn(positions_plot(stack, [other]), "rect") == []


def test_a_gap_of_a_long_stack_can_still_be_seen(study_of: Build) -> None:
    slices = axial_slices(400, 1.0, Rows=2, Columns=2)
    del slices[200]
    stack = stack_of(study_of(slices))
    (band,) = drawn(
        positions_plot(stack, [measurement("missing", stack, step_mm=1.0, after=["199.0 mm (#200)"])]), "rect"
    )
    assert float(band.get("width", "")) >= 3


def test_a_position_with_two_images_is_ringed(study_of: Build) -> None:
    stack = stack_of(study_of(axial_slices(6)))
    assert drawn(positions_plot(stack, []), "circle") == []
    assert len(drawn(positions_plot(stack, [measurement("duplicate", stack, at=["10.0 mm (#3)"])]), "circle")) == 1


def test_too_few_slices_are_no_plot(study_of: Build) -> None:
    assert positions_plot(stack_of(study_of(axial_slices(2))), []) is None
    assert curve_plot([(1, 1.0), (2, 2.0)], 2, "noise", "HU", worst=(2, 2.0)) is None


def test_images_without_positions_are_no_plot(study_of: Build) -> None:
    study = study_of([{"InstanceNumber": i, "ImagePositionPatient": None} for i in range(5)])
    assert positions_plot(stack_of(study), []) is None


def limit_heights(plot: str | None) -> list[float]:
    lines = (part.get("d", "") for part in drawn(plot, "path") if part.get("class") == "limit")
    return [float(re.findall(r"M[\d.]+ ([\d.]+)H", line)[0]) for line in lines]


def line_heights(plot: str | None) -> list[float]:
    (line,) = drawn(plot, "polyline")
    return [float(point.split(",")[1]) for point in line.get("points", "").split()]


def test_the_worst_of_a_curve_is_ringed_and_named() -> None:
    plot = curve_plot([(1, 5.0), (4, 12.34), (5, 6.0)], 6, "noise", "HU", worst=(4, 12.34))
    (ring,) = drawn(plot, "circle")
    (line,) = drawn(plot, "polyline")
    x, y = line.get("points", "").split()[1].split(",")
    assert (ring.get("cx"), ring.get("cy")) == (x, y)
    assert "12.3 HU, slice 层 4" in str(plot)


def test_a_curve_of_one_value_and_words_of_a_header_are_drawn_safely() -> None:
    plot = curve_plot([(1, 0.0), (2, 0.0), (3, 0.0)], 3, "<script>", "<b>", worst=(1, 0.0))
    assert "<script>" not in str(plot)
    assert "<b>" not in str(plot)
    assert drawn(plot, "polyline")
    assert drawn(plot, "circle") == []  # none of equals is the worst


def test_a_limit_is_a_line_between_what_passes_and_what_does_not() -> None:
    bars = [Bar("review", 8.0, "above"), Bar("reject", 11.0, "above")]
    plot = curve_plot([(1, 5.0), (2, 9.0), (3, 6.0)], 3, "ring", "HU", worst=(2, 9.0), bars=bars)
    review, reject = limit_heights(plot)
    first, worst, last = line_heights(plot)
    assert reject < worst < review < last < first  # heights count downwards
    assert "review &gt; 8" in str(plot)
    assert "reject &gt; 11" in str(plot)
    (ring,) = drawn(plot, "circle")
    assert ring.get("stroke") == LEVEL_COLOURS["review"]


def test_where_the_lowest_is_the_worst_it_is_ringed_below_its_limit() -> None:
    bars = [Bar("review", 10.0, "below")]
    points = [(1, 20.0), (2, 4.0), (3, 30.0)]
    plot = curve_plot(points, 3, "snr", "", worst=(2, 4.0), bars=bars, lowest_is_worst=True)
    (limit,) = limit_heights(plot)
    (ring,) = drawn(plot, "circle")
    assert float(ring.get("cy", "")) > limit
    assert ring.get("stroke") == LEVEL_COLOURS["review"]
    assert "review &lt; 10" in str(plot)


def test_a_limit_far_from_every_value_is_told_and_does_not_flatten_the_curve() -> None:
    points = [(1, 1.0), (2, 2.0), (3, 1.0)]
    plot = curve_plot(points, 3, "noise", "HU", worst=(2, 2.0), bars=[Bar("reject", 900.0, "above")])
    assert limit_heights(plot) == []
    assert "reject &gt; 900 ↑" in str(plot)
    heights = line_heights(plot)
    assert heights[0] - heights[1] > 20


def test_the_value_of_the_whole_stack_is_a_line_and_its_worst_slice_no_alarm() -> None:
    bars = [Bar("review", 8.0, "above")]
    points = [(1, 5.0), (2, 9.0), (3, 5.0)]
    plot = curve_plot(points, 3, "noise", "HU", worst=(2, 9.0), bars=bars, of_stack=5.0)
    assert len(limit_heights(plot)) == 2
    assert "median 中位数 5" in str(plot)
    (ring,) = drawn(plot, "circle")
    assert ring.get("stroke") not in LEVEL_COLOURS.values()


@pytest.mark.parametrize(("lowest", "spike"), [(False, 9.0), (True, -9.0)])
def test_a_long_curve_is_thinned_and_keeps_its_worst(lowest: bool, spike: float) -> None:
    points = [(number, spike if number == 777 else 1.0 + number % 2) for number in range(1, 2001)]
    plot = curve_plot(points, 2000, "ring", "HU", worst=(777, spike), lowest_is_worst=lowest)
    heights = line_heights(plot)
    assert len(heights) <= 120
    (ring,) = drawn(plot, "circle")
    assert float(ring.get("cy", "")) in heights


def test_of_several_images_of_a_slice_the_worst_is_drawn() -> None:
    points = [(1, 5.0), (1, 7.0), (2, 6.0), (2, 6.0), (3, 5.0), (3, 1.0)]
    plot = curve_plot(points, 3, "ring", "HU", worst=(1, 7.0))
    assert len(line_heights(plot)) == 3


def test_words_of_limits_do_not_lie_on_each_other() -> None:
    bars = [Bar("note", 8.0, "above"), Bar("review", 8.2, "above"), Bar("reject", 8.4, "above")]
    plot = curve_plot([(1, 5.0), (2, 9.0), (3, 6.0)], 3, "ring", "HU", worst=(2, 9.0), bars=bars)
    heights = sorted(float(part.get("y", "")) for part in drawn(plot, "text") if part.get("class") == "over")
    assert len(heights) == 3
    assert all(below - above >= 9 for above, below in pairwise(heights))


@pytest.mark.parametrize("width", [260, 480])
def test_a_plot_is_as_wide_as_asked(width: float) -> None:
    points = [(1, 5.0), (2, 9.0), (3, 6.0)]
    plot = curve_plot(points, 3, "ring", "HU", worst=(2, 9.0), width=width)
    (line,) = drawn(plot, "polyline")
    assert float(line.get("points", "").split()[-1].split(",")[0]) == pytest.approx(width - 14)
