"""The enhancement of a CT stack: how bright the brightest large even region of soft tissue is, after contrast the great vessels.

Direction: lower is worse. A square of about 10 mm slides by half its side over the coarse means of a slice; those within the
body count whose standard deviation is that of even tissue (1.3 times the lower quartile of the slice's own soft tissue, and 1 HU)
and which have nothing within 20 mm that is 200 HU brighter: borders and bone, with its cortex, drop out. `brightest_hu` is the
highest mean of them, upper quartile over the frames; `vessel_hu` is the same where the stack calls itself enhanced and not
delayed. In 15 public series without contrast it is 33 to 106 HU, in 6 with contrast 168 to 452 HU.

It finds no vessel by its name: heart, aorta, pulmonary trunk, kidneys and filled bowel count alike, so that too low a value says
more than a high one. Vessels below 10 mm are not seen: it tells nothing of a head or a neck.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.cells import cell_peaks, window_means
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_MM = 10.0
LEAST_WINDOW = 3  # cells
EVEN = 1.3
FLOOR_HU = 1.0
BONE_HU = 200.0
BONE_MM = 20.0
TISSUE_HU = (0.0, 100.0)  # of windows that say how even tissue is

_TEXTS = {
    "remedy_en": "check dose, rate and timing of the contrast agent; send the enhanced series, or repeat if the question needs it",
    "remedy_zh": "请核对对比剂剂量、速率和时相；补传增强序列，诊断需要时重做",
}
QUANTITIES = {
    "brightest_hu": Quantity(
        "HU",
        "the brightest even tissue has {value:.0f} HU (upper quartile of {num_frames} images; highest {worst:.0f} at slice "
        "{worst_slice}), limit {limit:.0f}",
        "最亮均匀组织为 {value:.0f} HU（{num_frames} 幅图像的上四分位数；最高 {worst:.0f}，第 {worst_slice} 层），限值 {limit:.0f}",
        **_TEXTS,
    ),
    "vessel_hu": Quantity(
        "HU",
        "enhanced vessels and organs reach {value:.0f} HU (upper quartile of {num_frames} images; highest {worst:.0f} at slice "
        "{worst_slice}), limit {limit:.0f}",
        "强化的血管和器官为 {value:.0f} HU（{num_frames} 幅图像的上四分位数；最高 {worst:.0f}，第 {worst_slice} 层），"
        "限值 {limit:.0f}",
        **_TEXTS,
    ),
    "arterial_hu": Quantity(
        "HU",
        "arteries reach {value:.0f} HU (upper quartile of {num_frames} images; highest {worst:.0f} at slice "
        "{worst_slice}), limit {limit:.0f}",
        "动脉期最高强化为 {value:.0f} HU（{num_frames} 幅图像的上四分位数；最高 {worst:.0f}，第 {worst_slice} 层），"
        "限值 {limit:.0f}",
        **_TEXTS,
    ),
}


def brightest_even(means_hu: "Tensor", peaks_hu: "Tensor", body: "Tensor", window: int, reach: int) -> "Tensor":
    """The highest mean of the even windows of coarse means [B, h, w] within a body, no bone within `reach` cells: [B], HU."""
    import torch
    from torch.nn.functional import max_pool2d

    if window > min(means_hu.shape[1:]):
        return torch.full_like(means_hu[:, 0, 0], math.nan)
    step = (window + 1) // 2
    level, square, share = (
        window_means(values, window, step) for values in (means_hu, means_hu.square(), body.float())
    )
    spread = (square - level * level).clamp(min=0).sqrt()
    within = share > 1 - 0.5 / window**2
    tissue = within & (level > TISSUE_HU[0]) & (level < TISSUE_HU[1])
    usual = masked_quantiles(spread, tissue, (0.25,))
    # The greatest value about each window, from the greatest of blocks of `step` cells.
    blocks = cell_peaks(peaks_hu, step, step)[:, None]
    around = 2 * max(1, round(reach / step)) + 1
    near = max_pool2d(blocks, around, 1, around // 2)[:, 0, : level.shape[1], : level.shape[2]]
    even = within & (near < level + BONE_HU) & (level > TISSUE_HU[0]) & (spread < EVEN * usual[:, :, None] + FLOOR_HU)
    return torch.where(even.flatten(1).any(1), torch.where(even, level, -math.inf).amax((1, 2)), math.nan)


def applies(stack: StackFacts) -> bool:
    """Axial CT images, cut out of others as well, but for scouts, projections and what was calculated."""
    is_slice = stack.nearest_plane == "axial" and not stack.is_localizer and "MIP" not in stack.components
    return stack.modality == "CT" and is_slice and (not stack.derived or stack.role is not None)


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    window = max(LEAST_WINDOW, round(WINDOW_MM / max(frames.grid_mm)))
    reach = round(BONE_MM / max(frames.grid_mm))
    return {"brightest_hu": brightest_even(frames.means, frames.peaks, frames.body, window, reach)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, placed at its brightest frame; once more as that of vessels where it is enhanced."""
    phases = curve.facts.components
    names = {
        "brightest_hu": True,
        "vessel_hu": "enhanced" in phases and "delayed" not in phases,
        "arterial_hu": "arterial" in phases,
    }
    values = sorted(curve.numbers("brightest_hu"))
    for name in (name for name, is_told in names.items() if is_told):
        metric = f"adequacy.enhancement.{name}"
        for found in curve.measurement(metric, "HU", worst="highest", of_all="median", name="brightest_hu"):
            yield replace(found, value=values[len(values) * 3 // 4])  # a quarter of the frames reach it
