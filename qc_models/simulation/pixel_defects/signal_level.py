"""What counts as signal in a picture whose grey values have no unit."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats


def signal_level(stack: Floats) -> float:
    """The mean of all values above the mean: that of tissue, as air and dark fluid lie below."""
    above = stack[stack > stack.mean()]
    return float(above.mean()) if above.size else 0.0


def grey_range(stack: Floats) -> tuple[float, float]:
    """The range that a radiograph is shown in: its 0.5th and 99.5th percentiles."""
    low, high = np.percentile(stack, [0.5, 99.5])
    return float(low), float(high)
