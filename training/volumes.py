"""Reads the small volumes of manifest rows: their slices as they were taken, and slices through them in the other two planes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from qc_models.errors import InputError
from qc_models.vocabulary import Plane
from training.manifest import Row

CT_SLOPE, CT_INTERCEPT = 8.0, -1000.0  # HU of a stored value
LEAST_DEPTH_MM, LEAST_SLICES, MOST_STEP_MM = 100.0, 15, 7.0  # of a volume that is cut in other planes
_OTHER_PLANES: dict[str, tuple[Plane, Plane]] = {  # along rows, along columns of its slices
    "axial": ("coronal", "sagittal"),
    "sagittal": ("axial", "coronal"),
    "coronal": ("axial", "sagittal"),
}


@dataclass(frozen=True)
class SmallVolume:
    """Slices [N, H, W] in HU or scaled MR values, ascending in `position_mm` along their normal (for axial ones, to the head)."""

    pixels: Tensor
    position_mm: Tensor
    side_mm: float
    plane: str

    @property
    def step_mm(self) -> float:
        """The usual distance of slices."""
        return float(self.position_mm.diff().median()) if len(self.position_mm) > 1 else 0.0

    @property
    def share(self) -> Tensor:
        """How far along the stack each slice lies, 0 to 1, [N]."""
        from_first = self.position_mm - self.position_mm[0]
        return from_first / from_first[-1].clamp(min=1e-6)


def small_volume(row: Row, data: Path) -> SmallVolume:
    """The volume of a row; raises InputError where it cannot be read."""
    try:
        with np.load(data / row.path) as parts:
            stored = torch.from_numpy(parts["volume"].astype(np.float32))
            position_mm = torch.from_numpy(parts["position_mm"].astype(np.float32))
            side_mm = float(parts["side_mm"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{row.path}: cannot be read ({error}); restore the file or build the manifest again"
        ) from error
    pixels = stored * CT_SLOPE + CT_INTERCEPT if row.modality == "CT" else stored
    return SmallVolume(pixels, position_mm, side_mm, next(iter(row.said("plane")), ""))


def cuts(volume: SmallVolume, each: int) -> Iterator[tuple[Plane, Tensor]]:
    """Slices [n, H, W] through the middle half of a volume in its other two planes, `each` of either, upright, of true shape.

    Nothing of a volume that is too thin or too coarse.
    """
    depth_mm = float(volume.position_mm[-1] - volume.position_mm[0]) + volume.step_mm
    coarse = not 0 < volume.step_mm <= MOST_STEP_MM
    if coarse or depth_mm < LEAST_DEPTH_MM or len(volume.pixels) < LEAST_SLICES or volume.plane not in _OTHER_PLANES:
        return
    side = volume.pixels.shape[1]
    depth = max(8, round(depth_mm / volume.side_mm * side))
    for axis, plane in zip((1, 2), _OTHER_PLANES[volume.plane], strict=True):
        at = torch.linspace(side * 0.25, side * 0.75, each).long()
        parts = volume.pixels.index_select(axis, at).movedim(axis, 0)
        parts = interpolate(parts[:, None], size=(depth, side), mode="bilinear", align_corners=False)[:, 0]
        # Of axial stacks the head goes up; of others the slices lie side by side.
        yield plane, parts.flip(1) if volume.plane == "axial" else parts.transpose(1, 2)
