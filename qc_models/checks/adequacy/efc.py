"""The entropy focus criterion of an MR stack: ghosts and blur spread signal evenly over the frame and raise it.

Direction: higher is worse; 0 is one bright pixel, 1 a frame of one value. Slice by slice, with b = sqrt(Σ x²) over its N pixels:
Σ (x/b) ln(x/b) divided by its greatest value sqrt(N) ln(1/sqrt(N)) (Atkinson et al. 1997, doi 10.1109/42.650886; MRIQC).
Sums are estimated from one pixel of each cell of a grid of about 128 x 128. The value is the median over the frames.

It depends on how much of the frame is air: compare it within one protocol.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "entropy": Quantity(
        "1",
        "entropy focus criterion is {value:.3f} (median of {num_frames} images; highest "
        "{worst:.3f} at slice {worst_slice}), limit {limit:.3f}",
        "熵聚焦指标 {value:.3f}（{num_frames} 幅图像的中位数；最高 {worst:.3f}，第 {worst_slice} 层），限值 {limit:.3f}",
        remedy_en="look for motion, ghosts and blur; repeat the sequence",
        remedy_zh="请查找运动、鬼影和模糊；重复该序列",
    ),
}


def entropy_focus(samples: "Tensor", num_pixels: int) -> "Tensor":
    """The criterion of frames of `num_pixels` pixels, [B], from samples [B, ...] of them; negative values count as 0."""
    values = samples.clamp(min=0).flatten(1)
    weight = num_pixels / values.shape[1]
    total = (weight * values.square().sum(1)).sqrt()
    shares = values / total[:, None]
    greatest = num_pixels**0.5 * math.log(num_pixels**-0.5)
    entropy: Tensor = (shares * (shares + 1e-16).log()).sum(1) * (weight / greatest)
    return entropy


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    return {"entropy": entropy_focus(frames.samples, frames.pixels[0].numel())}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.efc.entropy", "1", worst="highest", of_all="median")
