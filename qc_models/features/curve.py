"""The curve of a check along a stack: a value of each frame, their places, and the measurement they come to.

With it an image check is a function from the features of some frames to one value each, and three lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement
from qc_models.pixels import Place

if TYPE_CHECKING:
    from torch import Tensor

MAX_POINTS = 256  # of a curve in a report

Values = dict[str, "Tensor"]


@dataclass
class Curve:
    """Values [B] by name, block by block, kept on their device until the stack ends; NaN where a frame cannot tell."""

    facts: StackFacts
    values: dict[str, list["Tensor"]] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    def add(self, places: Sequence[Place], values: Values) -> None:
        """Keeps what a check saw in the frames at some places; nothing where it did not look."""
        for name, found in values.items():
            self.values.setdefault(name, []).append(found)
        if values:
            self.places.extend(places)

    def numbers(self, name: str) -> list[float]:
        """The values of a name that are numbers, in the order of the frames."""
        return [value for value in self._all(name) if math.isfinite(value)]

    def _all(self, name: str) -> list[float]:
        import torch

        return [_rounded(value) for value in torch.cat(self.values[name]).tolist()] if name in self.values else []

    def measurement(
        self,
        metric: str,
        unit: str,
        *,
        worst: Literal["highest", "lowest"],
        of_all: Literal["median", "worst", "lasting"],
        name: str | None = None,
        box: str | None = None,
    ) -> list[Measurement]:
        """The median or the worst value of a name (else the metric's last part), placed at the worst frame; nothing if all are NaN.

        Of `lasting` values the worst is one that a neighbour shares: the worst median of three frames in a row. `box` names the
        values [B, 4] that hold (row, column, height, width) of each frame. Values are rounded to five digits, which a
        processor's order of summation hardly changes.
        """
        import torch

        name = name or metric.rpartition(".")[2]
        numbers = self._all(name)
        # Along the stack: a file may hold its frames in any order.
        known = sorted((i for i, value in enumerate(numbers) if math.isfinite(value)), key=lambda i: self.places[i])
        if not known:
            return []
        pick = max if worst == "highest" else min
        place = pick(known, key=lambda i: numbers[i])
        if of_all == "lasting":
            shared = (self._shared(numbers, known, at, reverse=worst == "lowest") for at in range(len(known)))
            place = pick(shared, key=lambda i: numbers[i])
        middle = _rounded(median(numbers[i] for i in known))
        slice_index, sop_instance_uid, frame = self.places[place]
        region = None
        if box is not None:
            row, column, height, width = (round(value) for value in torch.cat(self.values[box])[place].tolist())
            region = (row, column, height, width)
        worst_range = self._worst_range(numbers, known, place, middle)
        detail: dict[str, Any] = {
            "num_frames": len(known),
            "median": middle,
            "worst": numbers[place],
            "worst_slice": slice_index + 1,  # as people count
            "worst_range": worst_range,
            "worst_slices": "-".join(str(number) for number in dict.fromkeys(worst_range)),
            "curve": _thinned([[self.places[i][0], numbers[i]] for i in known], middle, numbers[place]),
        }
        here = Location(self.facts.series_instance_uid, sop_instance_uid, frame, slice_index, region, self.facts.index)
        return [Measurement(metric, middle if of_all == "median" else numbers[place], unit, here, detail)]

    def _shared(self, numbers: Sequence[float], known: Sequence[int], at: int, *, reverse: bool) -> int:
        """Which of a frame and its neighbours, of the same slice or the next, holds their median; of two the better one."""
        around = known[max(0, at - 1) : at + 2]
        window = [i for i in around if abs(self.places[i][0] - self.places[known[at]][0]) <= 1]
        return sorted(window, key=lambda i: numbers[i], reverse=reverse)[(len(window) - 1) // 2]

    def _worst_range(self, numbers: Sequence[float], known: Sequence[int], place: int, middle: float) -> list[int]:
        """First and last slice, as people count, of the run about the worst that is nearer to it than to the median."""
        halfway = (numbers[place] + middle) / 2
        bad = [numbers[i] >= halfway if numbers[place] >= middle else numbers[i] <= halfway for i in known]
        first = last = known.index(place)
        while first > 0 and bad[first - 1]:
            first -= 1
        while last < len(bad) - 1 and bad[last + 1]:
            last += 1
        slices = [self.places[known[i]][0] + 1 for i in (first, last)]
        return [min(slices), max(slices)]


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _thinned(points: Sequence[list[float]], middle: float, worst: float) -> list[list[float]]:
    """Few enough points for a report: of neighbours the one furthest from the middle; the worst one always stays."""
    step = math.ceil(len(points) / MAX_POINTS)
    groups = (points[first : first + step] for first in range(0, len(points), step))
    return [max(group, key=lambda point: (point[1] == worst, abs(point[1] - middle))) for group in groups]
