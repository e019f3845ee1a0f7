"""Rings in a CT stack: circles around the axis of rotation, from detector elements that answer wrongly.

Direction: higher is worse. Slice by slice the image is resampled to polar coordinates around the middle of the frame; along
each circle within the body the difference to the mean of the circles two pixels in and out, held within ±30 HU, is averaged
over the angle (Prell et al. 2009 filter the same picture). `amplitude_hu` is the greatest absolute mean beyond a twelfth of the
frame, of circles that run at least a third of a turn through soft tissue; the value is that of the worst of at most 48 frames.

Only where the middle of the frame is the axis of rotation (no shifted reconstruction) are rings seen; noise adds about its
deviation over the square root of the angles.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import TISSUE_HU, FrameFeatures
from qc_models.features.lines import off_neighbours
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

NUM_ANGLES = 180
CLIP_HU = 30.0
INNER = 1 / 6  # of the greatest radius: nearer in, a circle is too short
LEAST_TURN = 1 / 3

QUANTITIES = {
    "amplitude_hu": Quantity(
        "HU",
        "ring amplitude is {value:.1f} at slice {worst_slice} (median of {num_frames} images "
        "{median:.1f}), limit {limit:.1f}",
        "第 {worst_slice} 层环状伪影幅度 {value:.1f}（{num_frames} 幅图像的中位数 {median:.1f}），限值 {limit:.1f}",
        remedy_en="calibrate the detector (air calibration); reconstruct again",
        remedy_zh="请做探测器空气校准；重新重建",
    ),
}


def polar(values: "Tensor", num_radii: int, num_angles: int) -> "Tensor":
    """Values [B, H, W] around the middle of the frame, [B, radii, angles], radii from 0 to half the short side by half pixels."""
    import torch
    from torch.nn.functional import grid_sample

    height, width = values.shape[1:]
    radius = torch.arange(num_radii, device=values.device) * (min(height, width) / 2 / num_radii)
    angle = torch.arange(num_angles, device=values.device) * (2 * math.pi / num_angles)
    x = radius[:, None] * angle.cos() * (2 / width)
    y = radius[:, None] * angle.sin() * (2 / height)
    grid = torch.stack((x, y), 2).expand(len(values), -1, -1, -1)
    return grid_sample(values[:, None], grid, align_corners=False)[:, 0]


def ring_amplitude(rings: "Tensor") -> "Tensor":
    """The greatest mean of a circle against the circles two in and out, HU, [B], from polar values [B, radii, angles]."""
    import torch

    off = off_neighbours(rings, 1)
    soft = (rings > TISSUE_HU[0]) & (rings < TISSUE_HU[1])
    soft = soft[:, 2:-2] & soft[:, :-4] & soft[:, 4:]
    turn = soft.float().mean(2)
    mean = (off.clamp(-CLIP_HU, CLIP_HU) * soft).mean(2) / turn.clamp(min=1e-6)
    radius = (torch.arange(mean.shape[1], device=rings.device) + 2) / rings.shape[1]
    seen = (turn > LEAST_TURN) & (radius > INNER)
    return torch.where(seen.any(1), (mean.abs() * seen).amax(1), math.nan)


def applies(stack: StackFacts) -> bool:
    """Axial CT images as acquired, but for scouts and projections."""
    is_slice = stack.nearest_plane == "axial" and not stack.is_localizer and "MIP" not in stack.components
    return stack.modality == "CT" and is_slice and not stack.derived


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    return {"amplitude_hu": ring_amplitude(polar(frames.pixels, min(frames.pixels.shape[1:]) // 2, NUM_ANGLES))}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.ring.amplitude_hu", "HU", worst="highest", of_all="worst")
