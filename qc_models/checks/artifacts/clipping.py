"""Clipping of a radiograph: pixels that the detector or the processing pressed to the end of the scale, where nothing can be told
apart.

Direction: higher is worse. `highest_share` and `lowest_share` are the shares of the image at its very highest and very lowest
value, padding left out. An image that ends smoothly has a few pixels there; burnt-out lung or skin has per cents.

Collimator blades and direct exposure beside a limb lie at an end of the scale by nature, so compare within one exam item.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "highest_share": Quantity(
        "1",
        "share of pixels at the highest value is {value:.3f}, limit {limit:.3f}",
        "处于最高值的像素比例 {value:.3f}，限值 {limit:.3f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
    "lowest_share": Quantity(
        "1",
        "share of pixels at the lowest value is {value:.3f}, limit {limit:.3f}",
        "处于最低值的像素比例 {value:.3f}，限值 {limit:.3f}",
        remedy_en="check exposure and automatic exposure control; have the detector checked",
        remedy_zh="请检查曝光条件和自动曝光控制；检查探测器",
    ),
}


def end_shares(values: "Tensor", inside: "Tensor") -> tuple["Tensor", "Tensor"]:
    """The shares of values [B, ...] inside that equal their highest and their lowest: [B] each; NaN where nothing is inside."""
    import torch

    total = inside.flatten(1).sum(1)
    shares = []
    for end in (
        torch.where(inside, values, -math.inf).flatten(1).amax(1),
        torch.where(inside, values, math.inf).flatten(1).amin(1),
    ):
        at_end = inside & (values == end.reshape(-1, *[1] * (values.ndim - 1)))
        shares.append(at_end.flatten(1).sum(1) / total)
    return shares[0], shares[1]


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    highest, lowest = end_shares(frames.samples, frames.inside)
    return {"highest_share": highest, "lowest_share": lowest}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.clipping.highest_share", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.clipping.lowest_share", "1", worst="highest", of_all="worst")
