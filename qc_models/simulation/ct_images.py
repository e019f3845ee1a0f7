"""CT images of a phantom: Hounsfield units of labels, the blur and the noise texture of a kernel, table and patient on one grid."""

from collections.abc import Iterator, Sequence

import numpy as np

from qc_models.simulation.ct_plan import Kernel
from qc_models.simulation.instance_writing import in_blocks
from qc_models.simulation.noise import filtered, noise_field
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


def noise_of(kernel: Kernel, thickness_mm: float) -> float:
    """Usual noise in HU of a reconstruction: 9 HU for 5 mm soft tissue, rising as slices get thinner and kernels sharper."""
    return float(9.0 * _NOISE_FACTOR[kernel] * min(np.sqrt(5.0 / thickness_mm), 2.2))


def ct_blocks(
    shapes: Sequence[Shape], grid: Grid, phase: Phase, kernel: Kernel, noise_hu: float, rng: np.random.Generator
) -> Iterator[Floats]:
    """Blocks [slices, rows, columns] of a grid in HU, from its first slice on, with noise of standard deviation `noise_hu`."""
    table = hounsfield(phase)
    for start, stop in in_blocks(grid.shape):
        block = table[draw_labels(shapes, grid.part(start, stop))]
        for image in block:
            filtered(image, _EDGE_TAPS[kernel])
            image += np.float32(noise_hu) * noise_field(_NOISE_TAPS[kernel], image.shape, rng)
        yield block
