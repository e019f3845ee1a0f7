"""What a pixel defect is: a stated strength, a draw of everything random, and a deed that uses nothing else."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qc_models.errors import InputError

Floats = NDArray[np.float32]
Params = dict[str, Any]  # numbers, texts and lists of them: fit for JSON
Modality = Literal["CT", "MR", "XR"]
LevelName = Literal["just_visible", "disturbing", "non_diagnostic"]

_USUAL_FIELD_MM: dict[str, float] = {"CT": 350.0, "MR": 240.0, "XR": 400.0}


@dataclass(frozen=True)
class Scene:
    """What chance must know of a stack: [slices, rows, columns], spacing of the same three in mm, axis of phase encoding."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    phase_axis: Literal[1, 2] | None

    def encoding_axis(self, rng: np.random.Generator) -> int:
        """The axis of phase encoding; drawn where it is not known."""
        drawn = int(rng.integers(1, 3))
        return self.phase_axis or drawn


Draw = Callable[[np.random.Generator, Scene, float], Params]
Deed = Callable[[Floats, Params], Floats]


@dataclass(frozen=True)
class StrengthLevels:
    """Strengths that a reader would call by these names, in `unit`; `why` gives the source or the reasoning."""

    unit: str
    just_visible: float
    disturbing: float
    non_diagnostic: float
    why: str

    def named(self) -> dict[str, float]:
        """Strength by name of level."""
        return {name: getattr(self, name) for name in ("just_visible", "disturbing", "non_diagnostic")}


@dataclass(frozen=True)
class PixelDefect:
    """One kind of pixel defect: CT arrays are in HU, MR in any unit from zero, radiographs with more attenuation brighter."""

    name: str
    modality: Modality
    what: str
    levels: StrengthLevels
    draw: Draw
    deed: Deed
    limit: float = math.inf

    def make_params(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        strength: float | LevelName,
        *,
        spacing_mm: tuple[float, float, float] | None = None,
        phase_axis: Literal[1, 2] | None = None,
    ) -> Params:
        """Draws all that is random for an array of `shape`, [slices, rows, columns] or [rows, columns].

        `strength` is a number in the unit of `levels` or the name of a level. Spacing is of slices, rows and columns; without it
        the picture is taken to be as wide as is usual. Axis 1 or 2 of phase encoding (MR) is drawn where it is not given.
        InputError for a strength out of range.
        """
        value = self.levels.named()[strength] if isinstance(strength, str) else float(strength)
        if not 0 <= value <= self.limit:
            upper = f" to {self.limit:g}" if self.limit < math.inf else " up"
            raise InputError(f"{self.name}: strength {value:g} cannot be; give a number from 0{upper}")
        slices, rows, columns = (1, *shape)[-3:]
        pixel_mm = _USUAL_FIELD_MM[self.modality] / max(rows, columns)
        scene = Scene((slices, rows, columns), spacing_mm or (5.0, pixel_mm, pixel_mm), phase_axis)
        return {"strength": value, **self.draw(rng, scene, value)}

    def apply(self, array: Floats, params: Params) -> Floats:
        """A changed copy of float32 [slices, rows, columns] or [rows, columns]; strength 0 changes nothing."""
        stack = array[None] if array.ndim == 2 else array
        changed = self.deed(stack, params) if params["strength"] else stack.copy()
        return changed.reshape(array.shape).astype(np.float32, copy=False)
