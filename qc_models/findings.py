"""What a check yields and what a judgement makes of it: Location, Measurement, Finding, CheckFailure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qc_models.vocabulary import DIMENSIONS, Dimension, Level


@dataclass(frozen=True, slots=True)
class Location:
    """Where something was found; every part that is not known is None.

    `frame` is the 0-based frame of the instance, `slice` the 0-based slice of the stack (`stack` its index in the series),
    `box` is (row, column, height, width) in pixels.
    """

    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    frame: int | None = None
    slice: int | None = None
    box: tuple[int, int, int, int] | None = None
    stack: int | None = None


NOWHERE = Location()


@dataclass(frozen=True, slots=True)
class Quantity:
    """What one check can measure: its unit, and the words a reviewer reads when a limit is crossed.

    Texts are `str.format` templates over `value`, `limit`, `unit` and the measurement's `detail`.
    """

    unit: str
    en: str
    zh: str
    remedy_en: str
    remedy_zh: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number with its unit and place; `metric` is `dimension.check.quantity`.

    `detail` holds JSON values that explain the number (positions, attribute names); never anything of the patient.
    """

    metric: str
    value: float
    unit: str
    location: Location = NOWHERE
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> Dimension:
        """The first part of the metric, one of the five dimensions."""
        for dimension in DIMENSIONS:
            if self.metric.startswith(dimension + "."):
                return dimension
        raise ValueError(f"metric {self.metric!r} names none of the dimensions {', '.join(DIMENSIONS)}")

    @property
    def check(self) -> str:
        """`dimension.check`, which is also the path of the file that measured it."""
        return self.metric.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Text:
    """The same sentence in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A measurement that crossed a limit of an exam item."""

    metric: str
    dimension: Dimension
    level: Level
    veto: bool
    value: float
    limit: float | None
    unit: str
    location: Location
    clause: str
    message: Text
    remedy: Text
    deduct: float


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A check that crashed or could not run; the study then goes to review, never a silent pass."""

    check: str
    reason: str
    location: Location = NOWHERE
