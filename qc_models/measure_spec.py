"""What a model of measures is fed: numbers that an image was measured to have, made comparable between devices.

A `MeasureSpec` stands where a model of pictures has its `InputSpec`: `prepare_measures` is the only preparation there is, the same
in training and in service. Devices differ more than good and bad images do, so that each measure is told from the middle of its
device, the `Reference`; the bundle's network does the rest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of an image. With a `unit` it is taken as asinh(value / unit): far above the unit, its logarithm."""

    name: str
    unit: float | None = None

    def taken(self, value: Floats) -> Floats:
        """The value as the model counts it."""
        return value if self.unit is None else np.asarray(np.arcsinh(value / self.unit))


@dataclass(frozen=True, slots=True)
class MeasureSpec:
    """The measures of an image, in the order in which a model is fed them."""

    measures: tuple[Measure, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(measure.name for measure in self.measures)

    @property
    def digest(self) -> str:
        """SHA-256 over its content."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reference:
    """The middle of each measure on one device: medians of measures as they are taken, by name."""

    middle: Mapping[str, float]

    @staticmethod
    def of(values: Floats, spec: MeasureSpec) -> "Reference":
        """That of images [N, measures]; a measure that none of them has is 0."""
        taken = _taken(values, spec)
        known = np.isfinite(taken).any(0)
        middle = np.zeros(taken.shape[1])
        middle[known] = np.nanmedian(taken[:, known], axis=0)
        return Reference(dict(zip(spec.names, middle.tolist(), strict=True)))


def prepare_measures(values: Floats, spec: MeasureSpec, reference: Reference) -> NDArray[np.float32]:
    """Values [N, measures], NaN where unknown, as a model is fed them: less the device's middle; what is unknown lies there."""
    middle = np.array([reference.middle[name] for name in spec.names])
    told: NDArray[np.float32] = np.nan_to_num(_taken(values, spec) - middle, posinf=0.0, neginf=0.0).astype(np.float32)
    return told


def _taken(values: Floats, spec: MeasureSpec) -> Floats:
    return np.stack([measure.taken(values[:, column]) for column, measure in enumerate(spec.measures)], axis=1)
