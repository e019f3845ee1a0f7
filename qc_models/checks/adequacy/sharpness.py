"""The sharpness of a CT stack: how wide the step from air to skin is drawn, in mm.

Direction: higher is worse. Slice by slice, from the top of the frame down each column of the middle third and from both sides
along each row of the middle third, the first pixel above -500 HU is the skin. An edge drawn by a Gaussian spread has the
greatest slope (skin - air) / (σ sqrt(2π)); hence FWHM = 2.35482 · (skin - air) / (slope · sqrt(2π)), with the median over the
lines (patient edge method, after Sanders et al. 2016, doi 10.1118/1.4961984). Skin and air are the means from three to eight
pixels behind and before. The value is the median over the frames. Hair, clothes and slanting skin widen it.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TYPICAL_SPACING_MM, FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

SKIN_HU = -500.0
AIR_HU = -1000.0
REACH = 8  # pixels to each side of the edge
LEAST_STEP_HU = 500.0
LEAST_LINES = 20

QUANTITIES = {
    "edge_fwhm_mm": Quantity(
        "mm",
        "width of the skin edge (FWHM) is {value:.2f} (median of {num_frames} images; highest "
        "{worst:.2f} at slice {worst_slice}), limit {limit:.2f}",
        "皮肤边缘宽度（FWHM） {value:.2f}（{num_frames} 幅图像的中位数；最高 {worst:.2f}，第 {worst_slice} 层），限值 {limit:.2f}",
        remedy_en="check kernel, matrix, field of view and motion",
        remedy_zh="请核对重建算法、矩阵、视野和运动",
    ),
}


def edge_widths(lines_hu: "Tensor", pixel_mm: float) -> "Tensor":
    """FWHM in mm of the first step above -500 HU along lines [B, L, N]: [B, L]; NaN without air before."""
    import torch

    length = lines_hu.shape[2]
    first = (lines_hu > SKIN_HU).to(torch.uint8).argmax(2, keepdim=True)
    place = first + torch.arange(-REACH, REACH + 1, device=lines_hu.device)
    window = lines_hu.gather(2, place.clamp(0, length - 1)).clamp(min=AIR_HU)  # padding may lie far below air
    slope = (window[..., 2:] - window[..., :-2]).amax(2) / 2
    air, skin = window[..., : REACH - 2].mean(2), window[..., REACH + 3 :].mean(2)
    width = 2.35482 / math.sqrt(2 * math.pi) * pixel_mm * (skin - air) / slope.clamp(min=1e-6)
    found = (first[..., 0] >= REACH) & (first[..., 0] < length - REACH)
    is_edge = found & (air < -800) & (skin - air > LEAST_STEP_HU)
    return torch.where(is_edge, width, math.nan)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    pixels = frames.pixels
    height, width = pixels.shape[1:]
    row_mm, column_mm = frames.spacing_mm or TYPICAL_SPACING_MM
    columns = pixels[:, : height // 2, width // 3 : 2 * width // 3 : 2].transpose(1, 2)
    rows = pixels[:, height // 3 : 2 * height // 3 : 2]
    left, right = rows[..., : width // 2], rows.flip(2)[..., : width // 2]
    widths = torch.cat((edge_widths(columns, row_mm), edge_widths(left, column_mm), edge_widths(right, column_mm)), 1)
    few = (~widths.isnan()).sum(1) < LEAST_LINES
    return {"edge_fwhm_mm": widths.nanmedian(1).values.masked_fill(few, math.nan)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.sharpness.edge_fwhm_mm", "mm", worst="highest", of_all="median")
