"""Rings in a CT stack: circles around the axis of rotation, from detector elements that answer wrongly.

Direction: higher is worse. Slice by slice the image is resampled to polar coordinates around the middle of the frame; along
each circle the difference to the mean of the circles 1 mm (at least two pixels) in and out is averaged over those angles where
both lie in soft tissue (Prell et al. 2009 filter the same picture). Differences are held within ±30 HU against borders, or, where
a circle fills half of that, within ±120 HU, and so on to ±480 HU. `amplitude_hu` is the greatest absolute mean beyond a
twelfth of the radius, of circles that run at least a quarter of a turn through soft tissue. The value is the worst that two of
three neighbouring frames reach: a faulty element draws its ring turn after turn, a round edge of anatomy lies in one slice.

Rings are about the axis of rotation, which is taken for the middle of the frame: in a field that was reconstructed off it they
are not seen. Arcs measure their share of the turn; noise adds about its deviation over the square root of the angles.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TISSUE_HU, TYPICAL_SPACING_MM, FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

NUM_ANGLES = 120
STEP = 4.0
CLIPS_HU = (30.0, 30.0 * STEP, 30.0 * STEP**2)
REACH_MM = 1.0
LEAST_REACH = 2
INNER = 1 / 12  # of the greatest radius: nearer in, a circle is too short
LEAST_TURN = 1 / 4

QUANTITIES = {
    "amplitude_hu": Quantity(
        "HU",
        "ring amplitude is {value:.1f} at slice {worst_slices} (median of {num_frames} images "
        "{median:.1f}), limit {limit:.1f}",
        "第 {worst_slices} 层环状伪影幅度 {value:.1f}（{num_frames} 幅图像的中位数 {median:.1f}），限值 {limit:.1f}",
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


def ring_amplitude(rings: "Tensor", reach: int) -> "Tensor":
    """The greatest mean of a circle against those `reach` in and out, HU, [B], from polar values [B, radii, angles]."""
    import torch

    size = rings.shape[1] - 2 * reach
    within, beyond = rings[:, :size], rings[:, 2 * reach :]
    off = rings[:, reach : reach + size] - (within + beyond) / 2
    soft = (within > TISSUE_HU[0]) & (within < TISSUE_HU[1]) & (beyond > TISSUE_HU[0]) & (beyond < TISSUE_HU[1])
    turn = soft.float().mean(2)
    amplitude = torch.zeros_like(turn)
    for bound in CLIPS_HU:
        if bound > CLIPS_HU[0] and not bool((amplitude >= bound / STEP / 2).any()):
            break
        mean = (off.clamp(-bound, bound) * soft).mean(2).abs() / turn.clamp(min=1e-6)
        # A circle that fills half of the narrower bounds is a ring and no border, and is read anew within wider ones.
        amplitude = mean if bound == CLIPS_HU[0] else torch.where(amplitude >= bound / STEP / 2, mean, amplitude)
    radius = (torch.arange(size, device=rings.device) + reach) / rings.shape[1]
    seen = (turn > LEAST_TURN) & (radius > INNER)
    return torch.where(seen.any(1), (amplitude * seen).amax(1), math.nan)


def applies(stack: StackFacts) -> bool:
    """Axial CT images, cut out of others as well, but for scouts, projections and what was calculated."""
    is_slice = stack.nearest_plane == "axial" and not stack.is_localizer and "MIP" not in stack.components
    return stack.modality == "CT" and is_slice and (not stack.derived or stack.role is not None)


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    reach = max(LEAST_REACH, round(REACH_MM / max(frames.spacing_mm or TYPICAL_SPACING_MM)))
    radius = min(frames.pixels.shape[1:]) // 2
    if reach > radius // 4:
        return {"amplitude_hu": torch.full_like(frames.pixels[:, 0, 0], math.nan)}  # a spacing that no image has
    rings = polar(frames.pixels, radius, NUM_ANGLES)
    return {"amplitude_hu": ring_amplitude(rings, reach)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.ring.amplitude_hu", "HU", worst="highest", of_all="lasting")
