"""Rings of known amplitude around the middle of a CT slice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from qc_models.checks.artifacts import ring
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.judged_facts import stack as stack_facts
from tests.pixel_blocks import run, trunk

SIDE = 384
Y, X = np.mgrid[:SIDE, :SIDE] + 0.5
RADIUS = np.hypot(Y - SIDE / 2, X - SIDE / 2)
CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "ring.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("amplitude", [12.0, 25.0, 100.0, -300.0])
def test_a_ring_has_its_amplitude(amplitude: float) -> None:
    images = [trunk(SIDE, seed=seed) for seed in range(5)]
    for number in (2, 3):
        images[number] = images[number] + amplitude * (np.abs(RADIUS - 70) < 1)
    found = run(ring, images, "CT")["amplitude_hu"]
    assert found.location.slice in (2, 3)
    assert found.value == pytest.approx(abs(amplitude), rel=0.3)
    assert found.detail["median"] < 4


def test_a_circle_in_one_slice_alone_is_anatomy() -> None:
    images = [trunk(SIDE, seed=seed) for seed in range(5)]
    images[2] = images[2] + 100 * (np.abs(RADIUS - 70) < 1)
    assert run(ring, images, "CT")["amplitude_hu"].value < 4


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_simulated_rings(case: dict[str, Any]) -> None:
    defect = PIXEL_DEFECTS["ring"]
    clean = trunk(512)[None].astype(np.float32)
    for seed in case["seeds"]:
        params = defect.make_params(
            np.random.default_rng(seed), clean.shape, case["strength"], spacing_mm=(5.0, 0.8, 0.8)
        )
        turns = np.array(params["arc_lengths"]) / (2 * np.pi)
        expected = case["strength"] * np.max(np.abs(params["weights"]) * turns)
        low, high = (share * expected for share in case["share"])
        assert low <= run(ring, defect.apply(clean, params), "CT")["amplitude_hu"].value <= high


def test_a_border_is_no_ring() -> None:
    image = trunk(SIDE, noise_hu=2.0)
    image += 40 * (RADIUS < 90)  # a round organ of its own brightness
    assert run(ring, [image], "CT")["amplitude_hu"].value < 25


def test_polar_coordinates_follow_circles_and_turns() -> None:
    circles = ring.polar(torch.tensor(RADIUS, dtype=torch.float32)[None], SIDE // 2, 64)[0]
    assert torch.allclose(circles[10:180].mean(1), torch.arange(10.0, 180), atol=0.1)
    assert circles[10:180].std(1).max() < 0.1


def test_a_lung_alone_says_nothing() -> None:
    assert run(ring, [np.full((128, 128), -850.0)], "CT") == {}


def test_axial_slices_cut_out_of_others_are_looked_at_and_calculated_ones_are_not() -> None:
    assert ring.applies(stack_facts("1", "plain", role="plain", nearest_plane="axial", derived=True))
    assert not ring.applies(stack_facts("1", nearest_plane="axial", derived=True))
    assert not ring.applies(stack_facts("1", "plain", role="plain", nearest_plane="coronal"))
