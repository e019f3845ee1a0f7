"""Root mean square contrast by definition."""

import numpy as np
import pytest

from qc_models.checks.adequacy import xr_contrast
from tests.pixel_blocks import features, radiograph, run


def test_half_bright_and_half_dark() -> None:
    image = np.zeros((256, 256))
    image[:128] = 1000
    assert run(xr_contrast, [image], "XR")["rms"].value == pytest.approx(1, rel=0.01)


def test_numpy_agrees_on_the_same_cells_whatever_the_offset() -> None:
    image = radiograph()
    cells = features(image, "XR").means[0].numpy().astype(float)
    above = (cells - np.quantile(cells, 0.005)).clip(0)
    expected = above.std(ddof=1) / above.mean()
    for offset in (0, 5000):
        assert run(xr_contrast, [image + offset], "XR")["rms"].value == pytest.approx(expected, rel=0.02)


def test_noise_alone_adds_no_contrast() -> None:
    quiet, noisy = (run(xr_contrast, [radiograph(noise=noise)], "XR")["rms"].value for noise in (1, 100))
    assert noisy == pytest.approx(quiet, rel=0.06)
