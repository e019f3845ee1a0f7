"""Ghosts of an MR stack: copies of the patient along the phase-encoding direction, from motion, flow or echo mismatch.

Direction: higher is worse. Slice by slice, for both directions of the frame, since headers often hide which one is phase-encoded:

`repeat` = how much the texture is that of the same lines some way off. What varies periodically from line to line of k-space lays
displaced copies over the picture (Wood and Henkelman, Med Phys 1985, doi 10.1118/1.595782), with tissue and without: its texture
(the mixed difference of neighbours in both directions, clipped at the frame's mean, so that no bright edge rules) correlates with
itself at the distance of the copy, along one direction. The value is the greatest ridge of that autocorrelation, either sign, over
distances of 6 to 85 % of the frame, times sqrt(share of lines that such a distance leaves); anatomy alone gives 0.01 to 0.05.
Frames are averaged to about 200 to 400 pixels first; those with a body of less than 5 %
and those of less than 128 pixels are not measured. The value is the worst that two of three neighbouring frames reach.

`n2_ratio` = (mean of the air under the body shifted by half the frame - mean of other air) / mean of the body (ghost-to-signal
ratio, Giannelli et al. 2010, doi 10.1120/jacmp.v11i4.3237); the mean of other air is the noise that is taken off.
`directional_ratio` = |mean of the air above and below the body - mean of the air beside it| / mean of the body (percent signal
ghosting of the ACR phantom manual, as a ratio), for ghosts at any distance. Values are of the worst frame.

`band_ratio`, where no air shows: the texture along each line, which is the mean of sqrt|pixel - mean of the pixels two before and
behind on the line|, squared, averaged over 1/64 of the frame to each side, over the same beside the band (the greater side; at
least half of the frame's mean). A band of ghosts through the frame stands out; a layer of fat along it does not, being even along
its lines. Its box is the middle line.

A body that fills the frame leaves no air to look at, and the first two are not measured.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.features.lines import REACH, beside, line_box, running_mean, running_median
from qc_models.features.masked_statistics import masked_mean
from qc_models.findings import Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

BAND_SHARE = 1 / 64  # of the frame, to each side of the middle of a band
BESIDE_BANDS = 6  # half the lines beside, in reaches of a band
LEAST_BODY = 0.05  # of the frame: the few edges of less repeat by chance
LEAST_SIDE = 128  # pixels; in smaller images chance alone repeats the texture of a few lines
NEAREST, FARTHEST = (
    0.06,
    0.85,
)  # distances of a copy, of the frame: nearer ones are texture's own, farther ones leave few lines
RIDGE_SHARE = 1 / 85  # of the frame, by which a ridge of the autocorrelation stands off its surroundings

QUANTITIES = {
    "repeat": Quantity(
        "1",
        "the image repeats itself, {distance_percent:.0f} % of the frame further {along}, with a correlation of {value:.3f} in "
        "slice {worst_slices} (median of {num_frames} images {median:.3f}), limit {limit:.3f}",
        "第 {worst_slices} 层图像{along_zh} {distance_percent:.0f}% 处重复自身，相关系数 {value:.3f}"
        "（{num_frames} 幅图像的中位数 {median:.3f}），限值 {limit:.3f}",
        remedy_en="look for motion, breathing, flow and echo alignment along the phase direction; repeat the sequence",
        remedy_zh="请查找相位方向的运动、呼吸、血流和回波对准问题；重复该序列",
    ),
    "n2_ratio": Quantity(
        "1",
        "ghost-to-signal ratio (half a frame away) is {value:.3f} at slice {worst_slice} (median "
        "of {num_frames} images {median:.3f}), limit {limit:.3f}",
        "第 {worst_slice} 层半视野鬼影信号比 {value:.3f}（{num_frames} 幅图像的中位数 {median:.3f}），限值 {limit:.3f}",
        remedy_en="look for motion, flow and echo alignment; repeat the sequence",
        remedy_zh="请查找运动、血流和回波对准问题；重复该序列",
    ),
    "directional_ratio": Quantity(
        "1",
        "ghosting ratio (air above and below against air beside) is {value:.3f} at slice "
        "{worst_slice} (median of {num_frames} images {median:.3f}), limit {limit:.3f}",
        "第 {worst_slice} 层鬼影比（上下空气对左右空气） {value:.3f}（{num_frames} 幅图像的中位数 {median:.3f}），限值 {limit:.3f}",
        remedy_en="look for motion, breathing and flow along the phase direction; repeat the sequence",
        remedy_zh="请查找相位方向的运动、呼吸和血流；重复该序列",
    ),
    "band_ratio": Quantity(
        "1",
        "texture of a band across the image against its surroundings is {value:.2f} at slice "
        "{worst_slice} (median of {num_frames} images {median:.2f}), limit {limit:.2f}",
        "第 {worst_slice} 层图像条带区纹理与两侧之比 {value:.2f}（{num_frames} 幅图像的中位数 {median:.2f}），限值 {limit:.2f}",
        remedy_en="look for ghosts of a moving or very bright part (coil, vessel); repeat the sequence",
        remedy_zh="请查找运动或高信号结构（线圈、血管）的鬼影；重复该序列",
    ),
}


def repeats(likeness: "Tensor") -> tuple["Tensor", "Tensor"]:
    """The greatest ridge of an autocorrelation [B, N], either sign, and its distance as a share of the frame: [B] each."""
    import torch

    size = likeness.shape[1]
    gap = max(3, round(size * RIDGE_SHARE))
    first, last = max(gap, round(NEAREST * size)), round(FARTHEST * size)
    here = likeness[:, first:last]
    before, behind = likeness[:, first - gap : last - gap], likeness[:, first + gap : last + gap]
    ridge = torch.maximum(here - torch.maximum(before, behind), torch.minimum(before, behind) - here)
    best = ridge.max(1)
    return best.values, (best.indices + first) / size


def half_frame_ghost(values: "Tensor", body: "Tensor", air: "Tensor", body_mean: "Tensor", dim: int) -> "Tensor":
    """(mean of air under the body shifted by half of `dim` - mean of other air) / mean of the body: [B]."""
    shifted = body.roll(body.shape[dim] // 2, dim)
    return (masked_mean(values, air & shifted) - masked_mean(values, air & ~shifted)) / body_mean


def directional_ghost(values: "Tensor", body: "Tensor", air: "Tensor", body_mean: "Tensor") -> "Tensor":
    """|mean of air in the columns of the body - mean of air in its rows| / mean of the body: [B]; corners are in neither."""
    above_below = body.any(1, keepdim=True) & ~body.any(2, keepdim=True) & air
    sides = body.any(2, keepdim=True) & ~body.any(1, keepdim=True) & air
    return (masked_mean(values, above_below) - masked_mean(values, sides)).abs() / body_mean


def band_ratios(pixels: "Tensor", dim: int, step: int) -> "Tensor":
    """Texture along the lines around each place of `dim` over that beside, [B, N - 4], of every `step`-th pixel of a line."""
    import torch

    size = pixels.shape[3 - dim] - 2 * REACH
    before, middle, behind = (
        pixels[:, :, first : first + size : step] if dim == 1 else pixels[:, first : first + size : step]
        for first in (0, REACH, 2 * REACH)
    )
    texture = (middle - (before + behind) / 2).abs().sqrt().mean(3 - dim).square()
    reach = max(2, round(pixels.shape[dim] * BAND_SHARE))
    band = running_mean(texture, reach)
    usual = partial(running_median, step=reach)  # the band is a running mean, so that neighbours say the same
    around = torch.maximum(beside(band, BESIDE_BANDS * reach, 2 * reach, usual), band.mean(1, keepdim=True) / 2)
    ratio = band / around.clamp(min=1e-12)
    # A rim of the frame has no band on its far side.
    return ratio[:, REACH:-REACH]


def applies(stack: StackFacts) -> bool:
    """MR images as acquired, but for scouts."""
    return stack.modality == "MR" and not stack.is_localizer and not stack.derived


def look(frames: FrameFeatures) -> Values:
    """What each frame shows."""
    import torch

    air, body, values = frames.air, frames.body, frames.samples
    rows, columns = (band_ratios(frames.pixels, dim, frames.cell) for dim in (1, 2))
    band = torch.maximum(rows.amax(1), columns.amax(1))
    (down, down_distance), (across, across_distance) = (repeats(likeness) for likeness in frames.self_likeness)
    small = min(frames.pixels.shape[1:]) < LEAST_SIDE
    ghosts = [half_frame_ghost(values, body, air, frames.body_mean, dim) for dim in (1, 2)]
    return {
        "repeat": torch.maximum(down, across).masked_fill(small | (body.float().mean((1, 2)) < LEAST_BODY), math.nan),
        "distance": torch.where(across > down, across_distance, down_distance),
        "across": (across > down).float(),
        "n2_ratio": ghosts[0].fmax(ghosts[1]).clamp(min=0),
        "directional_ratio": directional_ghost(values, body, air, frames.body_mean),
        "band_ratio": band.masked_fill(air.flatten(1).any(1), math.nan),
        "band_box": line_box(rows, columns),
    }


def finish(curve: Curve) -> Iterable[Measurement]:
    """The measurements of the stack, each at its worst frame."""
    for found in curve.measurement("artifacts.ghosting.repeat", "1", worst="highest", of_all="lasting"):
        where = (found.location.slice, found.location.sop_instance_uid, found.location.frame)
        place = next(i for i, found_at in enumerate(curve.places) if found_at == where)
        across = _at(curve, "across", place) > 0
        words = {"along": "across" if across else "down", "along_zh": "横向" if across else "纵向"}
        yield replace(found, detail={**found.detail, "distance_percent": 100 * _at(curve, "distance", place), **words})
    yield from curve.measurement("artifacts.ghosting.n2_ratio", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.ghosting.directional_ratio", "1", worst="highest", of_all="worst")
    yield from curve.measurement("artifacts.ghosting.band_ratio", "1", worst="highest", of_all="worst", box="band_box")


def _at(state: Curve, name: str, place: int) -> float:
    import torch

    return round(torch.cat(state.values[name])[place].item(), 4)
