"""The image noise of a CT stack: how far Hounsfield units scatter where tissue is even.

Direction: higher is worse. Global noise level after Christianson et al. 2015 with the gradient mask of
doi 10.1088/1361-6560/ad3883: a window of about 7.5 mm slides over the slice in steps of two thirds of it; windows that hold
anything but soft tissue, or that mostly slope, are dropped; of the rest the standard deviation around a fitted plane is
taken, and the noise of the slice is the mode of its histogram, which vessels, fat planes and textures do not move.

Work is done on means of blocks of a third of a window, so that a pixel is read twice whatever the window. Noise coarser than
the window is not seen. `soft_5mm_hu` makes stacks of soft kernels comparable: noise falls with the square root of slice
thickness (Brooks and Di Chiro 1976).
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.cells import cell_means
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TISSUE_HU, TYPICAL_SPACING_MM, FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

BLOCK_MM = 2.5  # a window is three blocks wide
MAX_SLOPE_SHARE = 0.25  # of a window's variance that a plane may explain
NOISE_HU = (0.5, 200.0)  # what counts as noise; below lies filled-in background
BIN = 0.02  # of the histogram, in log units: 2 %
BIN_SMOOTHING = 4.0  # bins, about the scatter of one window's standard deviation
PADDING_HU = -3e4  # so low that a window with one such pixel is neither soft nor even, and finite, which is fast
MIN_WINDOWS = 30  # overlapping windows of a slice below which it tells nothing
REFERENCE_THICKNESS_MM = 5.0
SHARP = frozenset({"bone", "lung"})

_TEXTS = {
    "remedy_en": "check tube current, slice thickness and kernel for this patient size; send a smoother or thicker reconstruction",
    "remedy_zh": "请核对管电流、层厚和重建算法是否适合该患者体型；可补传更平滑或更厚的重建",
}
QUANTITIES = {
    "median_hu": Quantity(
        "HU",
        "image noise is {value:.1f} HU (median of {num_frames} images), limit {limit:.1f} HU",
        "图像噪声 {value:.1f} HU（{num_frames} 幅图像的中位数），限值 {limit:.1f} HU",
        **_TEXTS,
    ),
    "worst_hu": Quantity(
        "HU",
        "image noise of the noisiest slice is {value:.1f} HU, limit {limit:.1f} HU",
        "噪声最大层面为 {value:.1f} HU，限值 {limit:.1f} HU",
        **_TEXTS,
    ),
    "soft_5mm_hu": Quantity(
        "HU",
        "image noise is {value:.1f} HU when scaled to 5 mm slices, limit {limit:.1f} HU",
        "折算到 5 mm 层厚的图像噪声为 {value:.1f} HU，限值 {limit:.1f} HU",
        **_TEXTS,
    ),
}


def at_reference_thickness(noise_hu: float, slice_thickness_mm: float) -> float:
    """The noise that 5 mm slices of the same acquisition would show: noise · √(thickness / 5 mm)."""
    return noise_hu * math.sqrt(slice_thickness_mm / REFERENCE_THICKNESS_MM)


def noise_levels(pixels: "Tensor", padding: "Tensor | None", spacing_mm: tuple[float, float] | None) -> "Tensor":
    """The noise of each frame in HU, [B] from pixels [B, H, W]; NaN where too little even soft tissue shows."""
    import torch

    row_block, column_block = (max(2, round(BLOCK_MM / mm)) for mm in spacing_mm or TYPICAL_SPACING_MM)
    values = pixels.float() if padding is None else pixels.float().masked_fill(padding, PADDING_HU)
    means = cell_means(values, row_block, column_block)
    squares = cell_means(values * values, row_block, column_block)
    is_soft = _window_sums(((means > TISSUE_HU[0]) & (means < TISSUE_HU[1])).float()) > 8.5
    variance = _window_sums(squares) / 9 - (_window_sums(means) / 9) ** 2
    slope = _plane_variance(means, column_block, dim=2) + _plane_variance(means, row_block, dim=1)
    num_pixels = 9 * row_block * column_block
    residual = (variance - slope) * (num_pixels / (num_pixels - 3))  # three degrees of freedom went into the plane
    even = (
        is_soft & (slope < MAX_SLOPE_SHARE * variance) & (residual > NOISE_HU[0] ** 2) & (residual < NOISE_HU[1] ** 2)
    )
    levels = _mode(residual.clamp(NOISE_HU[0] ** 2, NOISE_HU[1] ** 2).flatten(1), even.flatten(1))
    return torch.where(even.flatten(1).sum(1) >= MIN_WINDOWS, levels, math.nan)


def _window_sums(blocks: "Tensor") -> "Tensor":
    """Sums over 3 x 3 blocks, each window two blocks further: [B, about rows / 2, about columns / 2]."""
    rows = blocks[:, :-2:2] + blocks[:, 1:-1:2] + blocks[:, 2::2]
    return rows[..., :-2:2] + rows[..., 1:-1:2] + rows[..., 2::2]


def _plane_variance(means: "Tensor", block: int, dim: int) -> "Tensor":
    """What the slope of a window along `dim` adds to its variance, as if it were a plane over 3 · `block` pixels."""
    across = means.transpose(1, 2) if dim == 1 else means
    sums = across[:, :-2:2] + across[:, 1:-1:2] + across[:, 2::2]
    slope = (sums[..., 2::2] - sums[..., :-2:2]) / 6  # per block: two blocks apart, three rows of them
    variance = slope**2 * (9 * block**2 - 1) / (12 * block**2)
    return variance.transpose(1, 2) if dim == 1 else variance


def _mode(variances: "Tensor", counts: "Tensor") -> "Tensor":
    """The commonest deviation of the variances [B, N] that count, from a smoothed histogram of density per HU: [B]."""
    import torch

    num_bins = math.ceil(math.log(NOISE_HU[1] / NOISE_HU[0]) / BIN) + 1
    bins = ((variances.log() / 2 - math.log(NOISE_HU[0])) / BIN).long().clamp(0, num_bins - 1)
    histogram = torch.zeros(len(variances), num_bins, device=variances.device)
    histogram.scatter_add_(1, bins, counts.float())
    number = torch.arange(num_bins, device=variances.device, dtype=torch.float32)
    smoothing = torch.exp(-0.5 * ((number[:, None] - number) / BIN_SMOOTHING) ** 2)
    density = (histogram * torch.exp(-number * BIN)) @ smoothing
    peak = density.argmax(1, keepdim=True).clamp(1, num_bins - 2)
    below, at, above = density.gather(1, torch.cat((peak - 1, peak, peak + 1), 1)).unbind(1)
    # The top of the parabola through the peak and its neighbours lies between them.
    between = ((below - above) / (2 * (below - 2 * at + above))).clamp(-0.5, 0.5)
    return NOISE_HU[0] * torch.exp((peak[:, 0] + 0.5 + between) * BIN)


def applies(stack: StackFacts) -> bool:
    """CT but for projections of several slices into one, whose noise is no measure of the acquisition."""
    return stack.modality == "CT" and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    return {"level_hu": noise_levels(frames.pixels, frames.padding, frames.spacing_mm)}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The median and the worst over the stack, and the curve along it; nothing where no frame shows enough soft tissue."""
    thickness_mm, is_sharp = curve.facts.slice_thickness_mm, not SHARP.isdisjoint(curve.facts.components)
    found = curve.measurement("adequacy.noise_hu.median_hu", "HU", worst="highest", of_all="median", name="level_hu")
    yield from found
    yield from curve.measurement("adequacy.noise_hu.worst_hu", "HU", worst="highest", of_all="worst", name="level_hu")
    for middle in found:
        if thickness_mm and not is_sharp:
            scaled = at_reference_thickness(middle.value, thickness_mm)
            yield replace(middle, metric="adequacy.noise_hu.soft_5mm_hu", value=scaled)
