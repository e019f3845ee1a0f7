"""Streaks in a CT stack: straight bright and dark lines through soft tissue and away from metal, from motion or starved rays.

Direction: higher is worse. Streaks run in the directions of few views, noise in all, and by the central section theorem a view
is one direction of the spectrum. Slice by slice the coarse means of even soft tissue, off any border, are freed of their slow
changes, held within two mean deviations and transformed; their power between 0.1 and 0.5 cycles a cell is averaged over 90
wedges of 2 degrees, three of which make a direction. `oriented_hu` is the root of what the strongest direction has above the
median one: the deviation in HU of a noise of cells that in all directions were as strong; `oriented_ratio` is the root of its
share of the median one, 1 in even noise.

`metal_hu` tells streaks of metal, which are few and radial: about the metal (above 3000 HU, at least 20 mm²) soft tissue is
averaged outwards from 8 to 60 mm along 120 directions; the value is the standard deviation of a direction against those 9
degrees beside it. Values are of the worst frame; muscle with fat between its strands has directions too.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.cells import cell_means, window_means
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import TYPICAL_SPACING_MM, FrameFeatures
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

WEDGES = 90
BAND = (0.1, 0.5)  # cycles a cell
LEAST_CELLS = 220
CLIP = 2.0  # mean deviations, beyond which it is a vessel or a border
SLOW = 2  # cells along a side of a block; 3 x 3 of them give the slow change

METAL_HU = 3000.0
LEAST_METAL_MM2 = 20.0
RAY_MM = (8.0, 60.0)
RAY_HU = (-200.0, 300.0)  # soft tissue and fat with their streaks
NUM_RAYS = 120
BESIDE = 3  # rays to each side
LEAST_RAYS = 20

_TEXTS = {
    "remedy_en": "look for motion, metal and starved rays; repeat once the cause is removed",
    "remedy_zh": "请查找运动、金属和光子不足；消除原因后重复",
}
QUANTITIES = {
    "oriented_hu": Quantity(
        "HU",
        "streaks in one direction reach {value:.0f} at slice {worst_slices} (median of "
        "{num_frames} images {median:.0f}), limit {limit:.0f}",
        "第 {worst_slices} 层同一方向条纹达 {value:.0f}（{num_frames} 幅图像的中位数 {median:.0f}），限值 {limit:.0f}",
        **_TEXTS,
    ),
    "oriented_ratio": Quantity(
        "1",
        "texture in one direction is {value:.1f} times that of others at slice {worst_slices} (median of "
        "{num_frames} images {median:.1f}), limit {limit:.1f}",
        "第 {worst_slices} 层某一方向的纹理为其他方向的 {value:.1f} 倍"
        "（{num_frames} 幅图像的中位数 {median:.1f}），限值 {limit:.1f}",
        **_TEXTS,
    ),
    "metal_hu": Quantity(
        "HU",
        "streaks from metal reach {value:.0f} at slice {worst_slices} (median of "
        "{num_frames} images with metal {median:.0f}), limit {limit:.0f}",
        "第 {worst_slices} 层金属条纹达 {value:.0f}（{num_frames} 幅含金属图像的中位数 {median:.0f}），"
        "限值 {limit:.0f}",
        remedy_en="use metal artifact reduction, higher kV and thinner slices",
        remedy_zh="请使用金属伪影校正、更高管电压和更薄层厚",
    ),
}


@lru_cache(16)
def _wedges(height: int, width: int, device: str) -> tuple["Tensor", "Tensor"]:
    """Which places of a half-plane spectrum lie in the band, and the matrix [places, wedges] that averages them by direction."""
    import torch

    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None].expand(height, -1)
    frequency = torch.hypot(down, across).flatten()
    places = ((frequency > BAND[0]) & (frequency < BAND[1])).nonzero()[:, 0]
    direction = torch.atan2(down.expand_as(across), across).flatten()[places] % math.pi
    wedge = (direction * (WEDGES / math.pi)).long().clamp(0, WEDGES - 1)
    matrix = torch.nn.functional.one_hot(wedge, WEDGES).float()
    return places.to(device), (matrix / matrix.sum(0).clamp(min=1)).to(device)


def directional_power(means_hu: "Tensor", soft: "Tensor") -> "Tensor":
    """Power of soft tissue's texture per direction, [B, 90] in HU², from means and a mask [B, h, w]; s² for white noise of s."""
    import torch

    rows, columns = (size // SLOW * SLOW for size in means_hu.shape[1:])
    means, inside = means_hu[:, :rows, :columns], soft[:, :rows, :columns].float()
    area = inside.flatten(1).sum(1)
    fine = (means - _slow(means, inside)) * inside
    bound = CLIP * (fine.abs().flatten(1).sum(1) / area.clamp(min=1))[:, None, None]
    spectrum = torch.fft.rfft2(torch.maximum(torch.minimum(fine, bound), -bound))
    places, matrix = _wedges(rows, columns, str(means.device))
    power = torch.view_as_real(spectrum.flatten(1)[:, places]).square().sum(2) @ matrix
    return (power / area[:, None]).masked_fill(area[:, None] < LEAST_CELLS, math.nan)


def _slow(means: "Tensor", inside: "Tensor") -> "Tensor":
    """The mean of soft tissue over 6 x 6 cells about each block of 2 x 2, [B, h, w]."""
    import torch
    from torch.nn.functional import pad

    blocks = torch.cat([cell_means(values, SLOW, SLOW) for values in (means * inside, inside)])
    total, share = window_means(pad(blocks, (1, 1, 1, 1)), 3, 1).chunk(2)
    return (total / share.clamp(min=1e-3)).repeat_interleave(SLOW, 1).repeat_interleave(SLOW, 2)


def strongest_direction(power: "Tensor") -> tuple["Tensor", "Tensor"]:
    """What the strongest direction of power [B, N] has above the median (root, HU), and the root of their ratio: [B] each."""
    strongest = ((power + power.roll(1, 1) + power.roll(-1, 1)) / 3).amax(1)
    middle = power.median(1).values
    return (strongest - middle).clamp(min=0).sqrt(), (strongest / middle.clamp(min=1e-6)).sqrt()


def metal_streaks(pixels_hu: "Tensor", spacing_mm: tuple[float, float]) -> "Tensor":
    """The deviation in HU of rays about metal from those beside, [B], from frames [B, H, W] that have some; else NaN."""
    import torch
    from torch.nn.functional import grid_sample

    height, width = pixels_hu.shape[1:]
    metal = (pixels_hu > METAL_HU).float()
    count = metal.flatten(1).sum(1)
    down, across = (torch.arange(size, device=metal.device) + 0.5 for size in (height, width))
    row = (metal.sum(2) * down).sum(1) / count.clamp(min=1)
    column = (metal.sum(1) * across).sum(1) / count.clamp(min=1)
    radius = torch.arange(RAY_MM[0], RAY_MM[1], max(spacing_mm), device=metal.device)
    angle = torch.arange(NUM_RAYS, device=metal.device) * (2 * math.pi / NUM_RAYS)
    y = row[:, None, None] + radius[:, None] * angle.sin() / spacing_mm[0]
    x = column[:, None, None] + radius[:, None] * angle.cos() / spacing_mm[1]
    grid = torch.stack((x * (2 / width) - 1, y * (2 / height) - 1), 3)
    rays = grid_sample(pixels_hu[:, None], grid, align_corners=False)[:, 0]
    soft = (rays > RAY_HU[0]) & (rays < RAY_HU[1]) & (grid.abs() < 1).all(3)
    share = soft.float().mean(1)
    profile = (rays * soft).mean(1) / share.clamp(min=1e-3)
    off = profile - (profile.roll(BESIDE, 1) + profile.roll(-BESIDE, 1)) / 2
    seen = share > 0.25
    seen = seen & seen.roll(BESIDE, 1) & seen.roll(-BESIDE, 1)
    spread = ((off * off * seen).sum(1) / seen.sum(1).clamp(min=1) / 1.5).sqrt()
    return spread.masked_fill((count < 1) | (seen.sum(1) < LEAST_RAYS), math.nan)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    oriented, ratio = strongest_direction(directional_power(frames.means, frames.soft_tissue))
    row_mm, column_mm = frames.spacing_mm or TYPICAL_SPACING_MM
    metal = torch.full_like(oriented, math.nan)
    some = (
        (frames.peaks > METAL_HU).flatten(1).any(1).nonzero()[:, 0]
    )  # few frames have any, and no other is read in full
    area = (frames.pixels[some] > METAL_HU).flatten(1).sum(1) * (row_mm * column_mm)
    some = some[area >= LEAST_METAL_MM2]
    if len(some):
        metal[some] = metal_streaks(frames.pixels[some], (row_mm, column_mm))
    return {"oriented_hu": oriented, "oriented_ratio": ratio, "metal_hu": metal}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    yield from curve.measurement("artifacts.streak.oriented_hu", "HU", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.streak.oriented_ratio", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.streak.metal_hu", "HU", worst="highest", of_all="worst")
