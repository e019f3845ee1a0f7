"""Blocks: some neighbouring frames of one stack as a tensor, so that a study streams through whatever its size."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from qc_models.features.frame_features import FrameFeatures

Unit = Literal["HU", "arbitrary", "exposure"]
Place = tuple[int, str, int]  # slice, SOPInstanceUID, frame index


@dataclass(frozen=True)
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

    @property
    def places(self) -> tuple[Place, ...]:
        """The place of each frame."""
        return tuple(zip(self.slice_indices, self.sop_instance_uids, self.frame_indices, strict=True))

    @cached_property
    def features(self) -> "FrameFeatures":
        """The masks, means and spectra of the frames, computed once for all checks that ask."""
        from qc_models.features.frame_features import FrameFeatures

        return FrameFeatures(self.pixels, self.padding, self.unit, self.spacing_mm)
