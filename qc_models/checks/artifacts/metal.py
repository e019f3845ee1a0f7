"""Metal in a CT stack: how much of it there is, and how dark the streaks are that it throws.

Direction: higher is worse. Slice by slice: `area_mm2` is the area of the body above 3000 HU (beyond cortical bone and enamel's
usual values; the top of a 12-bit scale is 3071). `dark_share` is the share of the body within 20 mm of metal that lies between
-900 and -200 HU, which is neither gas nor fat: the dark streaks of starved rays. Values are of the worst frame;
the second is measured only where there are at least 20 mm² of metal. Lung within 20 mm counts as dark.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TYPICAL_SPACING_MM, FrameFeatures
from qc_models.features.masks import dilated
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

METAL_HU = 3000.0
DARK_HU = (-900.0, -200.0)
NEAR_MM = 20.0
LEAST_MM2 = 20.0

QUANTITIES = {
    "area_mm2": Quantity(
        "mm²",
        "area of metal is {value:.0f} at slice {worst_slice} (median of {num_frames} images "
        "{median:.0f}), limit {limit:.0f}",
        "第 {worst_slice} 层金属面积 {value:.0f}（{num_frames} 幅图像的中位数 {median:.0f}），限值 {limit:.0f}",
        remedy_en="use metal artifact reduction; tilt the gantry or change the position where possible",
        remedy_zh="请使用金属伪影校正；条件允许时倾斜机架或改变体位",
    ),
    "dark_share": Quantity(
        "1",
        "share of dark streaks around metal is {value:.2f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层金属周围暗条纹比例 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="use metal artifact reduction, higher kV and thinner slices",
        remedy_zh="请使用金属伪影校正、更高管电压和更薄层厚",
    ),
}


def dark_share(means_hu: "Tensor", body: "Tensor", metal: "Tensor", radius: int) -> "Tensor":
    """The share of dark cells among those of the body within `radius` of metal, [B]; NaN where there are none."""
    near = dilated(metal, radius) & ~dilated(metal, 1) & body
    dark = near & (means_hu > DARK_HU[0]) & (means_hu < DARK_HU[1])
    return dark.flatten(1).sum(1) / near.flatten(1).sum(1)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    row_mm, column_mm = frames.spacing_mm or TYPICAL_SPACING_MM
    metal = frames.peaks > METAL_HU
    has_metal = metal.flatten(1).any(1)  # few frames have any, and no other is read in full
    area = torch.zeros(len(metal), device=metal.device)
    area[has_metal] = (frames.pixels[has_metal] > METAL_HU).flatten(1).sum(1) * (row_mm * column_mm)
    radius = max(1, round(NEAR_MM / max(frames.grid_mm)))
    share = dark_share(frames.means, frames.body, metal, radius)
    return {"area_mm2": area, "dark_share": share.masked_fill(area < LEAST_MM2, math.nan)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.metal.area_mm2", "mm²", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.metal.dark_share", "1", worst="highest", of_all="worst")
