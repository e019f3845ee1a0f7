"""Where the patient is and where air is, found by thresholds and tensor morphology on a coarse grid, for CT and for MR."""

import math
from typing import TYPE_CHECKING

from qc_models.features.cells import cell_means
from qc_models.features.masked_statistics import histogram, masked_deviation, masked_mean

if TYPE_CHECKING:
    from torch import Tensor

BODY_HU = -400.0
OTSU_BINS = 128
MAX_SWEEPS = 16  # over rows and columns, after which a winding region is left as found


def otsu(values: "Tensor", mask: "Tensor | None" = None) -> "Tensor":
    """The threshold [B] that parts values [B, ...] into two classes of the least scatter (Otsu 1979), from 128 bins.

    Bins span three deviations to both sides of the mean at most, so that a few bright pixels do not decide.
    """
    import torch

    inside = torch.ones_like(values, dtype=torch.bool) if mask is None else mask
    mean, spread = masked_mean(values, inside, 2)[:, None], masked_deviation(values, inside, 2)[:, None]
    flat = values.flatten(1)
    low = torch.maximum(torch.where(inside.flatten(1), flat, math.inf).amin(1, keepdim=True), mean - 3 * spread)
    high = torch.minimum(torch.where(inside.flatten(1), flat, -math.inf).amax(1, keepdim=True), mean + 3 * spread)
    counts = histogram(flat, inside.flatten(1), low, high, OTSU_BINS)
    centre = torch.arange(OTSU_BINS, device=values.device, dtype=torch.float32) + 0.5
    below, total = counts.cumsum(1), counts.sum(1, keepdim=True)
    weighed = (counts * centre).cumsum(1)
    above = total - below
    between = (weighed * total - weighed[:, -1:] * below) ** 2 / (below * above).clamp(min=1e-9)
    between = torch.where((below > 0) & (above > 0), between, -1.0)
    # Where a valley of empty bins gives the same value all along, its middle is the threshold.
    best = (between >= between.amax(1, keepdim=True) * (1 - 1e-6)).float()
    place = (best * (centre + 0.5)).sum(1) / best.sum(1)
    return low[:, 0] + place * (high - low)[:, 0] / OTSU_BINS


def dilated(mask: "Tensor", radius: int) -> "Tensor":
    """A mask [B, H, W] and what lies within `radius` pixels of it, by a square."""
    for dim in (1, 2):
        size, done = mask.shape[dim], 0
        while done < min(radius, size - 1):  # steps double: a radius r takes log2(r) of them
            step = min(radius - done, done + 1)
            grown = mask.clone()
            grown.narrow(dim, step, size - step).logical_or_(mask.narrow(dim, 0, size - step))
            grown.narrow(dim, 0, size - step).logical_or_(mask.narrow(dim, step, size - step))
            mask, done = grown, done + step
    return mask


def eroded(mask: "Tensor", radius: int) -> "Tensor":
    """A mask [B, H, W] less what lies within `radius` pixels of its outside, by a square; the frame's edge takes nothing."""
    return ~dilated(~mask, radius)


def opened(mask: "Tensor", radius: int) -> "Tensor":
    """A mask without its parts that are narrower than 2 · `radius` + 1 pixels."""
    return dilated(eroded(mask, radius), radius)


def without_holes(mask: "Tensor") -> "Tensor":
    """A mask [B, H, W] and what it closes in on all four sides: holes, and bays that no straight line from the edge sees."""
    return _between_ends(mask, 1) & _between_ends(mask, 2) | mask


def _between_ends(mask: "Tensor", dim: int) -> "Tensor":
    """From the first to the last place of a mask along `dim`, both included."""
    place, first, last = _ends(mask, dim)
    return (place >= first) & (place <= last)


def at_ends(mask: "Tensor", dim: int) -> "Tensor":
    """The first and the last place of a mask [B, H, W] along `dim`."""
    place, first, last = _ends(mask, dim)
    return (place == first) | (place == last)


def _ends(mask: "Tensor", dim: int) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Places along `dim`, from 1, and the first and last of a mask [B, H, W] there; beyond all places where it has none."""
    import torch

    size = mask.shape[dim]
    place = torch.arange(1, size + 1, device=mask.device, dtype=torch.int16)
    place = place[:, None] if dim == 1 else place
    last = (mask * place).amax(dim, keepdim=True)
    first = size + 1 - (mask * (size + 1 - place)).amax(dim, keepdim=True)
    return place, first, last


def largest_region(mask: "Tensor") -> "Tensor":
    """The region of a mask [B, H, W] that fills best one of the 8 x 8 parts of the frame: the body, and no table."""
    import torch

    part = max(1, min(mask.shape[1:]) // 8)
    filled = cell_means(mask.float(), part, part)
    best = filled.flatten(1).argmax(1)[:, None, None]
    row = torch.arange(mask.shape[1], device=mask.device)[:, None] // part
    column = torch.arange(mask.shape[2], device=mask.device) // part
    region = mask & (row == best // filled.shape[2]) & (column == best % filled.shape[2])
    reaches = [(_reach(mask, dim, ahead), dim, ahead) for dim in (1, 2) for ahead in (True, False)]
    for _ in range(MAX_SWEEPS):
        grown = region.clone()
        for reach, dim, ahead in reaches:
            _run_fill(grown, reach, dim, ahead)
        if torch.equal(grown, region):
            break
        region = grown
    return region


def _reach(mask: "Tensor", dim: int, ahead: bool) -> list["Tensor"]:
    """For steps of 1, 2, 4, … along `dim` (`ahead`, or back): where a step lands without having left the mask."""
    import torch

    size, step, free, reach = mask.shape[dim], 1, mask, []
    while step < size:
        rest = size - step
        landed = free.narrow(dim, step if ahead else 0, rest)
        reach.append(landed)
        longer = torch.zeros_like(free)  # of twice the step: also free on the step before
        before = free.narrow(dim, 0 if ahead else step, rest)
        torch.logical_and(landed, before, out=longer.narrow(dim, step if ahead else 0, rest))
        free, step = longer, 2 * step
    return reach


def _run_fill(region: "Tensor", reach: list["Tensor"], dim: int, ahead: bool) -> None:
    """Adds to a region, in place, what lies behind it along `dim` without leaving the mask; steps double."""
    for landed in reach:
        rest = landed.shape[dim]
        step = region.shape[dim] - rest
        target, source = (step, 0) if ahead else (0, step)
        region.narrow(dim, target, rest).logical_or_(region.narrow(dim, source, rest) & landed)


def ct_body(means_hu: "Tensor", pixel_mm: float) -> "Tensor":
    """The body in coarse means [B, h, w] in HU: above -400 HU, no part thinner than 6 mm, the main region, lungs closed in."""
    tissue = opened(means_hu > BODY_HU, max(1, round(3.0 / pixel_mm)))
    return without_holes(largest_region(tissue))


def mr_body(means: "Tensor") -> "Tensor":
    """The body in coarse means [B, h, w] of a magnitude image: Otsu of the square root, specks dropped, holes closed in."""
    root = means.clamp(min=0).sqrt()
    tissue = root > otsu(root).reshape(-1, 1, 1)
    return without_holes(without_holes(opened(tissue, 1)))


def mr_air(means: "Tensor", samples: "Tensor", body: "Tensor") -> "Tensor":
    """Air around a body of an MR image, [B, h, w]: outside it by a margin, off the frame's rim, and dark.

    Nothing at all where it is less than 2 % of the frame, brighter than a quarter of the body (then it is no air), or filled
    with zeros by the scanner (then its noise is gone).
    """
    height, width = body.shape[1:]
    margin = max(2, min(height, width) // 32)
    air = ~dilated(body, margin)
    air[:, :2], air[:, -2:], air[:, :, :2], air[:, :, -2:] = False, False, False, False
    air_mean, body_mean = _mean(means, air), _mean(means, body)
    zeros = _mean((samples <= 0).float(), air)
    share = air.flatten(1).sum(1) / (height * width)
    is_air = (share > 0.02) & (air_mean < 0.25 * body_mean) & (zeros < 0.5)
    return air & is_air.reshape(-1, 1, 1)


def _mean(values: "Tensor", mask: "Tensor") -> "Tensor":
    return (values * mask).flatten(1).sum(1) / mask.flatten(1).sum(1).clamp(min=1)
