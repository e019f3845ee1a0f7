"""Grid lines in a radiograph: the strips of an anti-scatter grid, drawn fine and regular over the whole image.

Direction: higher is worse. Strips run straight through the whole image, so the lines are averaged within each of eight strips of
it, across the strips' direction and along it in turn, after the slow part (mean of 9 pixels) is taken away and what exceeds three
times the mean size is cut off; anatomy averages out. Of the power spectra of the eight the geometric mean is taken, which is high
only where all eight agree. Beyond 0.03 cycles a pixel its strongest point is compared with the median of 63 around it, in dB (Lin
et al. 2006, doi 10.1117/12.653196, find grid frequencies the same way). Images without a grid stay under 12 dB, strips that
disturb reach 18 and more. A mesh of metal looks alike.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import running_median
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

INNER = 0.06  # of the highest frequency, inside which anatomy rules
NEIGHBOURS = 31  # frequencies to each side
MIN_PLACES = 160  # along the direction, with fewer of which there are no neighbours to compare with
PARTS = 8  # of the image, each of which must show the lines
SLOW = 9  # pixels whose mean is taken away
CLIP = 3.0  # of the mean size of what is left, beyond which edges count no more

QUANTITIES = {
    "peak_db": Quantity(
        "dB",
        "strongest regular line pattern is {value:.1f}, limit {limit:.1f}",
        "最强规则线纹 {value:.1f}，限值 {limit:.1f}",
        remedy_en="use the right grid, focus distance and moving grid; have grid suppression checked",
        remedy_zh="请使用合适的滤线栅、焦距和活动滤线栅；检查栅线抑制处理",
    ),
}


def regular_lines_db(pixels: "Tensor", dim: int, step: int) -> "Tensor":
    """The strongest frequency along `dim` over its neighbourhood in dB, [B], from every `step`-th line of pixels [B, H, W]."""
    import torch

    if pixels.shape[dim] < MIN_PLACES:
        return torch.full((len(pixels),), math.nan, device=pixels.device)
    # [B, lines, places along `dim`]
    lines = (pixels[:, :, ::step].transpose(1, 2) if dim == 1 else pixels[:, ::step]).contiguous()
    fine = lines[:, :, SLOW // 2 : -(SLOW // 2)] - lines.unfold(2, SLOW, 1).mean(3)
    bound = CLIP * fine.abs().mean((1, 2), keepdim=True)
    fine = torch.minimum(torch.maximum(fine, -bound), bound)
    each = fine.shape[1] // PARTS
    parts = fine[:, : PARTS * each].reshape(len(fine), PARTS, each, fine.shape[2]).mean(2)
    window = torch.hann_window(parts.shape[2], device=pixels.device)
    spectrum = torch.fft.rfft((parts - parts.mean(2, keepdim=True)) * window, dim=2)
    power = torch.view_as_real(spectrum).square().sum(3)
    floor = power.mean((1, 2), keepdim=True) * 1e-6 + 1e-20
    agreed = (power + floor).log().mean(1).exp()
    ratio = agreed / running_median(agreed, NEIGHBOURS)
    return 10 * ratio[:, int(INNER * agreed.shape[1]) :].amax(1).log10()


def applies(stack: StackFacts) -> bool:
    """Radiographs."""
    return stack.modality == "XR"


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    return {"peak_db": torch.maximum(*(regular_lines_db(frames.pixels, dim, frames.cell) for dim in (1, 2)))}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.grid_lines.peak_db", "dB", worst="highest", of_all="worst")
