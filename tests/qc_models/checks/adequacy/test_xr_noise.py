"""White noise of known deviation on a radiograph."""

import numpy as np
import pytest

from qc_models.checks.adequacy import xr_noise
from tests.pixel_blocks import radiograph, run


@pytest.mark.parametrize("noise", [5.0, 40.0])
def test_white_noise_over_the_span_of_values(noise: float) -> None:
    image = radiograph(1200, 1000, noise=noise)
    low, high = np.quantile(image, (0.02, 0.98))
    assert run(xr_noise, [image], "XR")["share"].value == pytest.approx(noise / (high - low), rel=0.04)


def test_a_slope_is_no_noise() -> None:
    y, x = np.mgrid[:300, :300]
    assert run(xr_noise, [3.0 * x + 5.0 * y], "XR")["share"].value < 1e-4
