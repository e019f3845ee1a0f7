"""Streaks of known direction and strength among noise."""

import numpy as np
import pytest
import torch

from qc_models.checks.artifacts import streak
from tests.pixel_blocks import run, trunk


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 135.0])
def test_a_field_of_streaks_is_found_where_it_lies(degrees: float) -> None:
    y, x = np.mgrid[:512, :512]
    turn = np.radians(degrees)
    waves = 40 * np.sin((x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / 12)
    images = [trunk(512, seed=seed) for seed in range(2)]
    images[1][200:300, 220:320] += waves[200:300, 220:320]
    found = run(streak, images, "CT")["oriented_hu"]
    assert found.location.slice == 1
    box = found.location.box
    assert box is not None
    assert 180 <= box[0] < 300
    assert 200 <= box[1] < 320
    assert found.value == pytest.approx(40 * np.sin(2 * np.pi / 12) / np.sqrt(2), rel=0.4)
    assert found.detail["curve"][0][1] < 0.6 * found.value


def test_excess_of_one_direction_by_hand() -> None:
    down = torch.tensor([3.0, -3.0]).repeat(1, 8, 4)
    soft = torch.ones(1, 8, 8, dtype=torch.bool)
    assert streak.oriented_gradient(down, torch.zeros_like(down), soft).item() == pytest.approx(3.0)
    assert streak.oriented_gradient(down, down, soft).item() == pytest.approx(np.sqrt(18))
    turned = torch.tensor([[[3.0, 0.0], [0.0, 3.0]]]).repeat(1, 4, 4)
    assert streak.oriented_gradient(turned, 3 - turned, soft).item() == pytest.approx(0, abs=1e-3)
