"""Plots mark what was found: gaps in red bands at the right slices, rings on odd positions, the worst of a curve."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from qc_models.stack import Stack, split
from qc_models.study import Study
from serving.report_plots import curve_plot, positions_plot, slices_at
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
    assert curve_plot([[0, 1.0], [1, 2.0]], 2, "noise", "HU") is None


def test_images_without_positions_are_no_plot(study_of: Build) -> None:
    study = study_of([{"InstanceNumber": i, "ImagePositionPatient": None} for i in range(5)])
    assert positions_plot(stack_of(study), []) is None


def test_the_worst_of_a_curve_is_ringed_and_named() -> None:
    plot = curve_plot([[0, 5.0], [3, 12.34], [4, 6.0]], 6, "noise", "HU")
    (ring,) = drawn(plot, "circle")
    (line,) = drawn(plot, "polyline")
    x, y = line.get("points", "").split()[1].split(",")
    assert (ring.get("cx"), ring.get("cy")) == (x, y)
    assert "12.3 HU, slice 4" in str(plot)


def test_a_curve_of_one_value_and_words_of_a_header_are_drawn_safely() -> None:
    plot = curve_plot([[0, 0.0], [1, 0.0], [2, 0.0]], 3, "<script>", "HU")
    assert "<script>" not in str(plot)
    assert drawn(plot, "polyline")
