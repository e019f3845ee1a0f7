"""Motion in an MR stack: replicas of edges along one direction, from lines of k-space that were measured in another pose.

Direction: higher is worse. What moves between lines of k-space is repeated along phase encoding and not along the other way: as
ringing beside edges, or as ghosts where lines are interleaved. `replicas` = of the autocorrelation of the texture down and across
(as in the check ghosting), less its running mean over 9 lines, the root mean square over distances of 5 to 20 % of the frame: the
greater of both directions over the lesser. Noise and anatomy, alike down and across, give 1 to 2. The value is the median of the
stack, as motion hits all its slices; frames with a body of less than 5 % are not measured.

Motion through a whole 3D slab, or between slices, leaves no such trace, and a long gradual motion only blurs. It tells that the
body moved; how far, it tells little: from a pixel on replicas are as strong.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import running_mean
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

NEAREST, FARTHEST = 0.05, 0.2  # of the frame
LEAST_BODY = 0.05  # of the frame: the few edges of less repeat by chance
REACH = 4  # lines to each side that the running mean spans

QUANTITIES = {
    "replicas": Quantity(
        "1",
        "edges repeat along one direction {value:.1f} times as much as along the other (median of {num_frames} images; most "
        "{worst:.1f} times, in slice {worst_slices}), limit {limit:.1f}",
        "边缘沿一个方向的重复为另一方向的 {value:.1f} 倍（{num_frames} 幅图像的中位数；"
        "第 {worst_slices} 层最高 {worst:.1f} 倍），限值 {limit:.1f}",
        remedy_en="the patient moved: fix the part, shorten the sequence or repeat it",
        remedy_zh="患者有移动：请固定部位、缩短序列或重复扫描",
    ),
}


def repetition(likeness: "Tensor") -> "Tensor":
    """Root mean square of an autocorrelation [B, N] less its running mean, over 5 to 20 % of the frame: [B]."""
    size = likeness.shape[1]
    rough = likeness - running_mean(likeness, REACH)
    found: Tensor = rough[:, round(NEAREST * size) : round(FARTHEST * size)].square().mean(1).sqrt()
    return found


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    down, across = (repetition(likeness) for likeness in frames.self_likeness)
    ratio = torch.maximum(down, across) / torch.minimum(down, across)
    return {"replicas": ratio.masked_fill(frames.body.float().mean((1, 2)) < LEAST_BODY, math.nan)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, at its worst frame."""
    yield from curve.measurement("artifacts.motion.replicas", "1", worst="highest", of_all="median")
