"""The centring of a CT stack: how far the middle of the body lies from the middle of the frame.

Direction: higher is worse. Slice by slice the centroid of the body mask (above -400 HU, without the table, lungs closed in)
against the middle of the frame: `offset_ratio` is the distance over the frame's side, as public implementations of
YXY-QC-2025-A1 limit it (0.15); `offset_mm` is the distance in mm. Values are medians over the frames, so that a bent
neck or one cut slice does not decide.

The middle of the frame is where the reconstruction was centred, which need not be the axis of rotation; a field centred on the
heart or a joint is off on purpose.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import MIN_PIXELS
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "offset_ratio": Quantity(
        "1",
        "distance of the body from the middle, as a share of the frame, is {value:.2f} (median of "
        "{num_frames} images; highest {worst:.2f} at slice {worst_slice}), limit {limit:.2f}",
        "人体偏中心比例 {value:.2f}（{num_frames} 幅图像的中位数；最高 {worst:.2f}，第 {worst_slice} 层），限值 {limit:.2f}",
        remedy_en="centre the patient, and the reconstruction on the patient",
        remedy_zh="请将患者居中，并以患者为中心重建",
    ),
    "offset_mm": Quantity(
        "mm",
        "distance of the body from the middle is {value:.0f} (median of {num_frames} images; "
        "highest {worst:.0f} at slice {worst_slice}), limit {limit:.0f}",
        "人体中心偏离图像中心 {value:.0f}（{num_frames} 幅图像的中位数；最高 {worst:.0f}，第 {worst_slice} 层），限值 {limit:.0f}",
        remedy_en="centre the patient, and the reconstruction on the patient",
        remedy_zh="请将患者居中，并以患者为中心重建",
    ),
}


def centroid_offset(body: "Tensor") -> tuple["Tensor", "Tensor"]:
    """How far the centroid of a mask [B, h, w] lies from its middle, as shares of its sides: [B] each."""
    import torch

    found = []
    for dim in (1, 2):
        size = body.shape[dim]
        profile = body.sum(3 - dim).float()
        place = (torch.arange(size, device=body.device) + 0.5) / size - 0.5
        total = profile.sum(1)
        found.append(torch.where(total >= MIN_PIXELS, (profile * place).sum(1) / total, math.nan))
    return found[0], found[1]


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    down, across = centroid_offset(frames.body)
    height, width = frames.pixels.shape[1:]
    row_mm, column_mm = frames.spacing_mm or (math.nan, math.nan)
    return {
        "offset_ratio": torch.hypot(down, across),
        "offset_mm": torch.hypot(down * (height * row_mm), across * (width * column_mm)),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.centering.offset_ratio", "1", worst="highest", of_all="median")
    yield from curve.measurement("adequacy.centering.offset_mm", "mm", worst="highest", of_all="median")
