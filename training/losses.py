"""What a network is told of its mistakes: one loss for each kind of output; what is not known costs nothing."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from qc_models.model_outputs import Output


def loss_of(output: Output, raw: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """The mean loss of one output, a number; 0 where nothing of the batch is known. `raw` and `target` are [B, classes].

    `one_of`: minus the log of the probability of the classes that it may be. `each`: cross-entropy of each class, and, where
    some hold, that of `one_of` beside it, so that the most probable class is right. `number`: the absolute difference.
    """
    if output.kind == "one_of":
        return _one_of(raw, target, smoothing)
    known = target.isfinite()
    filled = target.nan_to_num(0.0)
    if output.kind == "number":
        return ((raw - filled).abs() * known).sum() / known.sum().clamp(min=1)
    soft = filled * (1 - smoothing) + smoothing / 2
    each = binary_cross_entropy_with_logits(raw, soft, reduction="none") * known
    by_picture = each.sum(1) / known.any(1).sum().clamp(min=1)
    return by_picture.sum() + _one_of(raw, filled, smoothing)


def _one_of(raw: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    known = allowed.sum(1) > 0
    log_probabilities = raw.log_softmax(1)
    inside = torch.where(allowed > 0, log_probabilities, -torch.inf)
    inside = torch.where(known[:, None], inside, torch.zeros_like(inside))
    lost = -(1 - smoothing) * inside.logsumexp(1) - smoothing * log_probabilities.mean(1)
    return (lost * known).sum() / known.sum().clamp(min=1)
