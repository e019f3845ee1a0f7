"""The table of measurements puts first what crossed a limit, and stays bounded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from inference.pipeline import Examined, Settings, examine
from qc_models.exam_item import Limit
from qc_models.report import QcReport
from qc_models.study import Study
from serving.measurement_table import MOST_ROWS, Row, table_of
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.written_dicom import axial_slices

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
LIMITS = {
    "artifacts.ring.amplitude_hu": {"review": {"above": 25}, "clause": "a test"},
    "artifacts.metal.area_mm2": {"note": {"above": 500}, "clause": "a test"},
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, ("CT-CHEST",), "2026-09-30", 1, pixels=True, models=False)


@pytest.fixture
def examined(study_of: Build, settings: Settings) -> Examined:
    (item,) = settings.items
    limits = {metric: Limit.model_validate(limit) for metric, limit in LIMITS.items()}
    return replace(examine(study_of(axial_slices(4)), settings), items=(item.model_copy(update={"limits": limits}),))


def measured(examined: Examined, metric: str, value: float, *, stack: int = 0, **detail: Any) -> dict[str, Any]:
    place = {"series_instance_uid": examined.stacks[0].series_instance_uid, "stack": stack, "slice": 3}
    return {"metric": metric, "value": value, "unit": "HU", "location": place, "detail": detail}


def rows_of(examined: Examined, measurements: list[dict[str, Any]]) -> list[Row]:
    content = {**examined.report.content, "measurements": measurements}
    (part,) = table_of(replace(examined, report=QcReport(content)), lambda _: "7")
    return part.rows


def test_what_crossed_a_limit_comes_first_and_stacks_of_a_metric_together(examined: Examined) -> None:
    rows = rows_of(
        examined,
        [
            measured(examined, "artifacts.streak.oriented_hu", 1),
            measured(examined, "artifacts.metal.area_mm2", 1),
            measured(examined, "artifacts.ring.amplitude_hu", 10),
            measured(examined, "artifacts.streak.oriented_hu", 2, stack=1),
            measured(examined, "artifacts.ring.amplitude_hu", 30, stack=1),
        ],
    )
    assert [(row.metric.split(".")[1], row.value, row.level) for row in rows] == [
        ("ring", "10", None),
        ("ring", "30", "review"),
        ("metal", "1", None),
        ("streak", "1", None),
        ("streak", "2", None),
    ]
    assert [row.limits for row in rows] == ["review > 25", "review > 25", "note > 500", "", ""]


def test_a_place_is_told_as_people_count(examined: Examined) -> None:
    metric = "artifacts.ring.amplitude_hu"
    alone, reaching = rows_of(
        examined, [measured(examined, metric, 1, worst_range=[4, 4]), measured(examined, metric, 1, worst_range=[3, 4])]
    )
    assert alone.place == "series 序列 7 · slice 层 4"
    assert reaching.place == "series 序列 7 · slice 层 4 (3–4)"
    (second,) = rows_of(examined, [measured(examined, metric, 1, stack=1)])
    assert second.place == "series 序列 7 · stack 组 2"


def test_rows_are_bounded_and_the_rest_is_counted(examined: Examined) -> None:
    many = [measured(examined, "artifacts.ring.amplitude_hu", number, stack=number) for number in range(MOST_ROWS + 30)]
    content = {**examined.report.content, "measurements": many}
    (part,) = table_of(replace(examined, report=QcReport(content)), lambda _: None)
    assert (len(part.rows), part.num_left_out) == (MOST_ROWS, 30)
