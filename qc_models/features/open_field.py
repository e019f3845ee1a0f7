"""The open field of a radiograph: where the beam was let through, between blades or black frames that lie along its sides."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FLAT_SHARE = 0.02  # of the image's span, within which the middle four fifths of a covered line lie
LEVEL_SHARE = 0.05  # of the span, by which a covered line may differ from the outermost
LEAST_OPEN = 4  # lines; with fewer the image is flat, and nothing covers it


def covered_bands(cells: "Tensor", span: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Lines of cells [B, h, w] that are covered from the top, bottom, left and right, [B, 4], and the level of each side, [B, 4].

    From a side on, lines are covered as long as they are flat (a marker of a tenth of the line does not count) and as bright as
    the outermost, by the `span` [B] of the image.
    """
    import torch

    counts, levels = [], []
    for dim in (1, 2):
        across = 3 - dim
        size, lines = cells.shape[across], cells.shape[dim]
        ordered = cells.sort(across).values
        low, middle, high = (ordered.select(across, place) for place in (size // 10, size // 2, size - 1 - size // 10))
        flat = high - low < FLAT_SHARE * span[:, None]
        for backward in (False, True):
            level, even = (values.flip(1) if backward else values for values in (middle, flat))
            alike = (level - level[:, :1]).abs() < LEVEL_SHARE * span[:, None]
            count = (even & alike).int().cumprod(1).sum(1)
            counts.append(torch.where(count > lines - LEAST_OPEN, 0, count))
            levels.append(level[:, 0])
    return torch.stack(counts, 1), torch.stack(levels, 1)


def edge_lines(cells: "Tensor", bands: "Tensor", depth: int) -> list[tuple["Tensor", "Tensor"]]:
    """For each side the line that lies `depth` cells inside the open field, [B, n], and which of its cells do so too, [B, n]."""
    import torch

    lines = []
    for side in range(4):
        dim = 1 if side < 2 else 2
        last = cells.shape[dim] - 1
        place = (bands[:, side] + depth).clamp(max=last)
        place = last - place if side % 2 else place
        line = cells.gather(
            dim, place.reshape(-1, 1, 1).expand(*(1 if d == dim else n for d, n in enumerate(cells.shape)))
        )
        line = line.squeeze(dim)
        first, behind = (bands[:, other, None] + depth for other in ((2, 3) if dim == 1 else (0, 1)))
        along = torch.arange(line.shape[1], device=cells.device)
        lines.append((line, (along >= first) & (along < line.shape[1] - behind)))
    return lines
