"""Streaks in a CT stack: straight bright and dark lines, from metal, motion or starved rays.

Direction: higher is worse. Slice by slice the structure tensor of the image (Bigün and Granlund 1987) is averaged over tiles of
8 x 8 cells, where at least half is soft tissue: noise has gradients in all directions, a field of streaks in one. `oriented_hu`
is sqrt(λ₁ - λ₂), the gradient in HU per pixel that one direction has in excess, of the worst tile, which is the box; the value
is that of the worst of at most 48 frames.

Borders of organs are oriented as well: an abdomen shows 10 to 20 HU without any streak.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values, curve_of
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.stack import Stack

if TYPE_CHECKING:
    from torch import Tensor

TILE = 8  # cells
LEAST_SHARE = 0.5

QUANTITIES = {
    "oriented_hu": Quantity(
        "HU",
        "oriented gradient in soft tissue is {value:.1f} at slice {worst_slice} (median of "
        "{num_frames} images {median:.1f}), limit {limit:.1f}",
        "第 {worst_slice} 层软组织定向梯度 {value:.1f}（{num_frames} 幅图像的中位数 {median:.1f}），限值 {limit:.1f}",
        remedy_en="look for metal, motion and starved rays; repeat once the cause is removed",
        remedy_zh="请查找金属、运动和光子不足；消除原因后重复",
    ),
}


def oriented_gradient(down: "Tensor", across: "Tensor", soft: "Tensor") -> "Tensor":
    """sqrt(λ₁ - λ₂) of the tensor of gradients [B, h, w] averaged over soft tissue in tiles: [B, h // 8, w // 8]; else NaN."""
    import torch
    from torch.nn.functional import avg_pool2d

    products = torch.stack((down * down, across * across, down * across, torch.ones_like(down)), 1) * soft[:, None]
    rows, columns, mixed, share = avg_pool2d(products, TILE).unbind(1)
    excess = ((rows - columns) ** 2 + 4 * mixed**2).sqrt() / share.clamp(min=1e-3)
    return excess.sqrt().masked_fill(share < LEAST_SHARE, math.nan)


def applies(stack: StackFacts) -> bool:
    """CT images, but for scouts and projections of several slices into one."""
    return stack.modality == "CT" and not stack.is_localizer and "MIP" not in stack.components


def start(stack: Stack, facts: StackFacts) -> Curve:
    """Nothing seen yet."""
    return curve_of(stack)


def update(state: Curve, block: Block) -> None:
    """Looks at the sampled frames of a block."""
    state.add(block, _look)


def _look(frames: FrameFeatures) -> Values:
    import torch

    down = (frames.displaced(1, 0) - frames.displaced(-1, 0)) / 2
    across = (frames.displaced(0, 1) - frames.displaced(0, -1)) / 2
    oriented = oriented_gradient(down, across, frames.soft_tissue)
    none = oriented.isnan().all(2).all(1)
    worst = oriented.nan_to_num(-1.0).flatten(1).max(1)
    side = torch.full_like(worst.indices, TILE * frames.cell)
    row, column = worst.indices // oriented.shape[2] * side, worst.indices % oriented.shape[2] * side
    return {
        "oriented_hu": worst.values.masked_fill(none, math.nan),
        "oriented_box": torch.stack((row, column, side, side), 1),
    }


def finish(state: Curve) -> Iterable[Measurement]:
    """The measurement of the stack, each at its worst frame."""
    yield from state.measurement(
        "artifacts.streak.oriented_hu", "HU", worst="highest", of_all="worst", box="oriented_box"
    )
