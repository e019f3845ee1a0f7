"""Smoothness against noise smoothed by a Gaussian of known width."""

import math

import numpy as np
import pytest
import torch

from qc_models.checks.adequacy import fwhm
from qc_models.features.masks import eroded
from tests.pixel_blocks import features, head, magnitude, run


def smooth_noise(sigma: float, side: int = 512) -> np.ndarray:
    kernel = np.exp(-0.5 * (np.arange(-15, 16) / sigma) ** 2)
    noise = np.random.default_rng(2).normal(0, 1, (side, side))
    for axis in (0, 1):
        noise = np.apply_along_axis(np.convolve, axis, noise, kernel / kernel.sum(), "same")
    return noise / noise.std()


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_the_width_of_the_gaussian_that_smoothed(sigma: float) -> None:
    y, x = np.mgrid[:512, :512]
    body = (y - 256) ** 2 + (x - 256) ** 2 < 240**2
    image = np.where(body, 1000 + 50 * smooth_noise(sigma), 0)
    found = run(fwhm, [image], spacing_mm=(0.5, 0.5))["in_plane_mm"].value
    assert found == pytest.approx(2 * math.sqrt(2 * math.log(2)) * sigma * 0.5, rel=0.06)


def test_formula_by_hand() -> None:
    likeness = math.exp(-1 / (4 * 1.5**2))  # of neighbours in a Gaussian field of deviation 1.5 pixels
    found = fwhm.width(torch.tensor(2 * (1 - likeness)), torch.tensor(1.0), 0.8).item()
    assert found == pytest.approx(2.35482 * 1.5 * 0.8, rel=1e-4)
    assert math.isnan(fwhm.width(torch.tensor(3.0), torch.tensor(1.0), 1.0).item())


def test_numpy_agrees_with_the_formula_of_afni_on_the_same_pixels() -> None:
    image = magnitude(head(128), 30.0)  # small enough that every pixel is its own cell
    frames = features(image)
    body = eroded(frames.body, 1)[0].numpy()
    widths = []
    for axis in (0, 1):
        change = image - np.roll(image, 1, axis)
        likeness = 1 - change[body].var(ddof=1) / (2 * image[body].var(ddof=1))
        widths.append(math.sqrt(-2 * math.log(2) / math.log(likeness)) * 0.8)
    assert run(fwhm, [image])["in_plane_mm"].value == pytest.approx(math.sqrt(widths[0] * widths[1]), rel=0.02)
