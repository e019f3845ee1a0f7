"""A curve knows its worst end and says where it is, in both languages."""

from collections.abc import Sequence
from typing import Any

import pytest

from serving.measured_curves import MeasuredCurve, curve_behind
from serving.metric_limits import Bar

PLACE = {"series_instance_uid": "1.2", "stack": 0}
ABOVE, BELOW = Bar("review", 10.0, "above"), Bar("review", 3.0, "below")


def told(metric: str = "artifacts.ring.amplitude_hu", value: float = 12.0, unit: str = "HU", **detail: Any) -> Any:
    return {"metric": metric, "value": value, "unit": unit, "location": PLACE, "detail": detail}


def curve(bars: Sequence[Bar] = (), num_slices: int = 5, **keywords: Any) -> MeasuredCurve:
    detail = {"curve": [[0, 5.0], [1, 12.0], [2, 4.0], [3, 6.0], [4, 2.0]]} | keywords
    return MeasuredCurve(told(**detail), num_slices, bars)


@pytest.mark.parametrize(
    ("detail", "bars", "is_lowest"),
    [
        ({"worst": 12.0, "median": 5.0}, [BELOW], False),  # the measurement itself knows best
        ({"worst": 2.0, "median": 5.0}, [ABOVE], True),
        ({}, [BELOW], True),
        ({}, [ABOVE], False),
        ({}, [ABOVE, BELOW], False),  # rings: higher is worse, by the page of the check
        ({"metric": "adequacy.mr_snr.dietrich"}, [], True),
        ({"metric": "nothing.like_it.at_all"}, [], False),
    ],
)
def test_which_end_is_the_worst(detail: dict[str, Any], bars: list[Bar], is_lowest: bool) -> None:
    assert curve(bars, **detail).lowest_is_worst is is_lowest


def test_the_worst_is_where_the_measurement_says_else_at_the_end_of_the_curve() -> None:
    assert curve([ABOVE]).worst == (2, 12.0)
    assert curve([BELOW]).worst == (5, 2.0)
    assert curve(worst=13.0, worst_slice=4, median=5.0).worst == (4, 13.0)


def test_the_place_is_said_in_two_languages_with_its_reach() -> None:
    detail = {"worst": 12.0, "worst_slice": 2, "median": 5.0}
    assert curve(**detail, worst_range=[2, 2]).where() == ("worst at slice 2 of 5", "第 2 层最重（共 5 层）")
    en, zh = curve(**detail, worst_range=[1, 3]).where() or ("", "")
    assert en == "worst at slice 2 of 5; slices 1–3 are nearly as bad"
    assert zh == "第 2 层最重（共 5 层），第 1–3 层相近"
    assert curve(num_slices=1, **detail).where() is None


def test_images_beyond_the_limit_are_counted_on_the_bad_side() -> None:
    high = curve([ABOVE], num_frames=5)
    assert high.beyond(5.5) == ("2 of 5 images beyond the limit: slices 2, 4", "5 幅中 2 幅超限：第 2、4 层")
    low = curve([BELOW], num_frames=5)
    assert low.beyond(4.5) == ("2 of 5 images beyond the limit: slices 3, 5", "5 幅中 2 幅超限：第 3、5 层")
    assert high.beyond(4.5) == ("3 of 5 images beyond the limit: slices 1–2, 4", "5 幅中 3 幅超限：第 1–2、4 层")
    assert high.beyond(99) == ("0 of 5 images beyond the limit", "5 幅中 0 幅超限")
    assert curve([ABOVE], num_frames=50).beyond(5.5) is None  # a thinned curve cannot be counted


def test_many_runs_of_slices_are_not_all_told() -> None:
    zigzag = [[number, number % 2] for number in range(40)]
    en, zh = curve([ABOVE], curve=zigzag, num_frames=40).beyond(0.5) or ("", "")
    assert en == "20 of 40 images beyond the limit: slices 2, 4, 6, 8, …"
    assert zh == "40 幅中 20 幅超限：第 2、4、6、8、… 层"


def test_a_median_is_told_from_the_worst() -> None:
    assert curve(worst=12.0, worst_slice=2, median=5.0, value=5.0).is_of_whole_stack
    assert not curve(worst=12.0, worst_slice=2, median=5.0, value=12.0).is_of_whole_stack


def test_the_nearest_limit_counts() -> None:
    far, near = Bar("reject", 48.0, "above"), Bar("note", 16.0, "above")
    assert curve([far, near]).nearness == pytest.approx(0.75)  # 12 of 16
    assert curve([Bar("note", 8.0, "above")]).nearness == 1
    assert curve([BELOW]).nearness == pytest.approx(0.25)  # 3 of 12
    assert curve([]).nearness == 0
    assert curve([ABOVE], value=0.0).nearness == 0


def test_a_value_of_the_stack_borrows_the_curve_of_its_check() -> None:
    points = [[0, 1.0], [1, 2.0], [2, 3.0]]
    median = told("adequacy.noise_hu.median_hu", 2.0, curve=points)
    scaled = told("adequacy.noise_hu.soft_5mm_hu", 1.5)
    ring = told("artifacts.ring.amplitude_hu", 3.0, curve=points)
    assert curve_behind([ring, median, scaled], scaled) is median
    assert curve_behind([ring, median, scaled], ring) is ring
    assert curve_behind([ring, scaled], scaled) is None
    other_unit = told("adequacy.noise_hu.share", 1.5, "%")
    assert curve_behind([median], other_unit) is None
    other_stack = {**scaled, "location": {**PLACE, "stack": 1}}
    assert curve_behind([median], other_stack) is None


def test_the_plot_carries_limits_and_the_whole_stacks_value() -> None:
    detail = {"worst": 12.0, "worst_slice": 2, "median": 5.0, "value": 5.0}
    plot = str(curve([ABOVE], **detail).plot())
    assert plot.count('class="limit"') == 2
    assert "median 中位数 5" in plot
    assert "12 HU, slice 层 2" in plot
