"""The contrast-to-noise ratio of a brain: how far grey and white matter lie apart, in units of their scatter and the noise.

Direction: lower is worse. Slice by slice |μ₁ - μ₂| / sqrt(σ_air² + σ₁² + σ₂²) (Magnotta and Friedman 2006, doi
10.1007/s10278-006-0264-x; MRIQC), of the same two classes as in the check cjv. The value is the median over the frames.

Measured on weighted images of brains with dark, noisy air around.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_deviation, masked_mean
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

ROLES = frozenset({"T1", "T1C", "T1FS", "T2", "FLAIR", "PD"})

QUANTITIES = {
    "ratio": Quantity(
        "1",
        "contrast-to-noise ratio of brain tissue is {value:.2f} (median of {num_frames} images; "
        "lowest {worst:.2f} at slice {worst_slice}), limit {limit:.2f}",
        "脑组织对比噪声比 {value:.2f}（{num_frames} 幅图像的中位数；最低 {worst:.2f}，第 {worst_slice} 层），限值 {limit:.2f}",
        remedy_en="check the weighting of the sequence, coil, averages and voxel size",
        remedy_zh="请检查序列加权、线圈、平均次数和体素大小",
    ),
}


def contrast_to_noise(
    dark_mean: "Tensor",
    dark_deviation: "Tensor",
    bright_mean: "Tensor",
    bright_deviation: "Tensor",
    air_deviation: "Tensor",
) -> "Tensor":
    """|μ₁ - μ₂| / sqrt(σ_air² + σ₁² + σ₂²), element by element."""
    return (bright_mean - dark_mean).abs() / (air_deviation**2 + dark_deviation**2 + bright_deviation**2).sqrt()


def applies(stack: StackFacts) -> bool:
    """T1 and T2 weighted MR images of a brain, as acquired."""
    return stack.modality == "MR" and "brain" in stack.region.label and stack.role in ROLES and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    dark, bright = frames.tissue_classes
    return {
        "ratio": contrast_to_noise(
            masked_mean(frames.samples, dark),
            masked_deviation(frames.samples, dark),
            masked_mean(frames.samples, bright),
            masked_deviation(frames.samples, bright),
            frames.air_deviation,
        )
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.cnr.ratio", "1", worst="lowest", of_all="median")
