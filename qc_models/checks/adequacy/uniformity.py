"""The uniformity of the signal over the patient: how even an MR image is once its fine structure is smoothed away.

Direction: lower is worse. Slice by slice 100 · (1 - (S_max - S_min) / (S_max + S_min)) in per cent (NEMA MS 3, percent integral
uniformity), over the slow field within the body, where S_max and S_min are its 98 % and 2 %. The value is the median over the
frames. The standard means a phantom: in a patient, fat near the skin counts as well, so compare within one protocol.
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
    "integral_percent": Quantity(
        "%",
        "percent integral uniformity is {value:.0f} (median of {num_frames} images; lowest "
        "{worst:.0f} at slice {worst_slice}), limit {limit:.0f}",
        "积分均匀度（%） {value:.0f}（{num_frames} 幅图像的中位数；最低 {worst:.0f}，第 {worst_slice} 层），限值 {limit:.0f}",
        remedy_en="check coil elements and their choice; use the scanner's intensity correction",
        remedy_zh="请检查线圈单元及其选择；使用设备的强度校正",
    ),
}


def integral_uniformity(lowest: "Tensor", highest: "Tensor") -> "Tensor":
    """100 · (1 - (S_max - S_min) / (S_max + S_min)), element by element."""
    return 100 * (1 - (highest - lowest) / (highest + lowest))


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    logs = frames.log_field_ends
    ends = (logs - logs[:, 1:]).exp()
    return {"integral_percent": integral_uniformity(ends[:, 0], ends[:, 1])}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.uniformity.integral_percent", "%", worst="lowest", of_all="median")
