"""The measurements of a study as a table for people, by dimension, each with its limits and its place."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from qc_models.vocabulary import DIMENSIONS, LEVELS, Level
from serving.measured_curves import unit_of
from serving.metric_limits import bars_of, crossed_level
from serving.metric_words import Label, label
from serving.report_plots import of_stack

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST_ROWS = 120  # of one dimension of a study; all stand in the report's JSON
SIGNS = {"above": ">", "below": "<"}


class Row(NamedTuple):
    """One measurement, as it is printed."""

    metric: str
    label: Label
    value: str
    unit: str
    limits: str  # nothing where it is only observed
    level: Level | None  # of the limit that its value crosses
    place: str


class Rows(NamedTuple):
    """The rows of one dimension; `num_left_out` more are in the report alone."""

    dimension: str
    rows: list[Row]
    num_left_out: int


def table_of(examined: "Examined", name_of_series: Callable[[str | None], str | None]) -> list[Rows]:
    """Every measurement by dimension, what crossed a limit first, then what has one; a metric's stacks stand together."""
    by_dimension: dict[str, list[Row]] = {dimension: [] for dimension in DIMENSIONS}
    for measurement in examined.report.content["measurements"]:
        dimension = measurement["metric"].partition(".")[0]
        by_dimension[dimension].append(_row(examined, measurement, name_of_series))
    found = []
    for dimension, rows in by_dimension.items():
        urgency: dict[str, int] = {}
        for row in rows:
            own = 1 + LEVELS.index(row.level) + 1 if row.level else int(bool(row.limits))
            urgency[row.metric] = max(urgency.get(row.metric, 0), own)
        order = list(urgency)
        rows.sort(key=lambda row: (-urgency[row.metric], order.index(row.metric)))
        if rows:
            found.append(Rows(dimension, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS)))
    return found


def _row(
    examined: "Examined", measurement: Mapping[str, Any], name_of_series: Callable[[str | None], str | None]
) -> Row:
    place = measurement["location"]
    bars = bars_of(examined, measurement)
    series = name_of_series(place["series_instance_uid"])
    words = [f"series 序列 {series}"] if series else []
    if place["stack"]:
        words.append(f"stack 组 {place['stack'] + 1}")
    stack = next((stack for stack in examined.stacks if of_stack(measurement, stack)), None)
    if place["slice"] is not None and stack is not None and stack.num_slices > 1:
        words.append(f"slice 层 {place['slice'] + 1}")
        first, last = measurement["detail"].get("worst_range", (0, 0))
        if first < last:
            words[-1] += f" ({first}–{last})"
    return Row(
        measurement["metric"],
        label(measurement["metric"]),
        f"{measurement['value']:.4g}",
        unit_of(measurement),
        ", ".join(f"{bar.level} {SIGNS[bar.side]} {bar.value:.4g}" for bar in bars),
        crossed_level(bars, measurement["value"]),
        " · ".join(words),
    )
