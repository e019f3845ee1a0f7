"""The low contrast detectability of a CT stack: the difference in HU that a disc of 5 mm needs to be seen in soft tissue.

Direction: higher is worse. Slice by slice 3.29 · standard deviation of the means of squares of 5 mm in soft tissue, at which
disc and background are told apart in 95 % (Chao et al. 2000, statistical low contrast detectability; AAPM TG-233). Anatomy is
taken off: of neighbouring squares the differences are taken, divided by sqrt(2), and their spread is 1.4826 · the median
absolute value. The value is the median over the frames.

Grainy tissue and vessels raise it a little; correlated noise is seen as it is, unlike in a pixel's deviation.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.cells import cell_means
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TISSUE_HU, TYPICAL_SPACING_MM, FrameFeatures
from qc_models.features.masked_statistics import masked_median
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

DISC_MM = 5.0
LEAST_DISCS = 4  # across the frame
CONFIDENCE = 3.29  # 95 % on both sides

QUANTITIES = {
    "disc_5mm_hu": Quantity(
        "HU",
        "contrast that a disc of 5 mm needs is {value:.1f} (median of {num_frames} images; highest "
        "{worst:.1f} at slice {worst_slice}), limit {limit:.1f}",
        "5 mm 圆盘可辨所需对比度 {value:.1f}（{num_frames} 幅图像的中位数；最高 {worst:.1f}，第 {worst_slice} 层），限值 "
        "{limit:.1f}",
        remedy_en="check tube current, slice thickness and kernel",
        remedy_zh="请核对管电流、层厚和重建算法",
    ),
}


def detectable_contrast(discs_hu: "Tensor", soft: "Tensor") -> "Tensor":
    """3.29 · the deviation of means of squares [B, h, w] from neighbour to neighbour where both are soft tissue: [B], HU."""
    import torch

    down, across = (discs_hu[:, 1:] - discs_hu[:, :-1]).abs(), (discs_hu[:, :, 1:] - discs_hu[:, :, :-1]).abs()
    both_down, both_across = soft[:, 1:] & soft[:, :-1], soft[:, :, 1:] & soft[:, :, :-1]
    differences = torch.cat((down.flatten(1), across.flatten(1)), 1)
    both = torch.cat((both_down.flatten(1), both_across.flatten(1)), 1)
    return CONFIDENCE * 1.4826 / math.sqrt(2) * masked_median(differences, both)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    row_mm, column_mm = frames.spacing_mm or TYPICAL_SPACING_MM
    rows, columns = max(1, round(DISC_MM / row_mm)), max(1, round(DISC_MM / column_mm))
    if max(rows, columns) > min(frames.pixels.shape[1:]) // LEAST_DISCS:
        return {"disc_5mm_hu": torch.full_like(frames.pixels[:, 0, 0], math.nan)}  # a spacing that no image has
    discs = cell_means(frames.pixels, rows, columns)
    return {"disc_5mm_hu": detectable_contrast(discs, (discs > TISSUE_HU[0]) & (discs < TISSUE_HU[1]))}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.low_contrast.disc_5mm_hu", "HU", worst="highest", of_all="median")
