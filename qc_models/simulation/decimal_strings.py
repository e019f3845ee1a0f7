"""Numbers as decimal strings of at most 16 characters (PS3.5 6.2), and the image plane attributes of a grid."""

from typing import Any

import numpy as np

from qc_models.simulation.shapes import Grid


def decimal_string(value: float, decimals: int = 6) -> str:
    """A number rounded to `decimals`, without trailing zeros."""
    text = f"{value:.{decimals}f}"[:16]
    return text.rstrip("0").rstrip(".") if "." in text else text


def plane_keywords(grid: Grid, decimals: int) -> dict[str, Any]:
    """ImageOrientationPatient and PixelSpacing (PS3.3 C.7.6.2); directions keep at least six decimals."""
    row, column = np.array(grid.row_step_mm), np.array(grid.column_step_mm)
    across, down = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    directions = [*(row / across), *(column / down)]
    return {
        "ImageOrientationPatient": [decimal_string(float(value), max(decimals, 6)) for value in directions],
        "PixelSpacing": [decimal_string(down, 7), decimal_string(across, 7)],
    }


def slice_location(grid: Grid, index: int) -> float:
    """Distance of a slice along the grid's normal in mm."""
    normal = np.cross(np.array(grid.row_step_mm), np.array(grid.column_step_mm))
    return float(grid.position_mm(index) @ normal / np.linalg.norm(normal))
