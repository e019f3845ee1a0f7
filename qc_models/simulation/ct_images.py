"""CT images of a phantom: Hounsfield units of labels, the blur and the noise texture of a kernel, table and patient on one grid."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.ct_plan import Kernel
from qc_models.simulation.instance_writing import in_blocks
from qc_models.simulation.shapes import Floats, Grid, Shape, draw_labels
from qc_models.simulation.tissues import Phase, hounsfield

# Taps of a separable filter: what a kernel does to edges, and to white noise.
_EDGE_TAPS: dict[Kernel, tuple[float, ...]] = {
    "soft": (0.25, 0.5, 0.25),
    "brain": (0.25, 0.5, 0.25),
    "vessel": (0.2, 0.6, 0.2),
    "bone": (-0.12, 1.24, -0.12),
    "lung": (-0.08, 1.16, -0.08),
}
_NOISE_TAPS: dict[Kernel, tuple[float, ...]] = {
    "soft": (0.06, 0.25, 0.38, 0.25, 0.06),
    "brain": (0.06, 0.25, 0.38, 0.25, 0.06),
    "vessel": (0.05, 0.2, 0.5, 0.2, 0.05),
    "bone": (-0.25, 1.0, -0.25),
    "lung": (-0.2, 1.0, -0.2),
}
_NOISE_FACTOR: dict[Kernel, float] = {"soft": 1.0, "brain": 0.45, "vessel": 1.1, "bone": 3.0, "lung": 2.6}
BLOCK = 16


def noise_of(kernel: Kernel, thickness_mm: float) -> float:
    """Usual noise in HU of a reconstruction: 9 HU for 5 mm soft tissue, rising as slices get thinner and kernels sharper."""
    return float(9.0 * _NOISE_FACTOR[kernel] * min(np.sqrt(5.0 / thickness_mm), 2.2))


def ct_blocks(
    shapes: Sequence[Shape], grid: Grid, phase: Phase, kernel: Kernel, noise_hu: float, rng: np.random.Generator
) -> Iterator[Floats]:
    """Blocks [slices, rows, columns] of a grid in HU, from its first slice on, with noise of standard deviation `noise_hu`."""
    table = hounsfield(phase)
    for start, stop in in_blocks(grid.slices, BLOCK):
        block = table[draw_labels(shapes, grid.part(start, stop))]
        for image in block:
            filtered(image, _EDGE_TAPS[kernel])
            image += np.float32(noise_hu) * noise_field(kernel, image.shape, rng)
        yield block


def filtered(image: Floats, taps: Sequence[float]) -> None:
    """Applies a symmetric separable filter in place, edges left as they are."""
    half = len(taps) // 2
    for axis in (0, 1):
        view = image if axis == 0 else image.T
        result = view[half:-half] * np.float32(taps[half])
        for offset in range(1, half + 1):
            stop = -half + offset
            result += np.float32(taps[half + offset]) * (view[half + offset : stop or None] + view[half - offset : -half - offset])
        view[half:-half] = result


def noise_field(kernel: Kernel, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A noise image of a kernel's texture with mean 0 and standard deviation 1, drawn from a few that are kept."""
    fields = _noise_fields(kernel, shape[0], shape[1])
    field = fields[int(rng.integers(len(fields)))]
    if rng.random() < 0.5:
        field = field[::-1]
    if rng.random() < 0.5:
        field = field[:, ::-1]
    return np.roll(field, (int(rng.integers(shape[0])), int(rng.integers(shape[1]))), (0, 1))


@lru_cache(maxsize=8)
def _noise_fields(kernel: Kernel, rows: int, columns: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(20260901)
    fields = rng.standard_normal((4, rows, columns), np.float32)
    for taps, axis in ((_NOISE_TAPS[kernel], 1), (_NOISE_TAPS[kernel], 2)):
        half = len(taps) // 2
        fields = sum(
            (np.float32(tap) * np.roll(fields, offset - half, axis) for offset, tap in enumerate(taps)),
            start=np.zeros_like(fields),
        )
    fields -= fields.mean((1, 2), keepdims=True)
    fields /= fields.std((1, 2), keepdims=True)
    fields.setflags(write=False)
    return fields
