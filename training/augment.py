"""Changes of a batch of pictures that keep what they show: turned a little, moved, stretched, brightened, blurred, covered.

All chances are drawn from a generator on the CPU, so that a seed gives the same pictures on every device.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample


@dataclass(frozen=True, slots=True)
class Changes:
    """How far pictures are changed at most; shares are of the picture's side."""

    turn_deg: float = 15.0
    scale: float = 0.25
    shift: float = 0.1
    stretch: float = 0.1
    mirror: float = 0.5  # chance of left and right exchanged
    gamma: float = 0.4
    contrast: float = 0.3
    noise: float = 0.04
    blur: float = 0.2  # chance
    cover: float = 0.3  # chance that a rectangle is covered


def changed(pictures: Tensor, changes: Changes, generator: torch.Generator) -> Tensor:
    """A batch [B, 1, H, W] from 0 to 1, each picture changed in its own way."""
    count = len(pictures)
    moved = grid_sample(pictures, _grid(pictures, changes, generator), padding_mode="zeros", align_corners=False)
    blurred = avg_pool2d(moved, 3, 1, 1)
    moved = torch.where(_chance(count, changes.blur, generator, pictures), blurred, moved)
    gamma = torch.exp(_evenly(count, changes.gamma, generator, pictures))
    contrast = torch.exp(_evenly(count, changes.contrast, generator, pictures))
    middle = moved.mean((1, 2, 3), keepdim=True)
    moved = ((moved - middle) * contrast + middle).clamp(0, 1) ** gamma
    size = torch.rand(count, generator=generator).to(pictures).reshape(-1, 1, 1, 1) * changes.noise
    moved = moved + torch.randn(moved.shape, generator=generator).to(pictures) * size
    return (moved * ~_covered(moved, changes, generator)).clamp(0, 1)


def _grid(pictures: Tensor, changes: Changes, generator: torch.Generator) -> Tensor:
    """Where each pixel of the changed pictures comes from."""
    count = len(pictures)

    def draw(most: float) -> Tensor:
        return _evenly(count, most, generator, pictures).flatten()

    turn, scale = draw(changes.turn_deg) * math.pi / 180, torch.exp(draw(changes.scale))
    stretch = torch.exp(draw(changes.stretch))
    mirror = 1 - 2 * _chance(count, changes.mirror, generator, pictures).flatten().float()
    across, down = draw(2 * changes.shift), draw(2 * changes.shift)
    cos, sin = turn.cos(), turn.sin()
    rows = (
        torch.stack((scale * stretch * cos * mirror, -scale * sin, across), 1),
        torch.stack((scale * sin * mirror, scale / stretch * cos, down), 1),
    )
    return affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)


def _covered(pictures: Tensor, changes: Changes, generator: torch.Generator) -> Tensor:
    """The pixels of a rectangle of each picture that has one, [B, 1, H, W]."""
    count, _, height, width = pictures.shape
    drawn = torch.rand((count, 4), generator=generator).to(pictures)
    half = 0.1 + 0.15 * drawn[:, 2:]
    down = torch.arange(height, device=pictures.device)[None] / height - drawn[:, :1]
    across = torch.arange(width, device=pictures.device)[None] / width - drawn[:, 1:2]
    inside = (down.abs() < half[:, :1])[:, None, :, None] & (across.abs() < half[:, 1:])[:, None, None, :]
    return inside & _chance(count, changes.cover, generator, pictures)


def _evenly(count: int, most: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers from -most to most, [B, 1, 1, 1]."""
    return ((2 * torch.rand(count, generator=generator) - 1) * most).to(like).reshape(-1, 1, 1, 1)


def _chance(count: int, share: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """True for about a share of the pictures, [B, 1, 1, 1]."""
    return (torch.rand(count, generator=generator) < share).to(like.device).reshape(-1, 1, 1, 1)
