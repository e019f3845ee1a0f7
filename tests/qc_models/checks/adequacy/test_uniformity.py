"""Integral uniformity of a phantom with a field of known strength."""

import numpy as np
import pytest
import torch

from qc_models.checks.adequacy import uniformity
from tests.pixel_blocks import ellipse, run


def test_formula_by_hand() -> None:
    assert uniformity.integral_uniformity(torch.tensor(80.0), torch.tensor(120.0)).item() == pytest.approx(80.0)


def test_an_even_phantom_is_even_and_a_ramp_is_not() -> None:
    inside = ellipse(256, 0.4, 0.4)
    even = np.where(inside, 1000.0, 0.0)
    assert run(uniformity, [even])["integral_percent"].value > 99
    ramp = np.where(inside, 1000 * np.exp(0.8 * (np.arange(256) - 128) / 102), 0.0)  # e^±0.8 at the rim
    value = run(uniformity, [ramp])["integral_percent"].value
    # Within the middle 96 % of a disc x lies within ±0.90 of its radius; the smoothing takes a little off the ends.
    assert value == pytest.approx(100 * (1 - np.tanh(0.8 * 0.9)), abs=6)
