"""Bodies moved by known distances."""

import numpy as np
import pytest

from qc_models.checks.adequacy import centering
from tests.pixel_blocks import run, trunk


def test_a_centred_body() -> None:
    assert run(centering, [trunk()], "CT")["offset_ratio"].value < 0.01


def test_a_body_moved_down_and_to_the_side() -> None:
    moved = np.roll(trunk(), (24, -15), (0, 1))
    found = run(centering, [moved], "CT", spacing_mm=(0.6, 0.9))
    assert found["offset_ratio"].value == pytest.approx(np.hypot(24, 15) / 256, abs=0.008)
    assert found["offset_mm"].value == pytest.approx(np.hypot(24 * 0.6, 15 * 0.9), rel=0.06)


def test_air_alone_has_no_middle() -> None:
    assert run(centering, [np.full((128, 128), -1000.0)], "CT") == {}
