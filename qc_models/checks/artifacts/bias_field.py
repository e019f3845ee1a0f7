"""The bias field of an MR stack: how strongly the signal changes slowly over the patient, from coils and dielectric effects.

Direction: higher is worse. Slice by slice the ratio of the 98 % to the 2 % of the slow field within the body: the log of the image
smoothed by a Gaussian of 1/16 of each side (normalised convolution; Guillemaud and Brady 1997's low-pass view of homomorphic
filtering). 1 is even; a surface coil shows 3 and more. The value is that of the worst of at most 48 frames.

The share that anatomy has in it (fat near the skin) is not taken off.
"""

from collections.abc import Iterable

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

QUANTITIES = {
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
    ends = masked_quantiles(frames.log_field, frames.signal, (0.02, 0.98))
    return {"range": (ends[:, 1] - ends[:, 0]).exp()}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.bias_field.range", "1", worst="highest", of_all="worst")
