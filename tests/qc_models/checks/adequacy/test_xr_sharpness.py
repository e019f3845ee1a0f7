"""Edges of known steepness."""

import numpy as np
import pytest

from qc_models.checks.adequacy import xr_sharpness
from tests.pixel_blocks import radiograph, run


def test_a_ramp_by_hand() -> None:
    ramp = np.tile(np.arange(400.0), (300, 1))
    found = run(xr_sharpness, [ramp], "XR", spacing_mm=(0.2, 0.2))["edge_per_mm"]
    assert found.value == pytest.approx(1 / 0.2 / (0.96 * 400), rel=0.02)


def test_movement_lowers_it() -> None:
    image = np.kron(np.indices((10, 10)).sum(0) % 2, np.ones((50, 50))) * 1000.0
    moved = sum(np.roll(image, step, 1) for step in range(15)) / 15
    moved = sum(np.roll(moved, step, 0) for step in range(15)) / 15
    sharp, blurred = (run(xr_sharpness, [frame], "XR")["edge_per_mm"].value for frame in (image, moved))
    assert blurred < 0.6 * sharp


def test_without_spacing_nothing_is_measured() -> None:
    assert run(xr_sharpness, [radiograph()], "XR", spacing_mm=None) == {}  # type: ignore[arg-type]
