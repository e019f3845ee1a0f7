"""Fold-over in an MR stack: tissue beyond the field of view that comes in again on the other side.

Direction: higher is worse. A discrete Fourier image is periodic: where tissue folds over, the first line of the frame runs on in
the last. Slice by slice and for both directions: correlation of the first and the last line times the share of the edge where both
show tissue (a quarter of the body's mean); of both directions the greater. 0 is air on one edge; near 1 is tissue that runs
through. The value is that of the worst of at most 48 frames.

Tissue that leaves the frame on both sides without folding (oversampling cut off) correlates less, but not always little.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_mean
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

EDGE_SHARE = 0.25  # of the body's mean, above which an edge shows tissue

QUANTITIES = {
    "continuity": Quantity(
        "1",
        "continuity of tissue over opposite edges is {value:.2f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层组织跨对侧边缘的连续性 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="use phase oversampling, a larger field of view or saturation bands",
        remedy_zh="请使用相位过采样、更大视野或饱和带",
    ),
}


def edge_continuity(first: "Tensor", last: "Tensor", tissue: "Tensor") -> "Tensor":
    """Correlation of two lines [B, N] where both exceed `tissue` [B], times the share of such places: [B]."""
    import torch

    both = (first > tissue[:, None]) & (last > tissue[:, None])
    first_off = torch.where(both, first - masked_mean(first, both, 8)[:, None], 0.0)
    last_off = torch.where(both, last - masked_mean(last, both, 8)[:, None], 0.0)
    scale = (first_off.square().sum(1) * last_off.square().sum(1)).sqrt().clamp(min=1e-12)
    return ((first_off * last_off).sum(1) / scale).nan_to_num(0.0).clamp(min=0) * both.float().mean(1)


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

    pixels, tissue = frames.pixels, EDGE_SHARE * frames.body_mean
    # The outermost line is often blank: the mean of the next two is read.
    rows = edge_continuity(pixels[:, 1:3].mean(1), pixels[:, -3:-1].mean(1), tissue)
    columns = edge_continuity(pixels[:, :, 1:3].mean(2), pixels[:, :, -3:-1].mean(2), tissue)
    found = torch.maximum(rows, columns)
    return {"continuity": found + 0 * tissue}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.wrap.continuity", "1", worst="highest", of_all="worst")
