"""How often each example is drawn, so that neither a large source nor a common class is most of what is seen."""

from collections import Counter
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

EVENNESS = 0.7  # 0: as often as there are examples, 1: all alike


def balanced(classes: Sequence[Hashable], sources: Sequence[str]) -> Tensor:
    """Weights [N] of examples by class and source: sources of a class nearly alike, then classes nearly alike."""
    pairs = list(zip(classes, sources, strict=True))
    of_pair = Counter(pairs)
    share = [of_pair[pair] ** -EVENNESS for pair in pairs]
    of_class: dict[Hashable, float] = {}
    for name, weight in zip(classes, share, strict=True):
        of_class[name] = of_class.get(name, 0.0) + weight
    return torch.tensor([weight * of_class[name] ** -EVENNESS for name, weight in zip(classes, share, strict=True)])
