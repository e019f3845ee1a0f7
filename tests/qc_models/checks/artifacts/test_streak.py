"""Streaks of known direction and strength among noise, and about metal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from qc_models.checks.artifacts import streak
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import ellipse, run, trunk

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "streak.yaml").read_text(encoding="utf-8"))


def white(sigma: float, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, sigma, (1, 128, 128)).astype(np.float32))


EVERYWHERE = torch.ones(1, 128, 128, dtype=torch.bool)


def test_white_noise_has_its_variance_in_all_directions() -> None:
    power = streak.directional_power(50 + white(8.0), EVERYWHERE)
    # Held within two mean deviations (1.6 standard ones), a normal variable keeps three quarters of its variance.
    assert power.mean().item() == pytest.approx(0.75 * 64, rel=0.1)
    excess, ratio = streak.strongest_direction(power)
    assert excess.item() < 4
    assert 1 < ratio.item() < 1.3


@pytest.mark.parametrize("degrees", [0.0, 35.0, 90.0, 140.0])
def test_waves_of_one_direction_lie_in_its_wedge(degrees: float) -> None:
    y, x = np.mgrid[:128, :128]
    turn = np.radians(degrees)
    waves = 12 * np.sin((x * np.cos(turn) + y * np.sin(turn)) * 0.25 * 2 * np.pi)
    power = streak.directional_power(white(8.0) + torch.from_numpy(waves.astype(np.float32)), EVERYWHERE)
    wedge = int(power[0].argmax())
    assert min(abs(wedge + 0.5 - degrees / 2), 90 - abs(wedge + 0.5 - degrees / 2)) <= 1.5
    assert streak.strongest_direction(power)[1].item() > 2


def test_root_of_the_excess_and_of_the_ratio_by_hand() -> None:
    power = torch.full((1, 90), 4.0)
    power[0, 88:] = power[0, 0] = 40.0
    excess, ratio = streak.strongest_direction(power)
    assert excess.item() == pytest.approx(6.0)
    assert ratio.item() == pytest.approx(10**0.5)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_simulated_defects(case: dict[str, Any]) -> None:
    defect = PIXEL_DEFECTS[case["defect"]]
    clean = trunk(512)[None].astype(np.float32)
    clean[0][ellipse(512, 0.05, 0.06, row=0.66)] = 700  # a vertebra
    params = defect.make_params(np.random.default_rng(1), clean.shape, case["strength"], spacing_mm=(5.0, 0.8, 0.8))
    low, high = case["ratio"]
    assert low <= run(streak, defect.apply(clean, params), "CT")["oriented_ratio"].value <= high


@pytest.mark.parametrize("amplitude", [10.0, 40.0])
def test_rays_about_metal(amplitude: float) -> None:
    y, x = np.mgrid[:512, :512]
    turn = np.arctan2(y - 255.5, x - 255.5)
    images = [trunk(512, noise_hu=2.0) for _ in range(2)]
    images[1] = images[1] + amplitude * np.cos(20 * turn) * (images[1] > -500)
    for image in images:
        image[250:262, 250:262] = 3071
    found = run(streak, images, "CT")["metal_hu"]
    assert found.location.slice == 1
    # Twenty rays a turn: 9 degrees beside a crest is a trough, so that the difference is two amplitudes, its deviation 2 / sqrt(2).
    assert found.value == pytest.approx(2 * amplitude / np.sqrt(2) / np.sqrt(1.5), rel=0.15)
    assert found.detail["curve"][0][1] < 2


def test_without_metal_or_tissue_nothing_is_measured() -> None:
    assert "metal_hu" not in run(streak, [trunk(512)], "CT")
    assert run(streak, [np.full((256, 256), -1000.0)], "CT") == {}
