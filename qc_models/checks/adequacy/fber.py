"""The foreground-background energy ratio of an MR stack: how much energy lies in the patient and how little in the air.

Direction: lower is worse. Slice by slice median(|body|²) / median(|air|²), as MRIQC computes it (Esteban et al. 2017, doi
10.1371/journal.pone.0184661, after Shehzad et al. 2015). Medians of squares are squares of medians. The value is the median
over the frames; frames without dark, noisy air are not measured.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "ratio": Quantity(
        "1",
        "foreground-background energy ratio is {value:.3g} (median of {num_frames} images; lowest "
        "{worst:.3g} at slice {worst_slice}), limit {limit:.3g}",
        "前景背景能量比 {value:.3g}（{num_frames} 幅图像的中位数；最低 {worst:.3g}，第 {worst_slice} 层），限值 {limit:.3g}",
        remedy_en="check coil choice and placement, averages, bandwidth and voxel size",
        remedy_zh="请检查线圈选择与摆放、平均次数、带宽和体素大小",
    ),
}


def foreground_background_ratio(body_median: "Tensor", air_median: "Tensor") -> "Tensor":
    """(median of the body / median of the air)², element by element."""
    return (body_median / air_median) ** 2


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    return {"ratio": foreground_background_ratio(frames.body_median, frames.air_median)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.fber.ratio", "1", worst="lowest", of_all="median")
