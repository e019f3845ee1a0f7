"""Shares of the scale by quantiles of NumPy."""

import numpy as np
import pytest

from qc_models.checks.adequacy import xr_histogram
from tests.pixel_blocks import features, radiograph, run


def test_numpy_agrees_on_the_same_pixels() -> None:
    image = radiograph()
    values = features(image, "XR").samples[0].numpy()
    low, middle, high = np.quantile(values, (0.02, 0.5, 0.98))
    found = run(xr_histogram, [image], "XR")
    assert found["used_share"].value == pytest.approx((high - low) / (values.max() - values.min()), rel=0.02)
    assert found["middle_share"].value == pytest.approx((middle - low) / (high - low), rel=0.02)


def test_one_bright_marker_leaves_little_of_the_scale() -> None:
    image = radiograph()
    image[40:60, 40:60] = 40000
    assert run(xr_histogram, [image], "XR")["used_share"].value < 0.1
