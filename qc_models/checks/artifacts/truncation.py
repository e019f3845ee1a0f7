"""Truncation of a CT stack: the patient reaches over the edge of the field of view and is cut off there.

Direction: higher is worse. `edge_share`: slice by slice the share of the edge of the field of view at which body (above -400
HU) lies: the edge of the reconstruction circle where padding or the lowest value marks it, else the edge of the frame. Small
fields of spine, heart or joints cut the body on purpose: judge it by exam item.

`rim_share`: the share of the body's silhouette, inside the frame, whose tissue is brighter than 150 HU. Where a body reaches
beyond the scan field, its projections are cut, and a bright rim is drawn at the edge of the scan field whatever the reconstruction
shows beyond (Ohnesorge et al., Med Phys 2000); skin is never so bright. Values are of the worst frame. Wires, a table or bone just
under the skin give some hundredths.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_deviation, masked_mean
from qc_models.features.masks import BODY_HU, at_ends, dilated, eroded
from qc_models.findings import Measurement, Quantity

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
    "rim_share": Quantity(
        "1",
        "share of the body's outline with the bright rim of a cut scan field is {value:.2f} at slices "
        "{worst_slices} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slices} 层人体轮廓出现截断亮边的比例 {value:.2f}"
        "（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="centre the patient within the scan field; reconstruct with an extended field of view",
        remedy_zh="请使患者位于扫描野中心；使用扩展视野重建",
    ),
}

ROUND = 0.03
RIM_HU = 150.0
TISSUE_HU = -300.0


def outline(mask: "Tensor") -> "Tensor":
    """The outermost cells of a mask [B, h, w], the frame's edge taken as inside."""
    return mask & ~eroded(mask, 1)


def edge_share(body: "Tensor", field: "Tensor") -> "Tensor":
    """The share of the field's outermost cells [B, h, w] that are body: [B]; NaN without a field."""
    rim = outline(field)
    for edge in (0, -1):
        rim[:, edge] = field[:, edge]
        rim[:, :, edge] = field[:, :, edge]
    return (rim & body).flatten(1).sum(1) / rim.flatten(1).sum(1)


def is_round(field: "Tensor") -> "Tensor":
    """Whether the outline of a field [B, h, w] keeps its distance from the middle of the frame: [B]."""
    import torch

    height, width = field.shape[1:]
    down, across = (torch.arange(size, device=field.device) + 0.5 - size / 2 for size in (height, width))
    distance = torch.hypot(down[:, None], across).expand(field.shape)
    rim = outline(field)
    return masked_deviation(distance, rim, 2) < ROUND * masked_mean(distance, rim, 2)


def silhouette(body: "Tensor") -> "Tensor":
    """The cells of a body [B, h, w] that are its first or last in a row or a column and do not lie at the frame's edge."""
    seen = (at_ends(body, 1) | at_ends(body, 2)) & body
    for edge in (0, -1):
        seen[:, edge] = False
        seen[:, :, edge] = False
    return seen


def rim_share(pixels_hu: "Tensor", body: "Tensor", cell: int) -> "Tensor":
    """The share of the silhouette of a body [B, h, w] whose tissue is brighter than 150 HU: [B]; NaN without a body.

    Tissue is those pixels of [B, H, W] in a cell that are above -300 HU: the air beside skin takes nothing from it.
    """
    import torch

    frame, row, column = silhouette(body).nonzero().unbind(1)
    within = torch.arange(cell, device=body.device)
    rows, columns = row[:, None] * cell + within, column[:, None] * cell + within
    pixels = pixels_hu[frame[:, None, None], rows[:, :, None], columns[:, None]].flatten(1)
    tissue = pixels > TISSUE_HU
    bright = (pixels * tissue).sum(1) > RIM_HU * tissue.sum(1).clamp(min=1)
    count = torch.bincount(frame, minlength=len(body))
    return torch.bincount(frame[bright], minlength=len(body)) / count


def applies(stack: StackFacts) -> bool:
    """Axial CT images, but for scouts and projections; what is cut across always ends at the frame."""
    is_slice = stack.nearest_plane == "axial" and not stack.is_localizer and "MIP" not in stack.components
    return stack.modality == "CT" and is_slice


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    lowest = frames.means.amin((1, 2), keepdim=True)
    # A reconstruction circle leaves the four corners at one value, far below air or at its lowest.
    low = frames.means <= lowest + 1
    corners = low[:, 0, 0] & low[:, 0, -1] & low[:, -1, 0] & low[:, -1, -1] & (lowest[:, 0, 0] < -1010)
    field = frames.inside
    if bool(corners.any()):
        circle = corners & is_round(~low)  # else it is air itself that was cut off at its lowest
        field = field & ~(low & circle[:, None, None])
    return {
        "edge_share": edge_share((frames.peaks > BODY_HU) & dilated(frames.body, 1), field),
        "rim_share": rim_share(frames.pixels, frames.body, frames.cell),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.truncation.edge_share", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.truncation.rim_share", "1", worst="highest", of_all="worst")
