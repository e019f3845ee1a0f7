"""Every image check survives what any sender may send: blank, tiny, broken and padded frames."""

import math
import re
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from qc_models.check_registry import MIN_SIDE, Check, checks
from qc_models.features import masks
from qc_models.pixels import Block
from tests.pixel_blocks import UNITS, run

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


@pytest.mark.parametrize("modality", ["CT", "MR", "XR"])
@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_an_image_check_makes_nothing_on_another_device(
    check: Check, modality: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device `meta` holds no values, but refuses a tensor of another one as a GPU would; where values decide, it ends."""
    monkeypatch.setattr(masks, "largest_region", lambda mask: mask)  # ends by a value
    pixels = torch.empty(2, 256, 256, device="meta")
    block = Block(pixels, pixels > 0, UNITS[modality], (0.8, 0.8), (0, 1), ("a", "b"), (0, 0))
    try:
        seen = check.look(block)
    except (NotImplementedError, RuntimeError) as error:
        if not re.search("nonzero|meta tensors|data-dependent", str(error)):
            raise
        return
    assert {values.device.type for values in seen.values()} == {"meta"}
