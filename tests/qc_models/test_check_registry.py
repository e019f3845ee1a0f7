"""Every image check survives what any sender may send: blank, tiny, broken and padded frames."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from qc_models.check_registry import MIN_SIDE, Check, checks
from tests.pixel_blocks import run

IMAGE_CHECKS = [check for check in checks().values() if check.sees]
NOISE = np.random.default_rng(0).normal(100, 20, (2, 70, 45))
FRAMES: Mapping[str, np.ndarray] = {
    "one pixel": np.zeros((2, 1, 1)),
    "one row": np.ones((1, 1, 300)),
    "all zero": np.zeros((3, 64, 64)),
    "all equal": np.full((1, 100, 40), -1024.0),
    "noise": NOISE,
    "not a number": np.where(NOISE > 120, np.nan, NOISE),
    "huge values": NOISE * 1e30,
    "negative": -NOISE,
    "narrow": np.random.default_rng(1).normal(0, 1, (1, 33, 400)),
}


@pytest.mark.parametrize("modality", ["CT", "MR", "XR"])
@pytest.mark.parametrize("frames", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_no_frame_breaks_an_image_check(check: Check, frames: np.ndarray, modality: str) -> None:
    found = run(check.module, frames, modality)
    assert set(found) <= set(check.quantities)
    assert all(math.isfinite(measurement.value) for measurement in found.values())


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_padding_all_over_breaks_none(check: Check) -> None:
    run(check.module, NOISE, "CT", padding=np.ones(NOISE.shape, dtype=bool))


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_blocks_of_any_size_give_the_same(check: Check) -> None:
    frames = np.concatenate([NOISE] * 5)
    whole, parts = (run(check.module, frames, "MR", block=block) for block in (16, 3))
    assert {name: found.value for name, found in whole.items()} == {
        name: pytest.approx(found.value, rel=1e-3) for name, found in parts.items()
    }


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_thumbnails_tell_nothing(check: Check) -> None:
    assert run(check.module, np.full((1, MIN_SIDE - 1, 400), 40.0), "CT") == {}


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_a_strip_tells_nothing_and_costs_nothing(check: Check) -> None:
    strip = np.full((1, 40, 60_000), 40.0)
    assert run(check.module, strip, "MR") == {}


@pytest.mark.parametrize("spacing_mm", [1e-3, 1e4])
@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_an_absurd_spacing_breaks_no_image_check(check: Check, spacing_mm: float) -> None:
    for modality in ("CT", "MR", "XR"):
        run(check.module, NOISE, modality, spacing_mm=(spacing_mm, spacing_mm))
