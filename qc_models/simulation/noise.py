"""Noise textures and small separable filters: fields of unit noise are drawn once and reused, rolled and flipped."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.shapes import Floats

WHITE = (1.0,)


def filtered(image: Floats, taps: Sequence[float]) -> None:
    """Applies a symmetric separable filter in place, edges left as they are."""
    half = len(taps) // 2
    for axis in (0, 1):
        view = image if axis == 0 else image.T
        result = view[half:-half] * np.float32(taps[half])
        for offset in range(1, half + 1):
            stop = -half + offset
            result += np.float32(taps[half + offset]) * (
                view[half + offset : stop or None] + view[half - offset : -half - offset]
            )
        view[half:-half] = result


def noise_field(taps: tuple[float, ...], shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A noise image of mean 0 and standard deviation 1, drawn from a few that are kept; `taps` filter its rows and columns."""
    fields = _noise_fields(taps, shape[0], shape[1])
    field = fields[int(rng.integers(len(fields)))]
    if rng.random() < 0.5:
        field = field[::-1]
    if rng.random() < 0.5:
        field = field[:, ::-1]
    return np.roll(field, (int(rng.integers(shape[0])), int(rng.integers(shape[1]))), (0, 1))


@lru_cache(maxsize=8)
def _noise_fields(taps: tuple[float, ...], rows: int, columns: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(20260901)
    fields = rng.standard_normal((4, rows, columns), np.float32)
    half = len(taps) // 2
    for axis in (1, 2):
        fields = sum(
            (np.float32(tap) * np.roll(fields, offset - half, axis) for offset, tap in enumerate(taps)),
            start=np.zeros_like(fields),
        )
    fields -= fields.mean((1, 2), keepdims=True)
    fields /= fields.std((1, 2), keepdims=True)
    fields.setflags(write=False)
    return fields
