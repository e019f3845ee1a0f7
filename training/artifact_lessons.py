"""How the models of artifacts are taught: what a mistake costs, and changes that make no artifact and hide none."""

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.examples import Targets

_WEIGHT_OF_SEVERITY = 2.0  # beside a probability


def loss(raw: Targets, targets: Targets) -> Tensor:
    """Cross-entropy of each kind, and the distance of severities, both of what is known alone."""
    target, known = targets["artifact"].nan_to_num(0.0), targets["artifact"].isfinite()
    each = binary_cross_entropy_with_logits(raw["artifact"], target, reduction="none") * known
    heavy, told = targets["severity"].nan_to_num(0.0), targets["severity"].isfinite()
    off = (raw["severity"] - heavy).abs() * told
    return each.sum() / known.sum().clamp(min=1) * known.shape[1] + _WEIGHT_OF_SEVERITY * off.sum() / len(off)


def moved(pictures: Tensor, generator: torch.Generator, *, turns: bool, gamma: float, shift: int = 8) -> Tensor:
    """Pictures [B, 1, H, W] mirrored, maybe turned by quarters, moved a few pixels and shaded, without touching their texture."""
    result = torch.empty_like(pictures)
    for number, one in enumerate(pictures):
        drawn_numbers = torch.rand(6, generator=generator).tolist()
        if drawn_numbers[0] < 0.5:
            one = one.flip(2)
        if drawn_numbers[1] < 0.5:
            one = one.flip(1)
        if turns and drawn_numbers[2] < 0.5:
            one = one.transpose(1, 2)
        steps = [round((2 * value - 1) * shift) for value in drawn_numbers[3:5]]
        one = torch.roll(one, steps, (1, 2))
        result[number] = one.clamp(min=1e-6) ** math.exp((2 * drawn_numbers[5] - 1) * gamma)
    return result
