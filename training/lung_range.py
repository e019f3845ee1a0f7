"""Where lungs begin and end in an axial CT stack, from air inside the body alone: what ties body coordinates together."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from training.volumes import SmallVolume

BODY_HU = -300.0
LUNG_HU = (-960.0, -600.0)
LEAST_CM2 = 4.0  # of lung on a slice
LEAST_SLICES_BEYOND = 2  # without lung, before an end of the stack says that an end of the lungs was seen
LEAST_LENGTH_MM = 40.0


def lung_cm2(volume: SmallVolume) -> Tensor:
    """The area of air on each slice that body surrounds on all four sides, a rim left out, [N]."""
    body = _eroded((volume.pixels > BODY_HU).float())
    left, above = body.cummax(2).values, body.cummax(1).values
    right, below = body.flip(2).cummax(2).values.flip(2), body.flip(1).cummax(1).values.flip(1)
    air = (volume.pixels > LUNG_HU[0]) & (volume.pixels < LUNG_HU[1])
    lung = _eroded(air.float() * left * above * right * below)
    pixel_mm = volume.side_mm / volume.pixels.shape[2]
    return lung.sum((1, 2)) * pixel_mm**2 / 100


def lung_ends_mm(volume: SmallVolume) -> tuple[float | None, float | None]:
    """Positions of the lowest and the highest slice with lung; None where the stack ends before the lungs do, or shows none."""
    shown = lung_cm2(volume) > LEAST_CM2
    if not shown.any():
        return None, None
    at = torch.where(shown)[0]
    low, high = int(at[0]), int(at[-1])
    if float(volume.position_mm[high] - volume.position_mm[low]) < LEAST_LENGTH_MM:
        return None, None
    base = float(volume.position_mm[low]) if low >= LEAST_SLICES_BEYOND else None
    apex = float(volume.position_mm[high]) if len(shown) - 1 - high >= LEAST_SLICES_BEYOND else None
    return base, apex


def _eroded(mask: Tensor) -> Tensor:
    """A mask [N, H, W] of 0 and 1 without its rim of one pixel."""
    return -max_pool2d(-mask[:, None], 3, 1, 1)[:, 0]
