"""The foreground-background energy ratio against its definition on the same pixels."""

import numpy as np
import pytest

from qc_models.checks.adequacy import fber
from tests.pixel_blocks import features, head, magnitude, run


def test_medians_of_energies_as_defined() -> None:
    image = magnitude(head(), 30.0)
    frames = features(image)
    values, body, air = (tensor[0].numpy() for tensor in (frames.samples, frames.body, frames.air))
    expected = np.median(values[body] ** 2) / np.median(values[air] ** 2)
    assert run(fber, [image])["ratio"].value == pytest.approx(expected, rel=0.02)


def test_three_times_the_noise_is_a_ninth() -> None:
    quiet, noisy = (run(fber, [magnitude(head(), sigma)])["ratio"].value for sigma in (10, 30))
    assert quiet / noisy == pytest.approx(9, rel=0.08)
