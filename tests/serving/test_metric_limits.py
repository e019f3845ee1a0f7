"""The limits drawn beside a measurement are those that it is judged by."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from inference.pipeline import Examined, Settings, examine
from qc_models.exam_item import ExamItem, Limit, Match
from qc_models.study import Study
from serving.metric_limits import Bar, bars_of, crossed_level
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.written_dicom import axial_slices

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
METRIC = "artifacts.ring.amplitude_hu"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, ("CT-CHEST",), "2026-09-30", 1, pixels=True, models=False)


def with_limit(settings: Settings, **limit: Any) -> ExamItem:
    (item,) = settings.items
    content = {"clause": "a test", **limit}
    return item.model_copy(update={"limits": {**item.limits, METRIC: Limit.model_validate(content)}})


@pytest.fixture
def examined(study_of: Build, settings: Settings) -> Examined:
    return examine(study_of(axial_slices(4)), settings)


def bars(examined: Examined, *items: ExamItem) -> list[Bar]:
    series = examined.facts.stacks[0].series_instance_uid
    measurement = {"metric": METRIC, "location": {"series_instance_uid": series}}
    return bars_of(replace(examined, items=items), measurement)


def test_every_bound_is_a_bar_mildest_first(examined: Examined, settings: Settings) -> None:
    item = with_limit(settings, reject={"above": 90}, note={"above": 6, "below": 1}, review={"above": 25})
    assert bars(examined, item) == [
        Bar("note", 1, "below"),
        Bar("note", 6, "above"),
        Bar("review", 25, "above"),
        Bar("reject", 90, "above"),
    ]


def test_multiples_of_a_value_of_the_item_are_worked_out(examined: Examined, settings: Settings) -> None:
    item = with_limit(settings, review={"above": 1.5}, of="max_slice_mm").model_copy(update={"max_slice_mm": 4.0})
    assert bars(examined, item) == [Bar("review", 6.0, "above")]
    assert bars(examined, item.model_copy(update={"max_slice_mm": None})) == []


def test_a_limit_that_does_not_bind_is_not_drawn(examined: Examined, settings: Settings) -> None:
    assert bars(examined, with_limit(settings, review={"above": 25}, needs="a_model")) == []


def test_two_items_of_one_limit_are_one_bar(examined: Examined, settings: Settings) -> None:
    item = with_limit(settings, review={"above": 25})
    assert bars(examined, item, item.model_copy(update={"id": "CT-OTHER"})) == [Bar("review", 25, "above")]


def test_an_item_of_another_region_says_nothing_of_the_series(examined: Examined, settings: Settings) -> None:
    own = with_limit(settings, review={"above": 25})
    knee = with_limit(settings, review={"above": 3}).model_copy(update={"region": "knee", "match": Match()})
    assert bars(examined, own, knee) == [Bar("review", 25, "above")]


@pytest.mark.parametrize(("value", "level"), [(5, None), (6, None), (7, "note"), (30, "review"), (0.5, "reject")])
def test_the_worst_level_counts(value: float, level: str | None) -> None:
    limits = [Bar("note", 6, "above"), Bar("review", 25, "above"), Bar("reject", 1, "below")]
    assert crossed_level(limits, value) == level
