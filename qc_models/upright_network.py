"""A network for pictures that may be turned or inverted: one body for what they show, a narrow one for how they stand.

How a picture stands is asked of a narrow body that only says how upright a picture looks: the picture is shown to it in all four
turns, and the turn that looks most upright is undone by as much. So every upright picture teaches all turns, and none has to be
turned while it learns. The same of a picture and its inverse.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qc_models.many_headed import ManyHeaded
from qc_models.model_outputs import Output

TURNS = 4
_STANCE = (Output("upright", "number", ("upright",)), Output("normal", "number", ("normal",)))


class UprightNetwork(nn.Module):
    """From [B, 1, side, side] to the raw numbers of `shown`, then [B, 4] of the turn in quarters and [B, 2] of the polarity."""

    def __init__(self, shown: Sequence[Output], stance_widths: tuple[int, ...] = (12, 24, 48, 96)) -> None:
        super().__init__()
        self.shown = ManyHeaded(shown)
        self.stance = ManyHeaded(_STANCE, widths=stance_widths, dropout=0.1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Raw numbers of each output."""
        undone = [
            torch.rot90(pictures, turn, (2, 3)) for turn in range(TURNS)
        ]  # anticlockwise, against a clockwise turn
        upright, normal = (
            score.reshape(TURNS + 1, -1) for score in self.stance(torch.cat([*undone, inverse(pictures)]))
        )
        looks, polarity = upright[:TURNS].T, normal[::TURNS].T  # as it is, and its inverse
        return (*self.shown(pictures), looks, polarity)


def inverse(pictures: Tensor) -> Tensor:
    """Pictures [B, 1, H, W] from 0 to 1 with dark for bright; the black around what is shown stays black."""
    rows, columns = (pictures > 0).any(3, keepdim=True), (pictures > 0).any(2, keepdim=True)
    return (1 - pictures) * (rows & columns)
