"""Dead lines of a radiograph's detector: rows or columns that are brighter or darker than their neighbours, all along.

Direction: higher is worse. For both directions: how far a pixel stands above or below both pixels two lines before and behind,
as multiples of the mean size of that in the lines beside (median of 15, the greater side; at least half of the image's median),
clipped at 5. The contrast of a line is the size of the mean along it: noise alone stays under 1, a line that stands out over its
whole length reaches 5. `line_contrast` is the greatest, and its line the box; `num_lines` is how many rows and columns exceed 3,
which is three fifths of their length, neighbours counted once.

A straight edge of an implant or a frame along the grid raises both.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import beside, line_box, ridges, running_median
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

CLIP = 5.0  # contrast of a pixel, beyond which it counts no more
DEAD = 3.0  # contrast of a line that no anatomy has all along
BESIDE, GAP = 7, 3  # lines to each side of the middle line of those beside, and up to them

QUANTITIES = {
    "line_contrast": Quantity(
        "1",
        "brightness of a single line against the texture around is {value:.2f}, limit {limit:.2f}",
        "单行或单列亮度与周围纹理之比 {value:.2f}，限值 {limit:.2f}",
        remedy_en="have the detector calibrated and its defect map renewed",
        remedy_zh="请校准探测器并更新坏点坏线图",
    ),
    "num_lines": Quantity(
        "lines",
        "{value:.0f} rows or columns stand out all along, limit {limit:.0f}",
        "{value:.0f} 条行或列自始至终异常，限值 {limit:.0f}",
        remedy_en="have the detector calibrated and its defect map renewed",
        remedy_zh="请校准探测器并更新坏点坏线图",
    ),
}


def line_contrasts(pixels: "Tensor", dim: int, step: int) -> "Tensor":
    """How far each line along `dim` stands out, [B, lines - 4], from every `step`-th of its pixels [B, H, W]."""
    import torch

    ridge = ridges(pixels[:, :, ::step] if dim == 1 else pixels[:, ::step], dim)
    along = 3 - dim
    size = ridge.abs().mean(along)
    around = torch.maximum(beside(size, BESIDE, GAP, running_median), size.median(1, keepdim=True).values / 2).clamp(
        min=1e-12
    )
    return (ridge / around.unsqueeze(along)).clamp(-CLIP, CLIP).mean(along).abs()


def num_runs(scores: "Tensor", above: float) -> "Tensor":
    """How many runs of neighbours in scores [B, N] exceed a value: [B]."""
    hits = scores > above
    starts = hits[:, 1:] & ~hits[:, :-1]
    return hits[:, 0].float() + starts.sum(1)


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    rows, columns = (line_contrasts(frames.pixels, dim, frames.cell) for dim in (1, 2))
    return {
        "line_contrast": torch.maximum(rows.amax(1), columns.amax(1)),
        "line_box": line_box(rows, columns),
        "num_lines": num_runs(rows, DEAD) + num_runs(columns, DEAD),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement(
        "artifacts.dead_lines.line_contrast", "1", worst="highest", of_all="worst", box="line_box"
    )
    yield from curve.measurement(
        "artifacts.dead_lines.num_lines", "lines", worst="highest", of_all="worst", box="line_box"
    )
