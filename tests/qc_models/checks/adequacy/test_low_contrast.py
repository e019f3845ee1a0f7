"""Low contrast detectability of white noise, which is known, and of grainy noise."""

import numpy as np
import pytest

from qc_models.checks.adequacy import low_contrast
from tests.pixel_blocks import run, trunk


@pytest.mark.parametrize("noise_hu", [10.0, 25.0])
def test_white_noise_is_averaged_over_a_square(noise_hu: float) -> None:
    found = run(low_contrast, [trunk(512, noise_hu, seed) for seed in range(3)], "CT", spacing_mm=(0.8, 0.8))
    assert found["disc_5mm_hu"].value == pytest.approx(3.29 * noise_hu / 6, rel=0.1)  # 6 x 6 pixels


def test_grain_of_the_same_deviation_hides_more() -> None:
    random = np.random.default_rng(1)
    grain = np.kron(random.normal(0, 15, (128, 128)), np.ones((4, 4)))
    fine, grainy = (
        run(low_contrast, [trunk(512, 0.01) + noise], "CT")["disc_5mm_hu"].value
        for noise in (random.normal(0, 15, (512, 512)), grain)
    )
    assert grainy > 2 * fine


def test_a_slope_is_no_noise() -> None:
    flat, sloped = (
        run(low_contrast, [trunk(512, 15.0) + 0.05 * np.arange(512) * share], "CT")["disc_5mm_hu"].value
        for share in (0, 1)
    )
    assert sloped == pytest.approx(flat, rel=0.06)
