"""Parallel projection of slices and filtered back-projection (Kak and Slaney 1988, chapter 3), on coarse grids."""

from collections.abc import Iterator

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats
from qc_models.simulation.projection import enlarged


def view_angles(count: int) -> Floats:
    """`count` angles over half a turn; at 0 rays run along the columns' direction (up and down), at π/2 along the rows."""
    return (np.arange(count) * (np.pi / count)).astype(np.float32)


def project(images: Floats, angles: Floats) -> Floats:
    """Line integrals in pixels, [slices, angles, bins], of images [slices, rows, columns]; zero where all images are."""
    used = np.flatnonzero(images.any(0))
    bins = _bins(images.shape[1:])
    result = np.zeros((len(images), len(angles), bins), np.float32)
    values = images.reshape(len(images), -1)[:, used]
    for view, (low, weight) in enumerate(_places(images.shape[1:], angles)):
        first, share = low[used], weight[used]
        for index, row in enumerate(values):
            upper = row * share
            result[index, view] = np.bincount(first, row - upper, bins) + np.bincount(first + 1, upper, bins)
    return result


def reconstruct(sinograms: Floats, angles: Floats, shape: tuple[int, int], step: float | None = None) -> Floats:
    """Images [slices, rows, columns] by ramp filter and back-projection; `step` is the angle a view stands for."""
    bins = sinograms.shape[-1]
    offset = np.fft.fftfreq(2 * bins, 1 / (2 * bins)).astype(int)
    kernel = np.where(offset % 2 == 1, -1 / (np.pi * np.where(offset == 0, 1, offset)) ** 2, 0.0)
    kernel[0] = 0.25
    ramp = np.fft.rfft(kernel).real
    filtered = np.fft.irfft(np.fft.rfft(sinograms, 2 * bins) * ramp)[..., :bins].astype(np.float32)
    result = np.zeros((len(sinograms), shape[0] * shape[1]), np.float32)
    for view, (low, weight) in enumerate(_places(shape, angles)):
        rows = filtered[:, view]
        slope = np.diff(rows, append=0).astype(np.float32)
        result += rows[:, low] + slope[:, low] * weight
    return (result * np.float32(step or np.pi / len(angles))).reshape(-1, *shape)


def shrunk(stack: Floats, longest: int) -> tuple[Floats, int]:
    """The stack averaged over square blocks so that no side passes `longest`, and the block's side; a rest is left out."""
    block = -(-max(stack.shape[1:]) // longest)
    rows, columns = (size // block for size in stack.shape[1:])
    cut = stack[:, : rows * block, : columns * block].reshape(len(stack), rows, block, columns, block)
    return cut.mean((2, 4), dtype=np.float32), block


def widened(stack: Floats, shape: tuple[int, ...]) -> Floats:
    """The stack enlarged to other rows and columns of the same field."""
    return np.stack([enlarged(image, (shape[1], shape[2])) for image in stack])


def _bins(shape: tuple[int, ...]) -> int:
    return int(np.hypot(shape[0], shape[1])) + 4


def _places(shape: tuple[int, ...], angles: Floats) -> Iterator[tuple[np.ndarray, Floats]]:
    """For each angle the lower of the two bins that a pixel falls between, and the weight of the upper one."""
    rows, columns = (np.arange(size, dtype=np.float32) - (size - 1) / 2 for size in shape)
    middle = (_bins(shape) - 1) / 2
    for angle in angles:
        place = (np.cos(angle) * columns[None] + np.sin(angle) * rows[:, None] + middle).ravel().astype(np.float32)
        low = place.astype(np.int64)
        yield low, place - low.astype(np.float32)
