"""Means of square blocks of pixels, by plain sums: several times as fast on a processor as a pooling layer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def block_means(pixels: "Tensor", size: int) -> "Tensor":
    """Means of blocks of `size` x `size` of frames [B, H, W]: [B, H // size, W // size]; a rest at the far edges is not read."""
    if size == 1:
        return pixels
    rows, columns = pixels.shape[1] // size * size, pixels.shape[2] // size * size
    summed = pixels[:, :rows:size]
    for first in range(1, size):
        summed = summed + pixels[:, first:rows:size]
    across = summed[:, :, :columns:size]
    for first in range(1, size):
        across = across + summed[:, :, first:columns:size]
    return across / size**2
