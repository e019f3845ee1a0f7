"""Examples in memory: prepared pictures with a target for each output of a model, and how one batch of them is changed.

What a task makes of a manifest's rows is nothing but these tensors, so that one loop teaches every model of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.manifest import Row

Targets = dict[str, Tensor]


@dataclass
class Examples:
    """`pictures` [N, 1, rows, columns] from 0 to 1; `targets` by output, [N, classes] float32; `rows` what each one is of.

    Of `one_of` outputs a target marks every class that it may be (none: not known); of `each`, 1 holds, 0 does not, NaN is not
    known; of `number`, NaN is not known. `weights` [N] says how often each is drawn.
    """

    pictures: Tensor
    targets: Targets
    rows: Sequence[Row]
    weights: Tensor
    notes: dict[str, Tensor] = field(default_factory=dict)  # whatever else a task needs of each, [N, ...]

    def __len__(self) -> int:
        return len(self.pictures)

    def at(self, chosen: Tensor) -> tuple[Tensor, Targets]:
        """Pictures and targets of some examples, as copies."""
        return self.pictures[chosen], {name: target[chosen] for name, target in self.targets.items()}

    def of(self, part: str) -> "Examples":
        """Those of one part of the manifest: learn, calibrate, test."""
        return self.some([number for number, row in enumerate(self.rows) if row.part == part])

    def some(self, chosen: Sequence[int]) -> "Examples":
        """Those of some places, in their order."""
        index = torch.tensor(chosen, dtype=torch.long)
        pictures, targets = self.at(index)
        notes = {name: note[index] for name, note in self.notes.items()}
        return Examples(pictures, targets, [self.rows[number] for number in chosen], self.weights[index], notes)
