"""Zippers and line artifacts of an MR stack: a row or column whose signal stands out against its neighbours, along the whole line.

Direction: higher is worse. Slice by slice and for both directions of the frame: how far a pixel stands above or below both pixels
two lines before and two behind, at one pixel of each cell of a coarse grid. The box is the line. Values are of the worst slice.

`line_contrast` = the mean of that along the line, clipped at three times the mean size in the frame, over the mean size in the
lines beside (median of 15, the greater side; at least half of the frame's mean). A fine texture gives 1, a steady bright line 3 and
more. A dark line does not count: interference adds, while dark straight lines are anatomy (a falx, a fascia).

`noise_ratio` = the line cut into eight parts, the mean size in each over that beside (mean of 15), clipped and bounded part by
part; the third lowest of the eight. A fine texture gives 1. Interference, steady or dashed, runs along the whole line, through air
and tissue; an edge of anatomy along the grid (a skin line, a falx) hardly ever does.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import BESIDE, CLIP, GAP, beside, line_box, ridges, running_mean, running_median
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

PARTS = 8  # of a line
LOW_PART = 2  # of the parts in order of their ratio, from 0

QUANTITIES = {
    "line_contrast": Quantity(
        "1",
        "brightness of a single line against the texture around is {value:.2f} in slices "
        "{worst_slices} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slices} 层单行或单列亮度与周围纹理之比 {value:.2f}"
        "（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="look for leaking radio frequency and central-point artifacts; repeat with the door closed",
        remedy_zh="请查找射频泄漏和中心点伪影；关闭屏蔽门后重复",
    ),
    "noise_ratio": Quantity(
        "1",
        "noise of a single line against the lines around is {value:.2f} in slices "
        "{worst_slices} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slices} 层单行或单列噪声与周围各行之比 {value:.2f}"
        "（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="look for leaking radio frequency; repeat with the door closed",
        remedy_zh="请查找射频泄漏；关闭屏蔽门后重复",
    ),
}


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def line_scores(pixels: "Tensor", dim: int, step: int) -> tuple["Tensor", "Tensor"]:
    """`line_contrast` and `noise_ratio` of each line along `dim`, [B, lines - 4] each; every `step`-th pixel of a line is read."""
    import torch

    ridge = ridges((pixels[:, :, ::step] if dim == 1 else pixels[:, ::step]).contiguous(), dim)
    ridge = ridge.transpose(1, 2) if dim == 1 else ridge  # [B, along a line, lines]
    size = ridge.abs()
    usual = size.mean((1, 2))[:, None].clamp(min=1e-12)
    bound = CLIP * usual[:, :, None]
    around = torch.maximum(beside(size.minimum(bound).mean(1), BESIDE, GAP, running_median), usual / 2)
    contrast = ridge.clamp(-bound, bound).mean(1) / around

    length = ridge.shape[1] // PARTS
    parts = size[:, : length * PARTS].reshape(len(ridge) * PARTS, length, -1)  # [B · parts, along, lines]
    usual = parts.mean((1, 2))[:, None].clamp(min=1e-12)
    noise = parts.minimum(CLIP * usual[:, :, None]).mean(1)
    ratio = noise / torch.maximum(beside(noise, BESIDE, GAP, running_mean), usual / 2)
    return contrast, ratio.reshape(len(ridge), PARTS, -1).sort(1).values[:, LOW_PART]


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    by_direction = [line_scores(frames.pixels, dim, frames.cell) for dim in (1, 2)]
    values = {}
    for name, (rows, columns) in zip(QUANTITIES, zip(*by_direction, strict=True), strict=True):
        values[name] = torch.maximum(rows.amax(1), columns.amax(1))
        values[name + "_box"] = line_box(rows, columns)
    return values


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement(
        "artifacts.zipper.line_contrast", "1", worst="highest", of_all="worst", box="line_contrast_box"
    )
    yield from curve.measurement(
        "artifacts.zipper.noise_ratio", "1", worst="highest", of_all="worst", box="noise_ratio_box"
    )
