"""The width of a skin edge that was blurred by a known Gaussian."""

import math

import numpy as np
import pytest

from qc_models.checks.adequacy import sharpness
from tests.pixel_blocks import run, trunk


def blurred(sigma: float, side: int = 512) -> np.ndarray:
    """A square body (straight skin) blurred by a Gaussian, with noise."""
    image = np.full((side, side), -1000.0)
    image[100:400, 90:420] = 0
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / sigma) ** 2)
    for axis in (0, 1):
        image = np.apply_along_axis(np.convolve, axis, image, kernel / kernel.sum(), "same")
    image[:12], image[-12:], image[:, :12], image[:, -12:] = -1000, -1000, -1000, -1000
    return image + np.random.default_rng(0).normal(0, 5, image.shape)


@pytest.mark.parametrize(("sigma", "rel"), [(1.0, 0.25), (1.6, 0.12), (2.2, 0.1)])
def test_the_width_of_the_gaussian_that_blurred(sigma: float, rel: float) -> None:
    found = run(sharpness, [blurred(sigma)], "CT", spacing_mm=(0.7, 0.7))["edge_fwhm_mm"]
    assert found.value == pytest.approx(2 * math.sqrt(2 * math.log(2)) * sigma * 0.7, rel=rel)


def test_a_body_that_fills_the_frame_has_no_skin_to_measure() -> None:
    assert run(sharpness, [np.full((256, 256), 40.0)], "CT") == {}


def test_a_blurred_slice_is_named() -> None:
    found = run(sharpness, [blurred(1.5), blurred(3.0), blurred(1.5)], "CT")["edge_fwhm_mm"]
    assert found.location.slice == 1
    assert run(sharpness, [trunk(512)], "CT")["edge_fwhm_mm"].value < found.value
