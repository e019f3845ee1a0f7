"""Spikes in k-space: single points of the spectrum far above their neighbourhood, which draw stripes over the whole image.

Direction: higher is worse. Slice by slice the power spectrum of the magnitude image (its middle 256 x 256 pixels) is cut into tiles
of 8 x 8; beyond a tenth of the highest frequency, and off its two axes, where edges of the frame show, the strongest point of a
tile is compared with the mean of the others. `peak_db`: their ratio in dB; noise alone reaches 11 to 13 dB. It tells that there is
a spike and no more, as a strong one leaks into its own tile. `amplitude`: how high its stripes stand, as a share of the body's
mean: 2/N · (|peak| - 5 · root mean square of the others), of the N pixels of the body (a fifth of the frame at least), since in
air a magnitude image keeps no stripes of that frequency; 5 is what neither noise nor edges exceed. Values are of the worst slice.

Crisp repeated structure (an implant's mesh) can look alike.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import SPECTRUM_SIDE, FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

TILE = 8
CHANCE = 5.0  # root mean squares, 14 dB: more than noise and the straight edges of anatomy reach
LEAST_BODY = 0.2  # of the frame
INNER = 0.1  # of the highest frequency, inside which anatomy rules

QUANTITIES = {
    "amplitude": Quantity(
        "1",
        "stripes of a spike in k-space are {value:.3f} of the signal high, in slice {worst_slices} (median of "
        "{num_frames} images {median:.3f}), limit {limit:.3f}",
        "第 {worst_slices} 层 k 空间尖峰条纹为信号的 {value:.3f}（{num_frames} 幅图像的中位数 {median:.3f}），"
        "限值 {limit:.3f}",
        remedy_en="have the scanner checked for electric discharges and loose metal; repeat the sequence",
        remedy_zh="请检查设备是否有放电和松动金属；重复该序列",
    ),
    "peak_db": Quantity(
        "dB",
        "strongest spike of the spectrum is {value:.1f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.1f}), limit {limit:.1f}",
        "第 {worst_slice} 层频谱最强尖峰 {value:.1f}（{num_frames} 幅图像的中位数 {median:.1f}），限值 {limit:.1f}",
        remedy_en="have the scanner checked for electric discharges and loose metal; repeat the sequence",
        remedy_zh="请检查设备是否有放电和松动金属；重复该序列",
    ),
}


def peaks(power: "Tensor") -> tuple["Tensor", "Tensor"]:
    """The strongest point of each tile and the mean of its others, [B, tiles] each, of half-plane spectra [B, H, W // 2 + 1].

    Tiles near the middle and on the axes have a peak of 0.
    """
    import torch

    rows, columns = power.shape[1] // TILE, (power.shape[2] - 1) // TILE
    # Column 0 is an axis and is left out; row 0 is, with the tiles that touch it.
    tiles = power[:, : rows * TILE, 1 : 1 + columns * TILE].reshape(len(power), rows, TILE, columns, TILE)
    peak, total = tiles.amax((2, 4)), tiles.sum((2, 4))
    others = (total - peak) / (TILE * TILE - 1)
    # Where the scanner interpolated, outer tiles are all but empty: half the median tile is the least to compare with.
    others = torch.maximum(others, others.flatten(1).median(1).values[:, None, None] / 2).clamp(min=1e-20)
    row = (torch.arange(rows, device=power.device) + 0.5) / rows
    down = torch.minimum(row, 1 - row) * 2
    across = (torch.arange(columns, device=power.device) + 0.5) / max(1, columns)
    outer = (down[:, None] ** 2 + across**2 > INNER**2) & (down[:, None] > TILE / power.shape[1] * 2.1)
    return torch.where(outer, peak, 0.0).flatten(1), others.flatten(1)


def spike_db(peak: "Tensor", others: "Tensor") -> "Tensor":
    """The strongest peak over the others of its tile in dB, [B]."""
    return 10 * (peak / others).amax(1).clamp(min=1.0).log10()


def stripe_height(peak: "Tensor", others: "Tensor", num_pixels: int) -> "Tensor":
    """How high the strongest spike draws its stripes, in the unit of the image of so many pixels: [B]."""
    height: Tensor = (peak.sqrt() - CHANCE * others.sqrt()).clamp(min=0).amax(1) * (2 / num_pixels)
    return height


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    peak, others = peaks(frames.power)
    body = frames.body.float().mean((1, 2)).clamp(min=LEAST_BODY)
    num_pixels = frames.power.shape[1] * min(frames.pixels.shape[2], SPECTRUM_SIDE)
    return {
        "amplitude": stripe_height(peak, others, num_pixels) / (frames.body_mean * body),
        "peak_db": spike_db(peak, others),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.spike.amplitude", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.spike.peak_db", "dB", worst="highest", of_all="worst")
