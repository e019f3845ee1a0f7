"""From the body coordinates of a stack's slices to what they prove: order, spacing, one scan or two, and where on the body it ends.

A coordinate is how far a slice lies above the lung apex of an adult, as a model sees it in that slice alone. Along a sound axial
stack it rises by about a millimetre a millimetre. It does not where slices are in the wrong order, where their distance is not the
one that is written, or where two scans were put together (Schuhegger 2021, "Body Part Regression for CT Images").
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

UNIT_MM = 100.0  # the model says decimetres
LEAST_SLICES = 10
LEAST_LENGTH_MM = 100.0  # of a stack whose slope tells something
SIDE_SLICES = 4  # on either side of a jump
SIDE_SLOPES = 0.5, 2.0  # of either side of a jump: what runs otherwise is no scan of a body that the model knows
SHARED_MM = 40.0  # from the line on which a stack lies, for the slices that lie on it
SMOOTHING_MM = 12.0  # standard deviation of the weights, at least 1.5 steps
# Places that the learning ties the coordinate to, of adults; others follow from them with the scatter of body sizes.
LANDMARKS_MM: Mapping[str, float] = {"vertex": 300.0, "lung apex": 0.0, "costophrenic angles": -230.0}


@dataclass(frozen=True, slots=True)
class BodyFit:
    """What the coordinates of one axial stack tell; all in mm, `curve_mm` [N] smooth and monotone, in the order of the slices.

    `slope` is the coordinate's rise for each mm towards the head: about 1. `order` is Kendall's tau of slices and coordinates: 1 in
    order, -1 reversed. `jump_mm` is the largest step that no straight line explains, just below the slice `jump_at`. `low_mm`
    and `high_mm` are the ends on the body: a millimetre a millimetre along the line on which most slices lie.
    """

    slope: float
    order: float
    jump_mm: float
    jump_at: int
    low_mm: float
    high_mm: float
    curve_mm: Floats

    def short_of_mm(self, landmark: str) -> float | None:
        """How far the stack stays short of a landmark; negative where it reaches beyond; None of one that is not known."""
        place = LANDMARKS_MM.get(landmark)
        return None if place is None else max(place - self.high_mm, self.low_mm - place)


def fit_body(height_mm: ArrayLike, coordinates: ArrayLike, sure: ArrayLike | None = None) -> BodyFit | None:
    """The fit of slices at some heights (mm, rising to the head), [N], and their coordinates as the model says them, [N].

    `sure` [N] says which of them count: a model knows nothing of parts that it never saw. None of fewer than ten that do.
    """
    height = np.asarray(height_mm, dtype=np.float64)
    said = np.asarray(coordinates, dtype=np.float64) * UNIT_MM
    counted = np.arange(len(height)) if sure is None else np.flatnonzero(np.asarray(sure, dtype=bool))
    if len(counted) < LEAST_SLICES or np.ptp(height[counted]) == 0:
        return None
    order = counted[np.argsort(height[counted], kind="stable")]
    z, c = height[order], said[order]
    first, second = np.triu_indices(len(z), 1)
    apart = z[second] - z[first]
    slopes = (c[second] - c[first])[apart > 0] / apart[apart > 0]
    slope = float(np.median(slopes))  # Theil and Sen; they bear with a quarter of strange slices
    rise = 1.0 if slope >= 0 else -1.0
    jump_mm, jump_at = largest_jump(z, c, rise)
    line = _shared(c - rise * z) + rise * height
    curve = monotone(z, smooth(z, c), rising=slope >= 0)
    return BodyFit(
        slope=slope,
        order=float(np.mean(np.sign(slopes))),
        jump_mm=jump_mm,
        jump_at=int(order[jump_at]),
        low_mm=float(line.min()),
        high_mm=float(line.max()),
        curve_mm=np.interp(height, z, curve) + rise * (height - np.clip(height, z[0], z[-1])),
    )


def largest_jump(height_mm: Floats, coordinate_mm: Floats, rise: float = 1.0) -> tuple[float, int]:
    """The step, mm, and the slice above it, of the line with one step that explains coordinates best.

    (0, 0) of too few slices, and where either side does not run along a body, to the head (`rise` 1) or to the feet (-1).
    """
    number = len(height_mm)
    best, found = np.inf, (0.0, 0)
    for at in range(SIDE_SLICES, number - SIDE_SLICES + 1):
        step = (np.arange(number) >= at).astype(np.float64)
        terms = np.stack((np.ones(number), height_mm - height_mm.mean(), step), 1)
        solution, *_ = np.linalg.lstsq(terms, coordinate_mm, rcond=None)
        left = float(np.abs(terms @ solution - coordinate_mm).sum())
        if left < best:
            best, found = left, (float(solution[2]), at)
    at = found[1]
    runs = at > 0 and all(
        SIDE_SLOPES[0] <= rise * _slope(height_mm[side], coordinate_mm[side]) <= SIDE_SLOPES[1]
        for side in (slice(None, at), slice(at, None))
    )
    return found if runs else (0.0, 0)


def _slope(height_mm: Floats, coordinate_mm: Floats) -> float:
    """The rise of a line by least squares."""
    away = height_mm - height_mm.mean()
    return float(away @ coordinate_mm / (away @ away))


def _shared(offset_mm: Floats) -> float:
    """The offset that most slices share, within a tolerance: the median of those."""
    near = np.abs(offset_mm[:, None] - offset_mm[None]) < SHARED_MM
    return float(np.median(offset_mm[near[near.sum(1).argmax()]]))


def smooth(height_mm: Floats, coordinate_mm: Floats) -> Floats:
    """Each slice's coordinate from the line through its neighbours, weighed by a Gaussian of their distance (Cleveland 1979)."""
    width = max(SMOOTHING_MM, 1.5 * float(np.median(np.diff(height_mm))))
    result = np.empty_like(coordinate_mm)
    for index, middle in enumerate(height_mm):
        away = height_mm - middle
        weight = np.sqrt(np.exp(-0.5 * (away / width) ** 2))
        terms = np.stack((weight, weight * away), 1)
        solution, *_ = np.linalg.lstsq(terms, weight * coordinate_mm, rcond=None)
        result[index] = solution[0]
    return result


def monotone(height_mm: Floats, coordinate_mm: Floats, rising: bool = True) -> Floats:
    """The nearest curve that never turns (pool adjacent violators, Ayer et al. 1955), tilted by a thousandth so that none tie."""
    sign = 1.0 if rising else -1.0
    blocks: list[tuple[float, int]] = []  # mean, slices
    for value in sign * coordinate_mm:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] >= mean:
            before, there = blocks.pop()
            mean, count = (before * there + mean * count) / (there + count), there + count
        blocks.append((mean, count))
    level = np.concatenate([np.full(count, mean) for mean, count in blocks])
    return np.asarray(sign * (level + (height_mm - height_mm.mean()) / 1000))
