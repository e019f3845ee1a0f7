"""Rings of known amplitude around the middle of a CT slice."""

import numpy as np
import pytest
import torch

from qc_models.checks.artifacts import ring
from tests.pixel_blocks import run, trunk

SIDE = 384
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5
RADIUS = np.hypot(Y - SIDE / 2, X - SIDE / 2)


@pytest.mark.parametrize("amplitude", [8.0, 20.0])
def test_a_ring_has_its_amplitude(amplitude: float) -> None:
    images = [trunk(SIDE, seed=seed) for seed in range(3)]
    images[1] = images[1] + amplitude * (np.abs(RADIUS - 70) < 1)
    found = run(ring, images, "CT")["amplitude_hu"]
    assert found.location.slice == 1
    assert found.value == pytest.approx(amplitude, rel=0.3)
    assert found.detail["median"] < 3.5


def test_polar_coordinates_follow_circles_and_turns() -> None:
    circles = ring.polar(torch.tensor(RADIUS, dtype=torch.float32)[None], SIDE // 2, 64)[0]
    assert torch.allclose(circles[10:180].mean(1), torch.arange(10.0, 180), atol=0.1)
    assert circles[10:180].std(1).max() < 0.1


def test_a_lung_alone_says_nothing() -> None:
    assert run(ring, [np.full((128, 128), -850.0)], "CT") == {}
