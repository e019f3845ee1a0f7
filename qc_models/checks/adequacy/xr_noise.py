"""The noise of a radiograph against its span of values: quantum mottle of too little dose.

Direction: higher is worse. Noise is the median of |x * L| over 6 · 0.6745, where L is the difference of two Laplacians, blind
to slopes and weighing noise by 6 (Immerkaer 1996, doi 10.1006/cviu.1996.0060, with a median for the mean), at one pixel of each
cell of about 1/128 of the short side. `share` is that over the span between 2 % and 98 % of the image.

Edge enhancement and noise filters of the workstation change it: compare within one device.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_median, masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "share": Quantity(
        "1",
        "noise as a share of the span of values is {value:.4f}, limit {limit:.4f}",
        "噪声占灰度跨度比例 {value:.4f}，限值 {limit:.4f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
}


def noise_deviation(laplacian: "Tensor", inside: "Tensor") -> "Tensor":
    """The standard deviation of white noise from the responses [B, h, w] of Immerkaer's mask: [B]."""
    return masked_median(laplacian.abs(), inside) / (6 * 0.6744898)


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    weights = {
        (0, 0): 4,
        (1, 0): -2,
        (-1, 0): -2,
        (0, 1): -2,
        (0, -1): -2,
        (1, 1): 1,
        (1, -1): 1,
        (-1, 1): 1,
        (-1, -1): 1,
    }
    first, *others = (weight * frames.displaced(*place) for place, weight in weights.items())
    ends = masked_quantiles(frames.samples, frames.inside, (0.02, 0.98))
    return {"share": noise_deviation(sum(others, first), frames.inside) / (ends[:, 1] - ends[:, 0])}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.xr_noise.share", "1", worst="highest", of_all="worst")
