"""A radiograph on cells of about a millimetre, the size of trabeculae and lung vessels, whatever its pixels."""

from typing import TYPE_CHECKING

from qc_models.features.cells import cell_means
from qc_models.features.frame_features import FrameFeatures

if TYPE_CHECKING:
    from torch import Tensor

CELL_MM = 1.1
MIN_CELLS = 64  # along the shorter side


def fine_cells(frames: FrameFeatures) -> "Tensor | None":
    """Means of whole pixels that make about 1.1 mm, [B, h, w]; None without a spacing and where there are too few."""
    if frames.spacing_mm is None:
        return None
    rows, columns = (max(1, round(CELL_MM / mm)) for mm in frames.spacing_mm)
    height, width = frames.pixels.shape[1:]
    if min(height // rows, width // columns) < MIN_CELLS:
        return None
    return cell_means(frames.pixels, rows, columns)
