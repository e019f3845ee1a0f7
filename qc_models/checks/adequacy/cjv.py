"""The coefficient of joint variation of a brain: how much grey and white matter overlap, by noise, motion or uneven coils.

Direction: higher is worse. Slice by slice (σ₁ + σ₂) / |μ₁ - μ₂| of two tissue classes (Ganzetti et al. 2016, doi
10.3389/fninf.2016.00010; MRIQC). The classes stand in for grey and white matter: inside the head by 18 mm, without the darkest
and brightest 5 %, parted at Otsu's threshold. Pure noise gives 0.75, two clean tissues near 0. The value is the median over the
frames.

Ventricles and vessels blur the classes: compare within one protocol. Measured on weighted images of brains alone.
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
    "coefficient": Quantity(
        "1",
        "coefficient of joint variation of brain tissue is {value:.2f} (median of {num_frames} "
        "images; highest {worst:.2f} at slice {worst_slice}), limit {limit:.2f}",
        "脑组织联合变异系数 {value:.2f}（{num_frames} 幅图像的中位数；最高 {worst:.2f}，第 {worst_slice} 层），限值 {limit:.2f}",
        remedy_en="look for motion and uneven signal; repeat the sequence",
        remedy_zh="请查找运动和信号不均；重复该序列",
    ),
}


def joint_variation(
    dark_mean: "Tensor", dark_deviation: "Tensor", bright_mean: "Tensor", bright_deviation: "Tensor"
) -> "Tensor":
    """(σ₁ + σ₂) / |μ₁ - μ₂|, element by element."""
    return (dark_deviation + bright_deviation) / (bright_mean - dark_mean).abs()


def applies(stack: StackFacts) -> bool:
    """T1 and T2 weighted MR images of a brain, as acquired."""
    return stack.modality == "MR" and "brain" in stack.region.label and stack.role in ROLES and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    dark, bright = frames.tissue_classes
    return {
        "coefficient": joint_variation(
            masked_mean(frames.samples, dark),
            masked_deviation(frames.samples, dark),
            masked_mean(frames.samples, bright),
            masked_deviation(frames.samples, bright),
        )
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.cjv.coefficient", "1", worst="highest", of_all="median")
