"""A measurement along its stack, as a report shows it: which end is the worst, where, in words of both languages, and its plot."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from qc_models.check_registry import checks
from serving.metric_limits import Bar
from serving.report_plots import WIDTH, curve_plot

MOST_RUNS = 4  # of slices beyond a limit, told one by one

Told = Mapping[str, Any]  # a finding or a measurement of a report


@dataclass(frozen=True)
class MeasuredCurve:
    """The curve of one measurement; slices count from 1."""

    measurement: Told
    num_slices: int  # of the stack
    bars: Sequence[Bar]

    @property
    def points(self) -> list[tuple[int, float]]:
        """(slice, value) of the images that were looked at, thinned out where they were very many."""
        return [(int(place) + 1, float(value)) for place, value in self.measurement["detail"]["curve"]]

    @property
    def lowest_is_worst(self) -> bool:
        """As the measurement tells by its worst and its median, else its limits, else the page of its check."""
        detail = self.measurement["detail"]
        if "worst" in detail and "median" in detail and detail["worst"] != detail["median"]:
            return bool(detail["worst"] < detail["median"])
        sides = {bar.side for bar in self.bars}
        if len(sides) == 1:
            return sides == {"below"}
        check = checks().get(self.measurement["metric"].rpartition(".")[0])
        return check is not None and re.search(r"Direction: lower\b", check.page) is not None

    @property
    def worst(self) -> tuple[int, float]:
        """(slice, value) of the worst image, which a thinned curve may lack."""
        detail = self.measurement["detail"]
        if "worst" in detail and "worst_slice" in detail:
            return int(detail["worst_slice"]), float(detail["worst"])
        pick = min if self.lowest_is_worst else max
        return pick(self.points, key=lambda point: point[1])

    @property
    def is_of_whole_stack(self) -> bool:
        """Whether the value that is judged is that of the stack, its median, and not that of the worst image."""
        return bool(self.measurement["value"] != self.worst[1])

    @property
    def nearness(self) -> float:
        """How near the value that is judged lies to the first of its limits, 1 at or beyond it; 0 without a limit."""
        value = float(self.measurement["value"])
        shares = [
            1.0 if bar.crossed_by(value) else min(value, bar.value) / max(value, bar.value)
            for bar in self.bars
            if (value > 0 and bar.value > 0) or bar.crossed_by(value)
        ]
        return max(shares, default=0.0)

    def where(self) -> tuple[str, str] | None:
        """Where the worst is and how far it reaches, in English and Chinese; None in a stack of one slice."""
        if self.num_slices < 2:
            return None
        number, _ = self.worst
        first, last = self.measurement["detail"].get("worst_range", (number, number))
        en, zh = f"worst at slice {number} of {self.num_slices}", f"第 {number} 层最重（共 {self.num_slices} 层）"
        if first < last:
            en += f"; slices {first}–{last} are nearly as bad"
            zh += f"，第 {first}–{last} 层相近"
        return en, zh

    def beyond(self, limit: float) -> tuple[str, str] | None:
        """Which of the images lie beyond a limit on the bad side; None where the curve does not hold every image."""
        points = sorted(self.points)
        if len(points) != self.measurement["detail"].get("num_frames") or len(points) < 2:
            return None
        bad = [value < limit if self.lowest_is_worst else value > limit for _, value in points]
        runs = [
            [place for (place, _), _ in group]
            for is_bad, group in groupby(zip(points, bad, strict=True), key=lambda entry: entry[1])
            if is_bad
        ]
        told = [f"{run[0]}–{run[-1]}" if run[0] < run[-1] else f"{run[0]}" for run in runs]
        told = told if len(told) <= MOST_RUNS else [*told[:MOST_RUNS], "…"]
        en, zh = f"{sum(bad)} of {len(bad)} images beyond the limit", f"{len(bad)} 幅中 {sum(bad)} 幅超限"
        return (f"{en}: slices {', '.join(told)}", f"{zh}：第 {'、'.join(told)} 层") if told else (en, zh)

    def plot(self, width: float = WIDTH) -> Markup | None:
        """The curve with its limits, so wide; None below three images."""
        return curve_plot(
            self.points,
            self.num_slices,
            self.measurement["metric"].partition(".")[2],
            unit_of(self.measurement),
            worst=self.worst,
            bars=self.bars,
            lowest_is_worst=self.lowest_is_worst,
            of_stack=self.measurement["value"] if self.is_of_whole_stack else None,
            width=width,
        )


def has_curve(measurement: Told) -> bool:
    """Whether a measurement tells its value image by image."""
    return bool(measurement["detail"].get("curve"))


def curve_behind(measurements: Iterable[Told], measured: Told) -> Told | None:
    """The measurement whose curve shows this one: itself, else another of the same check, stack and unit; None without any."""
    if has_curve(measured):
        return measured

    def kin(other: Told) -> tuple[Any, ...]:
        place = other["location"]
        check = other["metric"].rpartition(".")[0]
        return check, other["unit"], place["series_instance_uid"], place["stack"]

    return next((other for other in measurements if has_curve(other) and kin(other) == kin(measured)), None)


def unit_of(told: Told) -> str:
    """The unit as it is printed: nothing for a plain number."""
    return "" if told["unit"] == "1" else str(told["unit"])
