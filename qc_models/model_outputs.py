"""What a model says: the outputs of its network, how their numbers become probabilities, and what is kept of a stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qc_models.pixels import Place

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a network, [B, classes] of raw numbers.

    `one_of`: exactly one class holds (softmax); `each`: any number of them (sigmoid); `number`: taken as it is, such as a place
    along the body.
    """

    name: str
    kind: Literal["one_of", "each", "number"]
    classes: tuple[str, ...]

    def probabilities(self, raw: Floats, temperature: float = 1.0) -> Floats:
        """Raw numbers [B, classes] as probabilities at a temperature (Guo et al. 2017); of a `number` itself."""
        if self.kind == "number":
            return raw
        scaled = raw / np.float32(temperature)
        if self.kind == "each":
            return np.asarray(1 / (1 + np.exp(-np.clip(scaled, -60, 60))), dtype=np.float32)
        powers = np.exp(scaled - scaled.max(1, keepdims=True))
        return np.asarray(powers / powers.sum(1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model says of the frames of one stack that it was shown: by output, [frames, classes] of probabilities.

    `brightness` is the mean of each frame as it was shown.
    """

    model: str
    version: str
    places: tuple[Place, ...]
    outputs: Mapping[str, Floats]
    brightness: Sequence[float]
