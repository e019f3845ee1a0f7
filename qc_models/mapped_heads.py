"""A small network that finds kinds of flaws in a picture and says where: each kind is told from a coarse map of the picture."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.nets.resnet import ResNetBlock
from torch import Tensor, nn

CELLS = 8  # of the map that is handed on, along each side


class MappedHeads(nn.Module):
    """From [B, 1, rows, columns] to raw numbers of each kind [B, kinds], severities from 0 to 1 [B, kinds], a map [B, CELLS²].

    A kind's raw number is the mean of its map and its highest, so that a line or a ring counts beside what is everywhere. The map
    that is handed on is that of the most probable kinds. The stem reads every fourth pixel with filters of eight by eight: fine
    texture is told by how strongly they answer. It sees the picture three times: as it is, with its dark parts raised, where
    ghosts and noise lie, and without what changes slowly.
    """

    def __init__(self, kinds: int, widths: Sequence[int] = (24, 64, 112, 144), dropout: float = 0.1) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 8, 4, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        first = _block(widths[0], widths[0], 1)
        self.body = nn.Sequential(first, *(_block(*pair, 2) for pair in pairwise(widths)))
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Conv2d(widths[-1], kinds, 1)
        self.severity = nn.Linear(2 * widths[-1], kinds)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw numbers, severities and the map."""
        features = self.dropout(self.body(self.stem(_three_ways(pictures))))
        cells = self.map(features)
        raw = cells.mean((2, 3)) + cells.amax((2, 3))
        pooled = torch.cat((features.mean((2, 3)), features.amax((2, 3))), 1)
        severity = torch.sigmoid(self.severity(pooled))
        shown = (raw.softmax(1)[:, :, None, None] * torch.sigmoid(cells)).sum(1, keepdim=True)
        where = nn.functional.interpolate(shown, (CELLS, CELLS), mode="bilinear", align_corners=False)
        return raw, severity, where.flatten(1)


def _three_ways(pictures: Tensor) -> Tensor:
    """Pictures [B, 1, rows, columns] of 0 to 1 as they are, by their root, and against what is around, [B, 3, rows, columns]."""
    fine = pictures - nn.functional.avg_pool2d(pictures, 5, 1, 2, count_include_pad=False)
    return torch.cat(((pictures - 0.3) / 0.3, (pictures.clamp(min=1e-4).sqrt() - 0.5) / 0.3, 10 * fine), 1)


def _block(width: int, wider: int, stride: int) -> nn.Module:
    shortcut = None
    if stride > 1 or width != wider:
        shortcut = nn.Sequential(nn.Conv2d(width, wider, 1, stride, bias=False), nn.BatchNorm2d(wider))
    return ResNetBlock(width, wider, spatial_dims=2, stride=stride, downsample=shortcut)
