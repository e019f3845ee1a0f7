"""What one look at a decoded frame tells: numbers shared by every check, computed once, small enough to keep for a whole study."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STRIDE = 4  # histogram shape needs no more than every fourth pixel in each direction


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """Statistics of the stored values of one frame, before any rescale.

    `digest` is equal for frames of equal pixels. `mean`, `standard_deviation`, `num_levels` (distinct values) and
    `mode_fraction` (share of the commonest value) are taken on every fourth pixel in each direction; minimum, maximum and
    `is_colour` (some pixel whose channels differ) on all.
    """

    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    num_levels: int
    mode_fraction: float
    is_colour: bool
    digest: bytes

    @property
    def is_constant(self) -> bool:
        """True where every pixel has one value."""
        return self.minimum == self.maximum


def frame_statistics(frame: NDArray[Any]) -> FrameStatistics:
    """Statistics of one decoded frame, [rows, columns] or [rows, columns, 3]; what is no finite number counts as 0."""
    if np.issubdtype(frame.dtype, np.floating):
        frame = np.nan_to_num(frame, posinf=0, neginf=0)
    is_colour = False
    if frame.ndim == 3:
        is_colour = bool((frame[..., 1:] != frame[..., :1]).any())
    thin = frame[::_STRIDE, ::_STRIDE].reshape(-1)
    counts = _counts(thin)
    contiguous = np.ascontiguousarray(frame)
    return FrameStatistics(
        minimum=float(frame.min()),
        maximum=float(frame.max()),
        mean=float(thin.mean(dtype=np.float64)),
        standard_deviation=float(thin.std(dtype=np.float64)),
        num_levels=int(counts.size),
        mode_fraction=float(counts.max() / thin.size),
        is_colour=is_colour,
        digest=hashlib.blake2b(contiguous.view(np.uint8).data, digest_size=16).digest(),
    )


def _counts(values: NDArray[Any]) -> NDArray[np.intp]:
    """How often each value that occurs does, of at least one."""
    if values.dtype.itemsize <= 2 and np.issubdtype(values.dtype, np.integer):  # a bin a value is faster than a sort
        counts = np.bincount(values.astype(np.intp) - int(values.min()))
        return counts[counts > 0]
    return np.unique(values, return_counts=True)[1]
