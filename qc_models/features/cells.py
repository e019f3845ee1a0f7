"""Means and peaks of rectangular cells of pixels, the coarse grids on which most features live.

Whole lines are summed first, then their neighbours pixel by pixel: on a processor twice to five times as fast as pooling.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MOST_STEPS = 8  # columns of a cell that are added one by one; of wider cells a sum is faster


def cell_means(values: "Tensor", rows: int, columns: int) -> "Tensor":
    """Means of cells of `rows` x `columns` values, [B, H // rows, W // columns]; what is left at the far edges is not read."""
    import torch

    if rows == columns == 1:
        return values
    lines = torch.sum(_split(values, 1, rows), 2)
    parts = _split(lines, 2, columns)
    if columns > MOST_STEPS:
        return torch.sum(parts, 3) / (rows * columns)
    total = parts[..., 0].clone()
    for number in range(1, columns):
        torch.add(total, parts[..., number], out=total)
    return total.div_(rows * columns)


def cell_peaks(values: "Tensor", rows: int, columns: int) -> "Tensor":
    """The greatest value of cells of `rows` x `columns`, [B, H // rows, W // columns]."""
    import torch

    return values if rows == columns == 1 else torch.amax(_split(torch.amax(_split(values, 1, rows), 2), 2, columns), 3)


def window_means(values: "Tensor", size: int, step: int) -> "Tensor":
    """Means of windows of `size` x `size` values, each `step` further, [B, (H - size) // step + 1, (W - size) // step + 1]."""
    import torch

    for dim in (1, 2):
        reach = (values.shape[dim] - size) // step * step + 1
        parts = [torch.narrow(values, dim, first, reach) for first in range(size)]
        parts = [part[:, ::step] if dim == 1 else part[..., ::step] for part in parts]
        total = parts[0].clone()
        for part in parts[1:]:
            torch.add(total, part, out=total)
        values = total
    return values.div_(size * size)


def _split(values: "Tensor", dim: int, size: int) -> "Tensor":
    """Values [B, H, W] with `dim` cut into parts of `size`, each part along a new axis behind it; a view, no copy."""
    import torch

    count = values.shape[dim] // size
    parts: Tensor = torch.unflatten(values.narrow(dim, 0, count * size), dim, (count, size))
    return parts
