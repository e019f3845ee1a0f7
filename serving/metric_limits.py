"""The limits that a measurement is held against: those of the exam items of its study that bind there."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from qc_models.exam_item import ExamItem
from qc_models.item_matching import stacks_for
from qc_models.judgement import binds
from qc_models.vocabulary import LEVELS, Level

if TYPE_CHECKING:
    from inference.pipeline import Examined

Told = Mapping[str, Any]  # a finding or a measurement of a report


class Bar(NamedTuple):
    """One end of a limit: beyond `value`, on the `side` that is named, lies a finding of `level`."""

    level: Level
    value: float
    side: Literal["above", "below"]

    def crossed_by(self, value: float) -> bool:
        """Whether a value lies beyond it."""
        return value > self.value if self.side == "above" else value < self.value


def bars_of(examined: "Examined", measurement: Told) -> list[Bar]:
    """What an exam item of the study says of this metric, mildest level first; none where it is only observed."""
    found: set[Bar] = set()
    for item in _items(examined, measurement["location"]["series_instance_uid"]):
        limit = item.limits.get(measurement["metric"])
        scale = item.scale(limit.of) if limit is not None else None
        if limit is None or scale is None or not binds(limit, examined.facts):
            continue
        for level in LEVELS:
            bound = getattr(limit, level)
            if bound is not None and bound.above is not None:
                found.add(Bar(level, bound.above * scale, "above"))
            if bound is not None and bound.below is not None:
                found.add(Bar(level, bound.below * scale, "below"))
    return sorted(found, key=lambda bar: (LEVELS.index(bar.level), bar.value, bar.side))


def crossed_level(bars: Iterable[Bar], value: float) -> Level | None:
    """The worst level whose bar a value crosses; None where it crosses none."""
    return max((bar.level for bar in bars if bar.crossed_by(value)), key=LEVELS.index, default=None)


def _items(examined: "Examined", series_instance_uid: str | None) -> list[ExamItem]:
    """The items whose own stacks are of this series; all of the study where there is but one, or none claims it."""
    own = [
        item
        for item in examined.items
        if any(stack.series_instance_uid == series_instance_uid for stack in stacks_for(item, examined.facts))
    ]
    return own or list(examined.items)
