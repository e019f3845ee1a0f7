"""Noise with a direction of known strength."""

import numpy as np
import pytest

from qc_models.checks.artifacts import photon_starvation
from tests.pixel_blocks import run, trunk


def test_even_noise_has_no_direction() -> None:
    found = run(photon_starvation, [trunk(512, seed=seed) for seed in range(2)], "CT")["noise_anisotropy"]
    assert found.value == pytest.approx(1, abs=0.04)


def test_lines_of_noise_from_side_to_side() -> None:
    image = trunk(512, noise_hu=10)
    lines = np.random.default_rng(3).normal(0, 15, (512, 1))
    found = run(photon_starvation, [trunk(512), image + lines], "CT")["noise_anisotropy"]
    assert found.location.slice == 1
    # Lines alike along a row add to differences between rows alone.
    assert found.value == pytest.approx((10**2 + 15**2) ** 0.5 / 10, rel=0.12)
    assert run(photon_starvation, [image + lines.T], "CT")["noise_anisotropy"].value < 0.7


def test_a_quiet_image_is_not_measured() -> None:
    assert run(photon_starvation, [trunk(noise_hu=1.0)], "CT") == {}
