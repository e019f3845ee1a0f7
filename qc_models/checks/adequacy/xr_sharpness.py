"""The sharpness of a radiograph: how steep its steepest edges are, against its span of values.

Direction: lower is worse. At one pixel of each cell of about 1/128 of the short side the gradient over four pixels (two to each
side, so that noise weighs little); the value is its 99 % over the span between 2 % and 98 % of the image, per mm (Tenenbaum's
gradient, Krotkov 1988, made free of scale). Movement and a large focal spot lower it. An image without pixel spacing is not
measured.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "edge_per_mm": Quantity(
        "1/mm",
        "steepness of edges is {value:.2f}, limit {limit:.2f}",
        "边缘陡度 {value:.2f}，限值 {limit:.2f}",
        remedy_en="immobilise the patient; use a short exposure and the small focus",
        remedy_zh="请固定患者；使用短曝光时间和小焦点",
    ),
}


def edge_steepness(down_per_mm: "Tensor", across_per_mm: "Tensor", inside: "Tensor") -> "Tensor":
    """The 99 % of the gradient's size [B, h, w]: [B]."""
    import torch

    return masked_quantiles(torch.hypot(down_per_mm, across_per_mm), inside, (0.99,))[:, 0]


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    row_mm, column_mm = frames.spacing_mm or (math.nan, math.nan)
    down = (frames.displaced(2, 0) - frames.displaced(-2, 0)) / (4 * row_mm)
    across = (frames.displaced(0, 2) - frames.displaced(0, -2)) / (4 * column_mm)
    ends = masked_quantiles(frames.samples, frames.inside, (0.02, 0.98))
    return {"edge_per_mm": edge_steepness(down, across, frames.inside) / (ends[:, 1] - ends[:, 0])}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("adequacy.xr_sharpness.edge_per_mm", "1/mm", worst="lowest", of_all="worst")
