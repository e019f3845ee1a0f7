"""Artifact voxels in the air of an MR stack: signal where only noise should be, from motion, ghosts, flow or leaks.

Direction: higher is worse. Slice by slice the share of air whose value stands 4.5 noise deviations up (the deviation from the air's
median, which is 1.1774 of it in a Rayleigh distribution), each in a square of four such cells: quality index 1 of
Mortamet et al. 2009 (doi 10.1002/mrm.21992) without its histogram fit. Rayleigh noise alone gives less than 0.0001. The value
is that of the worst frame. Air set to zero is not measured.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

RAYLEIGH_MEDIAN = 1.1774100  # in deviations of the Gaussian noise behind it
NOISE_DEVIATIONS = 4.5

QUANTITIES = {
    "share": Quantity(
        "1",
        "share of air with signal in it is {value:.3f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.3f}), limit {limit:.3f}",
        "第 {worst_slice} 层背景空气中有信号的比例 {value:.3f}（{num_frames} 幅图像的中位数 {median:.3f}），限值 {limit:.3f}",
        remedy_en="look for motion, ghosts and leaking radio frequency; repeat the sequence",
        remedy_zh="请查找运动、鬼影和射频泄漏；重复该序列",
    ),
}


def artifact_share(values: "Tensor", air: "Tensor", air_median: "Tensor") -> "Tensor":
    """The share of air voxels [B, h, w] that stand out of its noise with a neighbour in both directions: [B]; NaN without air."""
    import torch

    noise = air_median / RAYLEIGH_MEDIAN
    high = air & (values > NOISE_DEVIATIONS * noise.reshape(-1, 1, 1))
    # A square of four voxels is an artifact; a lone voxel may be noise.
    square = high[:, 1:, 1:] & high[:, :-1, 1:] & high[:, 1:, :-1] & high[:, :-1, :-1]
    kept = torch.zeros_like(high)
    kept[:, 1:, 1:] |= square
    kept[:, :-1, 1:] |= square
    kept[:, 1:, :-1] |= square
    kept[:, :-1, :-1] |= square
    return kept.flatten(1).sum(1) / air.flatten(1).sum(1) + noise * 0


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    return {"share": artifact_share(frames.samples, frames.air, frames.air_median)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.background.share", "1", worst="highest", of_all="worst")
