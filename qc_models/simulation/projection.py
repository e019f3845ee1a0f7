"""Projects analytic anatomy onto a detector: line integrals of attenuation, soft parts from a coarse volume, bones exactly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.shapes import Floats, Grid, Shape, draw_labels, plane_grid, ray_lengths
from qc_models.simulation.tissues import TISSUE_INDEX

BONES = frozenset({"cortical", "dense_bone", "marrow", "fatty_marrow", "tooth"})


def attenuation_map(
    shapes: Sequence[Shape], grid: Grid, table: NDArray[np.float32], coarse_mm: float = 2.5, depth_mm: float = 420.0
) -> Floats:
    """∫μ dl [rows, columns] over parallel rays along the grid's normal; `table` holds μ in 1/mm by label.

    Soft parts are painted on a volume of `coarse_mm`, `depth_mm` deep about the grid's plane, and smoothly enlarged; bones and
    what is hollowed out of them add the difference to the soft tissue around, exactly and at full sharpness.
    """
    height, width = grid.field_mm
    matrix = max(int(height / coarse_mm), 8), max(int(width / coarse_mm), 8)
    step = coarse_mm * 1.6
    volume = plane_grid(
        grid.center_mm, grid.row_step_mm, grid.column_step_mm, (height, width), matrix, int(depth_mm / step), step
    )
    soft = [shape for shape in shapes if shape.tissue not in BONES]
    total = enlarged(table[draw_labels(soft, volume)].sum(0) * np.float32(step), (grid.rows, grid.columns))
    muscle = float(table[TISSUE_INDEX["muscle"]])
    for shape in shapes:
        excess = sum(
            sign * (float(table[TISSUE_INDEX[tissue]]) - muscle)
            for sign, tissue in ((1, shape.tissue), (-1, shape.within))
            if tissue in BONES
        )
        lengths = ray_lengths(shape, grid) if excess else None
        if lengths is not None:
            total[lengths[0]] += np.float32(excess) * lengths[1]
    return np.maximum(total, 0)


def enlarged(image: Floats, shape: tuple[int, int]) -> Floats:
    """Bilinear enlargement of an image to a larger matrix that covers the same field."""
    result = image
    for axis, size in enumerate(shape):
        old = result.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.minimum(place.astype(int), old - 2) if old > 1 else np.zeros(size, int)
        weight = (place - low).astype(np.float32)
        weight = weight[:, None] if axis == 0 else weight[None, :]
        upper = np.minimum(low + 1, old - 1)
        result = np.take(result, low, axis) * (1 - weight) + np.take(result, upper, axis) * weight
    return result.astype(np.float32)
