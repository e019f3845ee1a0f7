"""The collimation of a radiograph: how much of the image the beam was opened to, and whether one blade cuts into the part.

Direction: `cut_share`: higher is worse; `open_share`: neither, 1 shows no blade and small values a narrow field.

From each side lines of cells (about 128 across) count as covered as long as they are flat (10 % to 90 % of the line within 2 % of
the image's span) and as bright as the outermost. `open_share` is the area between them. `cut_share` = by how much the side that
is covered furthest is covered further than any other side of like brightness, as a share of the image, times the share of that
blade's edge along which something other than the blade's brightness follows (by more than 10 % of the span): a field that was
collimated on purpose is closed in from several sides, and beside a limb direct exposure and a shutter look alike. Bright or dark
does not matter. The box is what is covered.

Blades that stand aslant and round fields are not seen. A part that was collimated from one side alone, on purpose, reads as cut.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.masked_statistics import masked_quantiles
from qc_models.features.open_field import covered_bands, edge_lines
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

DEPTH = 2  # cells inside the field, beyond the penumbra, where it is asked what the blade cuts
STEP_SHARE = 0.1  # of the span, from which on a cell is no longer blade
LIKE_SHARE = 0.5  # of the span, by which two blades of one image differ at most

QUANTITIES = {
    "open_share": Quantity(
        "1",
        "share of the image inside the collimation is {value:.2f}, limit {limit:.2f}",
        "照射野占图像比例 {value:.2f}，限值 {limit:.2f}",
        remedy_en="collimate to the part that was asked for",
        remedy_zh="请按检查部位准直照射野",
    ),
    "cut_share": Quantity(
        "1",
        "one side alone is covered, through the part: {value:.0%} of the image, limit {limit:.0%}",
        "仅一侧被遮挡且切入被检部位：占图像 {value:.0%}，限值 {limit:.0%}",
        remedy_en="centre the field on the part and open the collimator as far as it needs",
        remedy_zh="请将照射野对准被检部位，并按需要打开准直器",
    ),
}


def cut_shares(covered: "Tensor", levels: "Tensor", cut: "Tensor") -> "Tensor":
    """What each side [B, 4] is covered further than the others of its level, times the share of its edge that is cut: [B, 4].

    `covered` are shares of the image, `levels` brightnesses as shares of its span.
    """
    import torch

    like = (levels[:, :, None] - levels[:, None]).abs() < LIKE_SHARE
    other = like & ~torch.eye(4, dtype=torch.bool, device=covered.device)
    furthest = torch.where(other, covered[:, None], 0.0).amax(2)
    return (covered - furthest).clamp(min=0) * cut


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    cells = frames.means
    ends = masked_quantiles(cells, frames.inside, (0.02, 0.98))
    span = ends[:, 1] - ends[:, 0]
    bands, levels = covered_bands(cells, span)
    height, width = cells.shape[1:]
    covered = bands / torch.tensor([height, height, width, width], device=cells.device)
    edges = []
    for side, (line, inside) in enumerate(edge_lines(cells, bands, DEPTH)):
        differs = (line - levels[:, side, None]).abs() > STEP_SHARE * span[:, None]
        edges.append((differs & inside).sum(1) / inside.sum(1).clamp(min=1))
    shares = cut_shares(covered, levels / span.clamp(min=1e-12)[:, None], torch.stack(edges, 1))
    open_share = (1 - covered[:, 0] - covered[:, 1]) * (1 - covered[:, 2] - covered[:, 3])
    worst = shares.max(1)
    return {
        "open_share": open_share + 0 * span,
        "cut_share": worst.values + 0 * span,
        "cut_box": _box(worst.indices, bands, frames),
    }


def _box(side: "Tensor", bands: "Tensor", frames: FrameFeatures) -> "Tensor":
    """Row, column, height and width in pixels, [B, 4], of what is covered from a side [B]."""
    import torch

    deep = bands.gather(1, side[:, None])[:, 0] * frames.cell
    height, width = (torch.full_like(deep, size) for size in frames.pixels.shape[1:])
    none = torch.zeros_like(deep)
    boxes = torch.stack(
        [
            torch.stack((none, none, deep, width), 1),
            torch.stack((height - deep, none, deep, width), 1),
            torch.stack((none, none, height, deep), 1),
            torch.stack((none, width - deep, height, deep), 1),
        ],
        1,
    )
    return boxes.gather(1, side[:, None, None].expand(-1, 1, 4))[:, 0]


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.collimation.open_share", "1", worst="lowest", of_all="worst")
    yield from curve.measurement("artifacts.collimation.cut_share", "1", worst="highest", of_all="worst", box="cut_box")
