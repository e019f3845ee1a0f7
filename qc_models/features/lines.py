"""Rows and columns that stand out from their neighbours: how bright, how noisy, where."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

REACH = 2  # lines to both sides that a line is held against
BESIDE = 7  # lines to each side of the middle line of those beside
GAP = 3
CLIP = 3.0  # of the frame's mean, beyond which a pixel counts no more


def line_box(rows: "Tensor", columns: "Tensor") -> "Tensor":
    """The box (row, column, height, width) of the line of the greatest score, [B, 4], from scores [B, lines - 4] of both."""
    import torch

    row, column = rows.max(1), columns.max(1)
    height, width = (torch.full_like(row.indices, scores.shape[1] + 2 * REACH) for scores in (rows, columns))
    zero, one = torch.zeros_like(height), torch.ones_like(height)
    row_box = torch.stack((row.indices + REACH, zero, one, width), 1)
    column_box = torch.stack((zero, column.indices + REACH, height, one), 1)
    return torch.where((column.values > row.values)[:, None], column_box, row_box)


def ridges(pixels: "Tensor", dim: int) -> "Tensor":
    """How far each pixel stands above (below: negative) both the pixels two lines before and two behind along `dim`; else 0.

    Two lines at each end are left out. A step from one level to another gives 0, a line on any ground its height.
    """
    import torch

    size = pixels.shape[dim]
    rise = pixels.narrow(dim, REACH, size - REACH) - pixels.narrow(dim, 0, size - REACH)
    before, behind = rise.narrow(dim, 0, size - 2 * REACH), -rise.narrow(dim, REACH, size - 2 * REACH)
    return torch.minimum(before, behind).clamp(min=0) + torch.maximum(before, behind).clamp(max=0)


def beside(profile: "Tensor", reach: int, gap: int, of: "Callable[[Tensor, int], Tensor]") -> "Tensor":
    """What a profile [B, N] shows beside each place: `of` 2 · `reach` + 1 values behind a gap, the greater side."""
    import torch

    middle = of(profile, reach)
    away = reach + gap
    ends = (middle[:, :1].expand(-1, away), middle, middle[:, -1:].expand(-1, away))
    padded = torch.cat(ends, 1)
    return torch.maximum(padded[:, : profile.shape[1]], padded[:, 2 * away :])


def running_median(profile: "Tensor", reach: int, step: int = 1) -> "Tensor":
    """The median of each value of a profile [B, N] and its neighbours up to `reach` away; ends repeat the last value.

    Of a smooth profile every `step`-th neighbour, counted from the first one, is enough.
    """
    import torch

    ends = (profile[:, :1].expand(-1, reach), profile, profile[:, -1:].expand(-1, reach))
    return torch.cat(ends, 1).unfold(1, 2 * reach + 1, 1)[..., ::step].median(2).values


def running_mean(profile: "Tensor", reach: int) -> "Tensor":
    """The mean of each value of a profile [B, N] and its neighbours up to `reach` away, fewer at the ends."""
    from torch.nn.functional import avg_pool1d

    return avg_pool1d(profile[:, None], 2 * reach + 1, 1, reach, count_include_pad=False)[:, 0]
