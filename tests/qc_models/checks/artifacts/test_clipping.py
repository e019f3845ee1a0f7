"""Shares of pixels pressed to the ends of the scale."""

import numpy as np
import pytest

from qc_models.checks.artifacts import clipping
from tests.pixel_blocks import radiograph, run


def test_shares_at_both_ends() -> None:
    image = radiograph(512, 512)
    low, high = np.quantile(image, (0.1, 0.75))
    found = run(clipping, [image.clip(low, high)], "XR")
    assert found["highest_share"].value == pytest.approx(0.25, abs=0.01)
    assert found["lowest_share"].value == pytest.approx(0.10, abs=0.01)


def test_an_image_that_ends_smoothly_is_not_clipped_and_padding_does_not_count() -> None:
    image, padding = radiograph(512, 512), np.zeros((1, 512, 512), dtype=bool)
    padding[:, :100] = True
    image[:100] = 60000
    found = run(clipping, [image], "XR", padding=padding)
    assert found["highest_share"].value < 0.001
    assert found["lowest_share"].value < 0.001
