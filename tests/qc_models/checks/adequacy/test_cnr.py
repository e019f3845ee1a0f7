"""Contrast to noise of two tissues of known means and noise."""

import pytest
import torch

from qc_models.checks.adequacy import cnr
from tests.pixel_blocks import features, head, magnitude, run


def test_formula_by_hand() -> None:
    values = (torch.tensor(float(number)) for number in (100, 2, 160, 3, 6))
    assert cnr.contrast_to_noise(*values).item() == pytest.approx(60 / 7)


def test_numpy_agrees_on_the_same_classes() -> None:
    image = magnitude(head(), 40.0)
    frames = features(image)
    values = frames.samples[0].numpy()
    dark, bright, air = (values[mask[0].numpy()] for mask in (*frames.tissue_classes, frames.air))
    scatter = (air.var(ddof=1) + dark.var(ddof=1) + bright.var(ddof=1)) ** 0.5
    expected = abs(dark.mean() - bright.mean()) / scatter
    assert run(cnr, [image])["ratio"].value == pytest.approx(expected, rel=0.01)


def test_noise_lowers_it() -> None:
    low, high = (run(cnr, [magnitude(head(), sigma)])["ratio"].value for sigma in (60, 20))
    assert low < 0.5 * high
