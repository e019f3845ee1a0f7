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
from qc_models.pixels import Block

if TYPE_CHECKING:
    from torch import Tensor

MAX_POINTS = 256  # of a curve in a report

Values = dict[str, "Tensor"]


@dataclass
class Curve:
    """Values [B] by name, block by block, kept on their device until the stack ends; NaN where a frame cannot tell."""

    facts: StackFacts
    values: dict[str, list["Tensor"]] = field(default_factory=dict)
    places: list[tuple[int, str, int]] = field(default_factory=list)  # slice, SOPInstanceUID, frame index

    def add(self, block: Block, values: Values) -> None:
        """Keeps what a check saw in the frames of a block; nothing where it did not look."""
        for name, found in values.items():
            self.values.setdefault(name, []).append(found)
        if values:
            self.places.extend(zip(block.slice_indices, block.sop_instance_uids, block.frame_indices, strict=True))

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
        values [B, 4] that hold (row, column, height, width) of each frame. Values are rounded to five digits, which no
        processor's order of summation changes.
        """
        import torch

        name = name or metric.rpartition(".")[2]
        numbers = self._all(name)
        known = [i for i, value in enumerate(numbers) if math.isfinite(value)]
        if not known:
            return []
        pick = max if worst == "highest" else min
        place = pick(known, key=lambda i: numbers[i])
        if of_all == "lasting":
            windows = [known[max(0, at - 1) : at + 2] for at in range(len(known))]
            place = pick(
                (
                    sorted(window, key=lambda i: numbers[i], reverse=worst == "lowest")[(len(window) - 1) // 2]
                    for window in windows
                ),
                key=lambda i: numbers[i],
            )
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
            "curve": _thinned([[self.places[i][0], numbers[i]] for i in known], middle),
        }
        here = Location(self.facts.series_instance_uid, sop_instance_uid, frame, slice_index, region, self.facts.index)
        return [Measurement(metric, middle if of_all == "median" else numbers[place], unit, here, detail)]

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


def _thinned(points: Sequence[list[float]], middle: float) -> list[list[float]]:
    """Few enough points for a report: of neighbours the one furthest from the middle, so that no worst one is lost."""
    step = math.ceil(len(points) / MAX_POINTS)
    groups = (points[first : first + step] for first in range(0, len(points), step))
    return [max(group, key=lambda point: abs(point[1] - middle)) for group in groups]
