"""Truncation of a CT stack: the patient reaches over the edge of the field of view and is cut off there.

Direction: higher is worse. Slice by slice the share of the edge of the field of view at which body (above -400 HU) lies: the
edge of the reconstruction circle where padding or the lowest value marks it, else the edge of the frame. The value is that of
the worst of at most 48 frames. Small fields of spine, heart or joints cut the body on purpose: judge it by exam item.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masks import BODY_HU, dilated, eroded
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

QUANTITIES = {
    "edge_share": Quantity(
        "1",
        "share of the field's edge that cuts through the body is {value:.2f} at slice "
        "{worst_slice} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层视野边缘截断人体的比例 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="centre the patient and use a larger field of view",
        remedy_zh="请将患者居中并使用更大视野",
    ),
}


def edge_share(body: "Tensor", field: "Tensor") -> "Tensor":
    """The share of the field's outermost cells [B, h, w] that are body: [B]; NaN without a field."""
    rim = field.clone()
    rim[:, 1:-1, 1:-1] &= ~eroded(field, 1)[:, 1:-1, 1:-1]
    return (rim & body).flatten(1).sum(1) / rim.flatten(1).sum(1)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    lowest = frames.means.amin((1, 2), keepdim=True)
    # A reconstruction circle leaves the four corners at one value, far below air or at its lowest.
    low = frames.means <= lowest + 1
    corners = low[:, 0, 0] & low[:, 0, -1] & low[:, -1, 0] & low[:, -1, -1] & (lowest[:, 0, 0] < -1010)
    field = frames.inside & ~(low & corners[:, None, None])
    return {"edge_share": edge_share((frames.peaks > BODY_HU) & dilated(frames.body, 1), field)}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.truncation.edge_share", "1", worst="highest", of_all="worst")
