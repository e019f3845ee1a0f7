"""Zippers and line artifacts of an MR stack: a row or column whose signal stands out against its neighbours, along the whole line.

Direction: higher is worse. Slice by slice and for both directions of the frame: how far a pixel stands above or below both pixels
two lines before and behind, clipped at three times the frame's mean, at one pixel of each cell of a coarse grid. `line_contrast` =
|mean along the line| and `noise_ratio` = mean of the absolute value along the line, each over the mean absolute value of the lines
beside (median of 15, the greater side; at least half of the frame's mean). A fine texture gives 0 and 1; a steady bright line
raises the first towards 3, a dashed or noisy one the second. Values are of the worst of at most 48 frames; the box is the line.

Straight edges of anatomy along the grid (a skin line, an upright falx) raise both.
"""

from collections.abc import Iterable

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import line_box, line_scores
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

QUANTITIES = {
    "line_contrast": Quantity(
        "1",
        "brightness of a single line against the texture around is {value:.2f} at slice "
        "{worst_slice} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层单行或单列亮度与周围纹理之比 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="look for leaking radio frequency and central-point artifacts; repeat with the door closed",
        remedy_zh="请查找射频泄漏和中心点伪影；关闭屏蔽门后重复",
    ),
    "noise_ratio": Quantity(
        "1",
        "noise of a single line against the lines around is {value:.2f} at slice {worst_slice} "
        "(median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层单行或单列噪声与周围各行之比 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="look for leaking radio frequency; repeat with the door closed",
        remedy_zh="请查找射频泄漏；关闭屏蔽门后重复",
    ),
}


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    import torch

    by_direction = [line_scores(frames.pixels, dim, frames.cell) for dim in (1, 2)]
    values = {}
    for name, (rows, columns) in zip(QUANTITIES, zip(*by_direction, strict=True), strict=True):
        values[name] = torch.maximum(rows.amax(1), columns.amax(1))
        values[name + "_box"] = line_box(rows, columns)
    return values


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from state.measurement(
        "artifacts.zipper.line_contrast", "1", worst="highest", of_all="worst", box="line_contrast_box"
    )
    yield from state.measurement(
        "artifacts.zipper.noise_ratio", "1", worst="highest", of_all="worst", box="noise_ratio_box"
    )
