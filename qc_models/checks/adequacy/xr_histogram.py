"""The histogram of a radiograph: how much of its own scale the image uses, and where its middle lies.

Direction: `used_share`: lower is worse; `middle_share`: neither, far from 0.5 is worse. `used_share` is the span between 2 %
and 98 % of the values over that between the lowest and the highest; `middle_share` is where the median lies between 2 % and 98
%. A wrong exposure or a wrong processing for the body part presses values to one end.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "used_share": Quantity(
        "1",
        "share of the scale that the image uses is {value:.2f}, limit {limit:.2f}",
        "图像所用灰度范围比例 {value:.2f}，限值 {limit:.2f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
    "middle_share": Quantity(
        "1",
        "place of the median between dark and bright is {value:.2f}, limit {limit:.2f}",
        "灰度中位数位置 {value:.2f}，限值 {limit:.2f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
}


def histogram_shares(values: "Tensor", inside: "Tensor") -> tuple["Tensor", "Tensor"]:
    """(98 % - 2 %) / (highest - lowest) and (median - 2 %) / (98 % - 2 %) of values [B, ...] inside: [B] each."""
    import torch

    low, middle, high = masked_quantiles(values, inside, (0.02, 0.5, 0.98)).unbind(1)
    highest = torch.where(inside, values, -math.inf).flatten(1).amax(1)
    lowest = torch.where(inside, values, math.inf).flatten(1).amin(1)
    return (high - low) / (highest - lowest), (middle - low) / (high - low)


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    used, middle = histogram_shares(frames.samples, frames.inside)
    return {"used_share": used, "middle_share": middle}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.xr_histogram.used_share", "1", worst="lowest", of_all="worst")
    yield from curve.measurement("adequacy.xr_histogram.middle_share", "1", worst="lowest", of_all="worst")
