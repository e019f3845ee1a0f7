"""The bias field of an MR stack: how strongly the signal changes slowly over the patient, from coils and dielectric effects.

Direction: higher is worse. Slice by slice, within the body off its rim:

`tilt` = how many times the signal changes over the frame, from differences of the log of the image at 1/16 of each side: their
median down and across, times 16, is the slope of the field, since the steps of anatomy go both ways and cancel in a median; exp of
the root of the sum of both squares. It sees a coil on one side, and no field that is alike on all sides. The value is the median of
the stack.

`range` = the ratio of the 98 % to the 2 % of the slow field: the log of the image smoothed by a Gaussian of 1/16 of each side
(normalised convolution; Guillemaud and Brady 1997's low-pass view of homomorphic filtering). It agrees with N4 on an even object,
but anatomy (fat near the skin) is not taken off. The value is that of the worst slice.

1 is even; a surface coil shows 3 and more in both, as it must.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_median
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

PARTS = 16  # of a frame's side, over which the field is nearly straight

QUANTITIES = {
    "tilt": Quantity(
        "1",
        "signal changes {value:.1f} times over the frame (median of {num_frames} images; most {worst:.1f} times in slices "
        "{worst_slices}), limit {limit:.1f}",
        "信号跨视野变化 {value:.1f} 倍（{num_frames} 幅图像的中位数；最大 {worst:.1f} 倍，"
        "第 {worst_slices} 层），限值 {limit:.1f}",
        remedy_en="check coil elements and their choice; use the scanner's intensity correction",
        remedy_zh="请检查线圈单元及其选择；使用设备的强度校正",
    ),
    "range": Quantity(
        "1",
        "slow change of signal (98 % to 2 %) is {value:.2f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层信号缓慢变化（98 % 比 2 %） {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 "
        "{limit:.2f}",
        remedy_en="check coil elements; use the scanner's intensity correction",
        remedy_zh="请检查线圈单元；使用设备的强度校正",
    ),
}


def slope(logs: "Tensor", signal: "Tensor", dim: int) -> "Tensor":
    """The median change of logs [B, h, w] along `dim` within `signal`, over the whole side: [B]."""
    size = logs.shape[dim]
    step = max(1, size // PARTS)
    change = logs.narrow(dim, step, size - step) - logs.narrow(dim, 0, size - step)
    inside = signal.narrow(dim, step, size - step) & signal.narrow(dim, 0, size - step)
    return masked_median(change, inside) * (size / step)


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    ends = frames.log_field_ends
    logs = frames.means.clamp(min=1e-12).log()
    down, across = (slope(logs, frames.signal, dim) for dim in (1, 2))
    return {"tilt": (down.square() + across.square()).sqrt().exp(), "range": (ends[:, 1] - ends[:, 0]).exp()}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.bias_field.tilt", "1", worst="highest", of_all="median")
    yield from curve.measurement("artifacts.bias_field.range", "1", worst="highest", of_all="worst")
