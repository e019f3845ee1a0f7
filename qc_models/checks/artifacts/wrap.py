"""Fold-over in an MR stack: tissue beyond the field of view that comes in again on the other side.

Direction: higher is worse. A discrete Fourier image is periodic: where tissue folds over, the first lines of the field run on in
the last. Slice by slice and for both directions, with the likeness of two lines being their correlation over the places where both
show tissue (a quarter of the body's mean): c, that of the second and the last but one line, and i, the mean of both that hold one
of these against a line 1/16 of the frame further in on the other side. `continuity` = sqrt(c · (c - i)) · mean of the darker edge
over mean of the frame (1 at most); of both directions the greater. Where opposite edges are alike since the body is, as left and
right of a trunk, lines further in are as well, and the value is low. Near 1 is tissue that runs through. The value is the
median of the stack: edges of one slice match by chance. It says that tissue folds over, not how deep the fold is.

Blank lines at the edges, as of a rectangular field padded to a square, are passed over. Tissue that leaves the frame on both sides
without folding (oversampling cut off) does not match; nor does folded tissue after a correction of distortion, and that is missed.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import CLIP
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

EDGE_SHARE = 0.25  # of the body's mean, above which an edge shows tissue
SKIPPED = 1  # lines at each edge: the outermost is often dimmed
DEEPER = 16  # parts of the frame, of which a line further in lies one away
BLANK_SHARE = 0.02  # of the frame's mean, below which a line is blank all along

QUANTITIES = {
    "continuity": Quantity(
        "1",
        "tissue runs on over opposite edges, continuity {value:.2f} (median of {num_frames} images; highest {worst:.2f}, in slices "
        "{worst_slices}), limit {limit:.2f}",
        "组织跨对侧边缘的连续性 {value:.2f}（{num_frames} 幅图像的中位数；"
        "第 {worst_slices} 层最高 {worst:.2f}），限值 {limit:.2f}",
        remedy_en="use phase oversampling, a larger field of view or saturation bands",
        remedy_zh="请使用相位过采样、更大视野或饱和带",
    ),
}


def edge_lines(pixels: "Tensor", inward: int) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Of frames [B, N, M] the line so many from the first and from the last that is not blank, [B, M] each, and the mean: [B]."""
    import torch

    size, mean = pixels.shape[1], pixels.mean((1, 2))
    used = (pixels.amax(2) > BLANK_SHARE * mean[:, None]).int()
    first, last = used.argmax(1), size - 1 - used.flip(1).argmax(1)
    frame = torch.arange(len(pixels), device=pixels.device)
    near, far = pixels[frame, (first + inward).clamp(max=size - 1)], pixels[frame, (last - inward).clamp(min=0)]
    return near, far, mean * size / (last - first + 1)


def likeness(near: "Tensor", far: "Tensor", tissue: "Tensor") -> "Tensor":
    """Correlation of two lines [B, M] where both are brighter than `tissue` [B]; 0 at least.

    Each is clipped at three times the greater mean deviation, so that no bright vessel rules.
    """
    import torch

    both = ((near > tissue[:, None]) & (far > tissue[:, None])).float()
    count = both.sum(1, keepdim=True).clamp(min=1)
    near, far = ((line - (line * both).sum(1, keepdim=True) / count) * both for line in (near, far))
    bound = CLIP * torch.maximum(near.abs().mean(1), far.abs().mean(1))[:, None]
    near, far = near.clamp(-bound, bound), far.clamp(-bound, bound)
    scale = (near.square().sum(1) * far.square().sum(1)).sqrt()
    return ((near * far).sum(1) / scale.clamp(min=1e-12)).clamp(min=0)


def continuity(pixels: "Tensor", tissue: "Tensor") -> "Tensor":
    """How far tissue (brighter than `tissue`, [B]) of the first lines of [B, N, M] runs on in the last: [B]."""
    import torch

    near, far, mean = edge_lines(pixels, SKIPPED)
    deeper_near, deeper_far, _ = edge_lines(pixels, SKIPPED + max(4, pixels.shape[1] // DEEPER))
    across = likeness(near, far, tissue)
    inner = (likeness(near, deeper_far, tissue) + likeness(deeper_near, far, tissue)) / 2
    level = torch.minimum(near, far).mean(1) / mean.clamp(min=1e-12)
    return (across * (across - inner).clamp(min=0)).sqrt() * level.clamp(max=1)


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    tissue = EDGE_SHARE * frames.body_mean
    down, across = (continuity(pixels, tissue) for pixels in (frames.pixels, frames.pixels.transpose(1, 2)))
    return {"continuity": torch.maximum(down, across) + 0 * tissue}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, at its worst frame."""
    yield from curve.measurement("artifacts.wrap.continuity", "1", worst="highest", of_all="median")
