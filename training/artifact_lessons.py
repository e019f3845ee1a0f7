"""How the models of artifacts are taught: what a mistake costs, and changes that make no artifact and hide none."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from training.calibrate import SHOWN_LIMITS, show_on_halves
from training.examples import Examples, Targets


def loss(raw: Targets, targets: Targets) -> Tensor:
    """Cross-entropy of each kind, and of its severity as a share, both of what is known alone: a sum over kinds."""
    told = [
        binary_cross_entropy_with_logits(raw["artifact"], targets["artifact"].nan_to_num(0.0), reduction="none"),
        binary_cross_entropy(
            raw["severity"].clamp(1e-6, 1 - 1e-6), targets["severity"].nan_to_num(0.0), reduction="none"
        ),
    ]
    known = [targets[name].isfinite() for name in ("artifact", "severity")]
    parts = [(lost * of).sum() / of.sum().clamp(min=1) * of.shape[1] for lost, of in zip(told, known, strict=True)]
    return parts[0] + parts[1]


def beside_a_sibling(examples: Examples, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """A batch [B] whose second half shows other copies of the pictures of the first: what differs is what was put in."""
    first = chosen[: (len(chosen) + 1) // 2]
    number, copies = examples.notes["number"][first], examples.notes["copies"][first]
    drawn = (torch.rand(len(first), generator=generator) * copies).long()
    return torch.cat((first, first - number + drawn))[: len(chosen)]


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


def bands(examples: Examples, said: Mapping[str, NDArray[Any]]) -> dict[str, list[dict[str, object]]]:
    """How promises on defective pictures that pass hold on the other half: one copy a subject, clean or with a disturbing defect.

    The score of a picture is one less what the model holds most probable of any kind; half of the subjects stay clean.
    """
    score = 1 - said["artifact"].max(1).astype(np.float64)
    bad = (examples.targets["artifact"].nan_to_num(0.0) == 1).any(1).numpy()
    rows: dict[str, list[int]] = {}
    for number, row in enumerate(examples.rows):
        rows.setdefault(row.subject, []).append(number)
    chosen = []
    for subject, numbers in sorted(rows.items()):
        drawn = int(hashlib.sha256(subject.encode()).hexdigest(), 16)
        wanted = [number for number in numbers if bad[number] == bool(drawn % 2)] or numbers
        chosen.append(wanted[drawn // 2 % len(wanted)])
    shown = [row for limit in SHOWN_LIMITS for row in show_on_halves(score[chosen], bad[chosen], limit)]
    return {"injected defects": shown}
