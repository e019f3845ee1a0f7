"""The collimation of a radiograph: which share of the image the beam was opened to.

Direction: neither; 1 shows no collimator edge, small values a narrow field. From each side of the frame lines count as covered
as long as the standard deviation of their cells (of about 128 across, middle half of the line) stays under 2 % of the span
between 2 % and 98 % of the image, and until the first line that does not; `open_share` is the area between them.

Blades that stand aslant, round fields and images cropped by the workstation show no covered border, and direct exposure beside
a limb passes for one.
"""

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

FLAT_SHARE = 0.02

QUANTITIES = {
    "open_share": Quantity(
        "1",
        "share of the image inside the collimation is {value:.2f}, limit {limit:.2f}",
        "照射野占图像比例 {value:.2f}，限值 {limit:.2f}",
        remedy_en="collimate to the part that was asked for",
        remedy_zh="请按检查部位准直照射野",
    ),
}


def covered_lines(cells: "Tensor", span: "Tensor", dim: int) -> "Tensor":
    """The share of lines along `dim` of cells [B, h, w] that are flat from either side on: [B]."""
    import torch

    width = cells.shape[3 - dim]
    middle = cells.narrow(3 - dim, width // 4, max(1, width // 2))
    busy = (middle.std(3 - dim) > FLAT_SHARE * span[:, None]).int()
    before = (busy.cumsum(1) == 0).sum(1)
    behind = (busy.flip(1).cumsum(1) == 0).sum(1)
    return torch.where(busy.any(1), (before + behind) / cells.shape[dim], 0.0)


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
    ends = masked_quantiles(frames.means, frames.inside, (0.02, 0.98))
    span = ends[:, 1] - ends[:, 0]
    rows, columns = (covered_lines(frames.means, span, dim) for dim in (1, 2))
    return {"open_share": (1 - rows) * (1 - columns) + 0 * span}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.collimation.open_share", "1", worst="lowest", of_all="worst")
