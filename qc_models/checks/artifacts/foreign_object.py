"""Foreign objects on a radiograph: thin or small things that absorb much more than what lies around, as beads, wires and clips.

Direction: higher is worse. On means of cells of about 1.1 mm: the share of the image that stands out by more than 30 % of its span
(2 % to 98 %) from an opening by a square of five cells, or from a closing where dense parts are dark (white and black top-hat,
Serra 1982); the greater of both. What is wider than 5 mm all ways does not count.

Cortices, teeth, screws and the side's marker stand out alike, so that the value says where to look and not what it is; objects of a
third of the image's span raise the value of radiographs without any only in three of four. For comparison within one exam item.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.fine_cells import fine_cells
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

REACH = 2  # cells to each side of the middle of the square
STANDS_OUT = 0.3  # of the image's span

QUANTITIES = {
    "thin_share": Quantity(
        "1",
        "small dense things cover {value:.2%} of the image, limit {limit:.2%}",
        "细小高密度影占图像 {value:.2%}，限值 {limit:.2%}",
        remedy_en="take off jewellery, buttons and wires that can be taken off",
        remedy_zh="请摘除饰物、纽扣及可移除的导线",
    ),
}


def top_hats(cells: "Tensor") -> tuple["Tensor", "Tensor"]:
    """How far cells [B, h, w] lie above their opening and below their closing by a square, [B, h - 8, w - 8] each; no ends."""
    middle = cells[:, 2 * REACH : -2 * REACH, 2 * REACH : -2 * REACH]
    return middle - highest(-highest(-cells)), -highest(-highest(cells)) - middle


def highest(cells: "Tensor") -> "Tensor":
    """The greatest of each square of cells [B, h, w]: [B, h - 4, w - 4]."""
    import torch

    for dim in (1, 2):
        size = cells.shape[dim] - 2 * REACH
        best = cells.narrow(dim, 0, size)
        for step in range(1, 2 * REACH + 1):
            best = torch.maximum(best, cells.narrow(dim, step, size))
        cells = best
    return cells


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    cells = fine_cells(frames)
    if cells is None:
        return {"thin_share": torch.full((len(frames.pixels),), math.nan, device=frames.pixels.device)}
    ends = masked_quantiles(frames.samples, frames.inside, (0.02, 0.98))
    height = STANDS_OUT * (ends[:, 1] - ends[:, 0])
    white, black = ((hat > height[:, None, None]).float().mean((1, 2)) for hat in top_hats(cells))
    return {"thin_share": torch.maximum(white, black) + 0 * height}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.foreign_object.thin_share", "1", worst="highest", of_all="worst")
