"""The sharpness of a radiograph: how much of its fine differences are left for a further blur to take away.

Direction: higher is worse. On means of cells of about 1.1 mm: the share of the summed differences of neighbours that remains
after a running mean of five cells along them, rows and columns apart, the greater counting: 1 - Σ max(0, |d| - |d_blurred|) / Σ |d|
(Crete et al. 2007, doi 10.1117/12.702790). Whatever is blurred already changes little, so movement along one direction and a
large focal spot raise it; contrast and brightness do not matter, and noise of single pixels is averaged away in large images.
A line by hand: a step between two cells gives 0.2, a ramp over many cells 1.

Burnt-in text, lines and coarse noise lower it. An image without pixel spacing or of less than 64 cells is not measured.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.fine_cells import fine_cells
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

REACH = 2  # cells to both sides of the running mean

QUANTITIES = {
    "blur_share": Quantity(
        "1",
        "share of fine differences that a blur leaves is {value:.2f}, limit {limit:.2f}: the image is unsharp",
        "再次模糊后保留的细节差异比例 {value:.2f}，限值 {limit:.2f}：图像不清晰",
        remedy_en="immobilise the patient; use a short exposure and the small focus",
        remedy_zh="请固定患者；使用短曝光时间和小焦点",
    ),
}


def blur_share(cells: "Tensor", dim: int) -> "Tensor":
    """The share of neighbours' differences along `dim` of cells [B, h, w] that a running mean along it leaves: [B]; NaN without."""
    import torch
    from torch.nn.functional import avg_pool2d

    window, reach = ((2 * REACH + 1, 1), (REACH, 0)) if dim == 1 else ((1, 2 * REACH + 1), (0, REACH))
    blurred = avg_pool2d(cells[:, None], window, 1, reach, count_include_pad=False)[:, 0]
    before, after = cells.diff(dim=dim).abs(), blurred.diff(dim=dim).abs()
    total = before.sum((1, 2))
    return torch.where(total > 0, 1 - (before - after).clamp(min=0).sum((1, 2)) / total.clamp(min=1e-12), math.nan)


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    cells = fine_cells(frames)
    if cells is None:
        return {"blur_share": torch.full((len(frames.pixels),), math.nan, device=frames.pixels.device)}
    return {"blur_share": torch.maximum(blur_share(cells, 1), blur_share(cells, 2))}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("adequacy.xr_sharpness.blur_share", "1", worst="highest", of_all="worst")
