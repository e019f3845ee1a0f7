"""Blocks: some neighbouring frames of one stack as a tensor, so that a study streams through whatever its size."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from qc_models.features.frame_features import FrameFeatures

Unit = Literal["HU", "arbitrary", "exposure"]


@dataclass(frozen=True, slots=True)
class Block:
    """Frames of one stack, float32 [frames, rows, columns] on any device, in modality values.

    `slice_indices` and `sop_instance_uids` name each frame; `padding` marks pixels outside the reconstruction (or is None);
    `spacing_mm` is (row, column) or None.
    """

    pixels: "Tensor"
    padding: "Tensor | None"
    unit: Unit
    spacing_mm: tuple[float, float] | None
    slice_indices: tuple[int, ...]
    sop_instance_uids: tuple[str, ...]
    frame_indices: tuple[int, ...]
    _features: "dict[tuple[int, ...], FrameFeatures]" = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def features(self, numbers: tuple[int, ...]) -> "FrameFeatures":
        """The masks, means and spectra of these frames of the block, computed once for all checks that ask."""
        from qc_models.features.frame_features import FrameFeatures

        if numbers not in self._features:
            # Neighbouring blocks are sampled alike by every check, so that there is hardly ever a second entry.
            whole = len(numbers) == len(self.pixels)
            rows = list(numbers)
            pixels = self.pixels if whole else self.pixels[rows]
            padding = self.padding if whole or self.padding is None else self.padding[rows]
            self._features[numbers] = FrameFeatures(pixels, padding, self.unit, self.spacing_mm)
        return self._features[numbers]
