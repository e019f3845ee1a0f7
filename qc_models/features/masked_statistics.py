"""Means, deviations and quantiles of the pixels under a mask, frame by frame, without a sort and without a loop."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

BINS = 512  # of a histogram between the least and the greatest value under the mask
LEAST_SPREAD = 2e-3  # of the mean, below which a sum of squares in single precision tells no spread
MIN_PIXELS = 64  # under a mask, below which a statistic is NaN


def masked_mean(values: "Tensor", mask: "Tensor", min_pixels: int = MIN_PIXELS) -> "Tensor":
    """The mean of values [B, ...] under a mask of the same shape: [B]; NaN below `min_pixels`."""
    import torch

    count = mask.flatten(1).sum(1)
    total = torch.where(mask, values, 0.0).flatten(1).sum(1)
    return torch.where(count >= min_pixels, total / count.clamp(min=1), math.nan)


def masked_deviation(values: "Tensor", mask: "Tensor", min_pixels: int = MIN_PIXELS) -> "Tensor":
    """The sample standard deviation of values [B, ...] under a mask: [B]; NaN below `min_pixels`."""
    import torch

    mean = masked_mean(values, mask, min_pixels)
    count = mask.flatten(1).sum(1)
    away = torch.where(mask, values - mean.reshape(-1, *[1] * (values.ndim - 1)), 0.0)
    return ((away * away).flatten(1).sum(1) / (count - 1).clamp(min=1)).sqrt() + mean * 0


def masked_quantiles(
    values: "Tensor", mask: "Tensor", shares: tuple[float, ...], min_pixels: int = MIN_PIXELS
) -> "Tensor":
    """Quantiles of values [B, ...] under a mask, [B, len(shares)], interpolated in a histogram; NaN below `min_pixels`.

    The histogram spans six deviations to both sides of the mean at most, so that one bright pixel costs no precision.
    """
    import torch

    flat, inside = values.flatten(1), mask.flatten(1)
    known = torch.where(inside, flat, 0.0)
    count = inside.sum(1, keepdim=True)
    mean = known.sum(1, keepdim=True) / count.clamp(min=1)
    # In one pass, which is inexact where the mean is large: the spread only bounds the histogram.
    variance = torch.linalg.vecdot(known, known)[:, None] / count.clamp(min=1) - mean.square()
    spread = torch.maximum(variance.clamp(min=0).sqrt(), mean.abs() * LEAST_SPREAD)
    ends = torch.where(inside, flat, mean).aminmax(dim=1, keepdim=True)
    low, high = torch.maximum(ends.min, mean - 6 * spread), torch.minimum(ends.max, mean + 6 * spread)
    none = (count < min_pixels) | mean.isnan()
    found = _quantiles(flat, inside, low.masked_fill(none, 0.0), high.masked_fill(none, 1.0), shares)
    return found.masked_fill(none, math.nan)


def masked_median(values: "Tensor", mask: "Tensor", min_pixels: int = MIN_PIXELS) -> "Tensor":
    """The median of values [B, ...] under a mask: [B]."""
    return masked_quantiles(values, mask, (0.5,), min_pixels)[:, 0]


def histogram(flat: "Tensor", inside: "Tensor", low: "Tensor", high: "Tensor", bins: int) -> "Tensor":
    """Counts [B, bins] of flat values [B, N] that are `inside`, between low and high [B, 1]; beyond them in the end bins."""
    import torch

    number = ((flat - low) * (bins / (high - low).clamp(min=1e-20))).nan_to_num(0.0).clamp(0, bins - 1).long()
    counts = torch.zeros(len(flat), bins, device=flat.device)
    return counts.scatter_add_(1, number, inside.float())


def _quantiles(flat: "Tensor", inside: "Tensor", low: "Tensor", high: "Tensor", shares: tuple[float, ...]) -> "Tensor":
    import torch

    counts = histogram(flat, inside, low, high, BINS)
    reached = counts.cumsum(1)
    wanted = torch.tensor(shares, device=flat.device) * reached[:, -1:]
    place = torch.searchsorted(reached, wanted.contiguous()).clamp(max=BINS - 1)
    held = counts.gather(1, place).clamp(min=1)
    within = ((wanted - (reached.gather(1, place) - held)) / held).clamp(0, 1)
    return low + (place + within) * (high - low) / BINS
