"""A slice does not continue its neighbours: its content was damaged, lost in part, exchanged, or is another's.

Higher is worse. Each slice of a CT or MR volume is held against the one before and the one after, on means over a grid of about
64 x 64 blocks:

- `outlier`: how far a slice lies outside the range that its two neighbours span, |b - median(a, b, c)|, over how much slices
  differ there (the larger of |a - c| and the two steps beyond, for where anatomy turns, as in the midline, both neighbours are
  alike) and usually (the median of |a - c| over the stack). This is taken in each of about 32 x 32 patches, and of the patches
  that change along the stack the lower quartile: a structure of one slice alone moves few patches, another place moves most.
  The median over the stack is taken off.
- `noise_burst`: pixel-to-pixel detail against the stronger of its neighbours, as a ratio. Detail is the mean |diagonal Haar
  coefficient|, which edges hardly fill, so that noise and broken codestreams stand out; 1 or less is usual.
- `blank_part`: the share of the slice that holds one value and lies outside the range of both neighbours.

The first and last slice have one neighbour: only `noise_burst` looks at them, against the next two. Two damaged slices side by
side may hide each other. Maps that wrap (phase, field) have no such continuity and are not looked at.
Source: the diagonal Haar band as a measure of noise, Donoho and Johnstone 1994 (doi 10.1093/biomet/81.3.425); limits from real
volumes.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.cells import cell_means
from qc_models.features.curve import Curve, Values
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Location, Measurement, Quantity

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIDE = 96  # pixels; the fine detail of smaller images is a few pixels of noise
MIN_SLICES = 5
GRID = 64  # blocks along each side, about
BLANK_BLOCKS = 4  # blocks along each side of a patch that is blank or not
HU_RANGE = (-1000.0, 2000.0)  # what tells anatomy; metal and what lies beyond the scan do not
QUANTILE = 0.25  # of the patches: three quarters differ by more
CHANGING = 0.2  # of the mean change: patches that change less are background
LEAST_CHANGE = 0.1  # of the mean change, by which neighbours differ at least
NEVER_FINER = 0.1  # of the stack's usual detail
BLANK_CONTRAST = 0.1  # of the stack's contrast, by which a blank part differs from both neighbours
WRAPPING_ROLES = frozenset({"PHASE", "FIELDMAP"})
_LISTED = 3

_REMEDY_EN = "compare the slice with the scanner's own copy and send the series again"
_REMEDY_ZH = "请与设备上的原始图像核对该层面后重新上传该序列"
QUANTITIES = {
    "outlier": Quantity(
        "1",
        "slice {number} of {num_slices} is unlike both its neighbours almost everywhere "
        "({value:.2f}, limit {limit:.2f}): damaged, exchanged or another's",
        "第 {number} 层（共 {num_slices} 层）与前后层面几乎处处不连续（{value:.2f}，限值 {limit:.2f}），可能损坏、错位或混入",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "noise_burst": Quantity(
        "1",
        "slice {number} of {num_slices} holds {value:.2f} times the noise of its neighbours (limit {limit:.2f})",
        "第 {number} 层（共 {num_slices} 层）的噪声为相邻层面的 {value:.2f} 倍（限值 {limit:.2f}）",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "blank_part": Quantity(
        "1",
        "{value:.0%} of slice {number} of {num_slices} is blank where its neighbours are not",
        "第 {number} 层（共 {num_slices} 层）有 {value:.0%} 的区域空白，而相邻层面该处有图像",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}


def reduced(pixels: "Tensor", padding: "Tensor | None", *, is_hu: bool) -> tuple["Tensor", "Tensor"]:
    """Means and detail of each block of pixels, both [B, rows, columns], from pixels [B, H, W] of 2 x 2 or more."""
    if padding is not None:
        pixels = pixels.masked_fill(padding, HU_RANGE[0] if is_hu else 0.0)
    values = pixels.float().clamp(*HU_RANGE) if is_hu else pixels.float()
    # Blocks are even, so that the 2 x 2 pixels of one Haar step lie in one block.
    height, width = (2 * max(1, round(side / (2 * GRID))) for side in values.shape[1:])
    rows, columns = values.shape[1] // height, values.shape[2] // width
    whole = values[:, : rows * height, : columns * width]
    top, bottom = whole[:, 0::2], whole[:, 1::2]
    lines = top - bottom
    detail = (lines[..., 0::2] - lines[..., 1::2]).abs_() / 4
    half = height // 2
    return cell_means(top + bottom, half, width) / 2, cell_means(detail, half, width // 2)


def outliers(means: "Tensor") -> "Tensor":
    """How far three quarters of each inner slice lie outside the range of its neighbours, [S - 2] from [S, rows, columns]."""
    import torch

    before, own, after = means[:-2], means[1:-1], means[2:]
    outside, apart = _patches(_outside(before, own, after), 2), _patches((before - after).abs(), 2)
    steps = _patches((means[1:] - means[:-1]).abs(), 2)
    # The steps next to those of a slice; an end has them on one side alone.
    beyond = torch.cat((steps[2:3], steps[:-2])) + torch.cat((steps[2:], steps[-3:-2]))
    usual = apart.median(0).values
    ratio = outside / (torch.maximum(apart, beyond) + usual + LEAST_CHANGE * usual.mean() + 1e-9)
    changing = usual > CHANGING * usual.mean()
    if not changing.any():
        return outside.new_zeros(len(own))
    share = ratio[:, changing].quantile(QUANTILE, dim=1)
    return share - share.median()


def noise_bursts(detail: "Tensor") -> "Tensor":
    """The detail of each slice over the stronger of its neighbours' (of an end: the next two), [S] from [S, rows, columns]."""
    import torch

    level = detail.mean((1, 2))
    one, other = torch.cat((level[2:3], level[:-1])), torch.cat((level[1:], level[-3:-2]))
    return level / (torch.maximum(one, other) + NEVER_FINER * level.median() + 1e-9)


def blank_parts(means: "Tensor", detail: "Tensor") -> "Tensor":
    """The share of each inner slice that is blank and outside the range of its neighbours, [S - 2] from [S, rows, columns]."""
    coarse, texture = _patches(means, BLANK_BLOCKS), _patches(detail, BLANK_BLOCKS)
    contrast = (means - means.mean()).abs().mean()
    blank = (texture[1:-1] == 0) & (_outside(coarse[:-2], coarse[1:-1], coarse[2:]) > BLANK_CONTRAST * contrast)
    return blank.float().mean((1, 2))


def _outside(before: "Tensor", own: "Tensor", after: "Tensor") -> "Tensor":
    """How far each block lies outside the range that the same block of both neighbours spans."""
    import torch

    low, high = torch.minimum(before, after), torch.maximum(before, after)
    return (low - own).clamp(min=0) + (own - high).clamp(min=0)


def _patches(values: "Tensor", blocks: int) -> "Tensor":
    """Means of patches of `blocks` x `blocks`; of a smaller image one patch."""
    from torch.nn.functional import avg_pool2d

    return avg_pool2d(values[:, None], (min(blocks, values.shape[1]), min(blocks, values.shape[2])))[:, 0]


def applies(stack: StackFacts) -> bool:
    """CT and MR volumes: one image at each of five positions or more."""
    return (
        stack.modality in ("CT", "MR")
        and stack.num_slices >= MIN_SLICES
        and stack.num_frames == stack.num_slices
        and stack.step_mm is not None
        and not stack.is_localizer
        and WRAPPING_ROLES.isdisjoint((stack.role, *stack.roles))
        and min(stack.rows, stack.columns) >= MIN_SIDE
    )


def look(frames: FrameFeatures) -> Values:
    """The small images of each frame, which are all that is kept of it."""
    means, detail = reduced(frames.pixels, frames.padding, is_hu=frames.unit == "HU")
    return {"means": means, "detail": detail}


def finish(curve: Curve) -> Iterable[Measurement]:
    """The worst slice by each quantity; nothing where fewer than five slices could be read."""
    import torch

    if len(curve.places) < MIN_SLICES:
        return
    order = sorted(range(len(curve.places)), key=lambda at: curve.places[at])  # a file may hold its frames in any order
    means, detail = (torch.cat(curve.values[name])[order] for name in ("means", "detail"))
    places = [curve.places[at] for at in order]
    for quantity, values, looked_at in (
        ("outlier", outliers(means), places[1:-1]),
        ("noise_burst", noise_bursts(detail), places),
        ("blank_part", blank_parts(means, detail), places[1:-1]),
    ):
        ranked = sorted(zip(values.tolist(), looked_at, strict=True), key=lambda entry: (-entry[0], entry[1]))
        worst, (slice_index, sop_instance_uid, frame) = ranked[0]
        yield Measurement(
            f"completeness.slice_consistency.{quantity}",
            worst,
            "1",
            Location(curve.facts.series_instance_uid, sop_instance_uid, frame, slice_index, None, curve.facts.index),
            {
                "number": slice_index + 1,
                "num_slices": len(places),
                "highest": [[place[0], round(value, 3)] for value, place in ranked[:_LISTED]],
            },
        )
