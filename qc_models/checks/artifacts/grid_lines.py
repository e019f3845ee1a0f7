"""Grid lines in a radiograph: the strips of an anti-scatter grid, drawn fine and regular over the whole image.

Direction: higher is worse. Of lines in both directions the power spectra are averaged; beyond a tenth of the highest frequency
the strongest point is compared with the median of 63 around it, in dB (after Lin et al. 2006, doi 10.1117/12.653196, who find
grid frequencies the same way). A smooth spectrum stays under 8 dB, visible strips reach 15 and more. A mesh of metal looks
alike.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import running_median
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

INNER = 0.1  # of the highest frequency, inside which anatomy rules
NEIGHBOURS = 31  # frequencies to each side

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

    lines = pixels[:, :, ::step] if dim == 1 else pixels[:, ::step]
    level = lines.mean(dim, keepdim=True)
    size = lines.shape[dim]
    window = torch.hann_window(size, device=pixels.device)
    spectrum = torch.fft.rfft((lines - level) * (window[:, None] if dim == 1 else window), dim=dim)
    power = torch.view_as_real(spectrum).square().sum(3).mean(3 - dim)
    around = running_median(power, NEIGHBOURS)
    ratio = power / torch.maximum(around, power.mean(1, keepdim=True) * 1e-9).clamp(min=1e-20)
    return 10 * ratio[:, int(INNER * power.shape[1]) :].amax(1).log10()


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
    import torch

    return {"peak_db": torch.maximum(*(regular_lines_db(frames.pixels, dim, frames.cell) for dim in (1, 2)))}


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement("artifacts.grid_lines.peak_db", "dB", worst="highest", of_all="worst")
