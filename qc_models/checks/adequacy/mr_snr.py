"""The signal-to-noise ratio of an MR stack: how far the patient's signal stands above the noise of the air around.

Direction: lower is worse. Slice by slice 0.6551364 · mean signal of the body / standard deviation of the air (Dietrich et al.
2007, doi 10.1002/jmri.20969): in air a magnitude image has a Rayleigh distribution, whose deviation is 0.6551364 =
sqrt(2 - pi/2) of the Gaussian noise behind it. The value is the median over at most 48 frames, evenly spread.

Parallel imaging, filters and the combination of coils bend the noise of the air, so that values compare best within one
protocol. Frames without dark air, or whose air was set to zero, are not measured; dark lung around a heart passes for air.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

RAYLEIGH = 0.6551364  # deviation of a Rayleigh distribution, in deviations of the Gaussian noise behind it

QUANTITIES = {
    "dietrich": Quantity(
        "1",
        "signal-to-noise ratio is {value:.1f} (median of {num_frames} images; lowest {worst:.1f} "
        "at slice {worst_slice}), limit {limit:.1f}",
        "信噪比 {value:.1f}（{num_frames} 幅图像的中位数；最低 {worst:.1f}，第 {worst_slice} 层），限值 {limit:.1f}",
        remedy_en="check coil choice and placement, averages, bandwidth and voxel size",
        remedy_zh="请检查线圈选择与摆放、平均次数、带宽和体素大小",
    ),
}


def dietrich_snr(body_mean: "Tensor", air_deviation: "Tensor") -> "Tensor":
    """0.6551364 · mean signal / deviation of the air, element by element."""
    return RAYLEIGH * body_mean / air_deviation


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
    return {"dietrich": dietrich_snr(frames.body_mean, frames.air_deviation)}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("adequacy.mr_snr.dietrich", "1", worst="lowest", of_all="median")
