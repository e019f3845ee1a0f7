"""Ghosts of known strength: half a frame away, at another distance, and as a band in a frame without air."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import ghosting
from qc_models.findings import Measurement
from tests.pixel_blocks import ellipse, features, magnitude, run

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "ghosting.yaml").read_text(encoding="utf-8"))
SIDE = 256
BODY = np.where(ellipse(SIDE, 0.22, 0.3), 1000.0, 0.0)


@pytest.mark.parametrize("axis", [0, 1])
def test_half_a_frame_away(axis: int) -> None:
    ghosted = magnitude(BODY + 0.08 * np.roll(BODY, SIDE // 2, axis), 10.0)
    frames = features(ghosted)
    values, body, air = (tensor[0].numpy() for tensor in (frames.samples, frames.body, frames.air))
    under = np.roll(body, body.shape[axis] // 2, axis)
    expected = (values[air & under].mean() - values[air & ~under].mean()) / values[body].mean()
    found = run(ghosting, [ghosted])["n2_ratio"]
    assert found.value == pytest.approx(expected, rel=0.02)
    assert found.value == pytest.approx(0.08, abs=0.02)  # less the noise's own mean


def test_ghosts_at_any_distance_raise_the_air_along_one_direction() -> None:
    ghosted = BODY + sum(0.05 * np.roll(BODY, shift, 0) for shift in (-100, -60, 60, 100))
    clean, worse = (run(ghosting, [magnitude(image, 10.0)])["directional_ratio"].value for image in (BODY, ghosted))
    assert clean < 0.002
    assert worse > 0.03


def test_noise_alone_is_no_ghost() -> None:
    assert run(ghosting, [magnitude(BODY, 30.0)])["n2_ratio"].value < 0.003


def test_a_band_in_a_frame_without_air_is_found_where_it_lies(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    tissue = 1000 + 200 * np.sin(x / 11) * np.cos(y / 13)
    images = np.stack([magnitude(tissue, 15.0, seed) for seed in range(3)])
    images[1, 150:170] += np.random.default_rng(9).normal(0, 80, (20, SIDE))
    found = run(ghosting, images)
    assert set(found) == {"band_ratio", "repeat"}
    assert found["band_ratio"].location.slice == 1
    box = found["band_ratio"].location.box
    assert box is not None
    assert 150 <= box[0] < 170
    assert (box[1], box[3]) == (0, SIDE)
    assert found["band_ratio"].value > 3
    assert found["band_ratio"].detail["curve"][0][1] < 1.6
    assert all(sentences(ghosting, found["band_ratio"]))


def organs() -> np.ndarray:
    """A body of fat around a hundred organs of all sizes, with air around."""
    image = np.where(ellipse(SIDE, 0.36, 0.3), 1000.0, 0.0)
    random = np.random.default_rng(4)
    for _ in range(100):
        organ = ellipse(SIDE, *random.uniform(0.01, 0.06, 2), *random.uniform((0.2, 0.25), (0.8, 0.75)))
        image[organ & (image > 0)] = random.uniform(300, 1600)
    return image


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_ghost_repeats_the_image_at_its_distance(
    case: dict[str, Any], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    body = organs()
    ghost = np.roll(body, round(case["distance"] * SIDE), case["axis"])
    found = run(ghosting, [magnitude(body + case["ratio"] * ghost, 15.0, seed) for seed in range(2)])["repeat"]
    low, high = case["repeat"]
    assert low <= found.value <= high
    assert all(sentences(ghosting, found))
    if case["ratio"]:
        assert found.detail["along"] == ("down", "across")[case["axis"]]
        # A copy that goes round the frame's edge is as far the other way.
        assert (
            min(abs(found.detail["distance_percent"] / 100 - far) for far in (case["distance"], 1 - case["distance"]))
            < 0.01
        )


def test_a_stronger_ghost_repeats_more() -> None:
    body = organs()
    values = [
        run(ghosting, [magnitude(body + ratio * np.roll(body, 64, 0), 15.0)])["repeat"].value
        for ratio in (0.0, 0.05, 0.15, 0.4)
    ]
    assert values == sorted(values)
