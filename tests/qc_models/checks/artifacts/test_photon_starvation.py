"""Noise with a direction of known strength."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import photon_starvation
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import run, trunk

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "photon_starvation.yaml").read_text(encoding="utf-8")
)


def test_even_noise_has_no_direction() -> None:
    found = run(photon_starvation, [trunk(512, seed=seed) for seed in range(2)], "CT")["noise_anisotropy"]
    assert found.value == pytest.approx(1, abs=0.04)


def test_lines_of_noise_from_side_to_side() -> None:
    image = trunk(512, noise_hu=10)
    lines = np.random.default_rng(3).normal(0, 15, (512, 1))
    found = run(photon_starvation, [trunk(512), image + lines], "CT")
    assert found["noise_anisotropy"].location.slice == 1
    # Lines alike along a row add to differences between rows alone.
    assert found["noise_anisotropy"].value == pytest.approx((10**2 + 15**2) ** 0.5 / 10, rel=0.12)
    assert found["streak_hu"].value == pytest.approx((10**2 + 15**2 - 12.5**2) ** 0.5, rel=0.12)
    turned = run(photon_starvation, [image + lines.T], "CT")
    assert turned["noise_anisotropy"].value < 0.7
    assert turned["streak_hu"].value == 0


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_simulated_starvation(case: dict[str, Any]) -> None:
    defect = PIXEL_DEFECTS["photon_starvation"]
    clean = trunk(512)[None].astype(np.float32)
    params = defect.make_params(np.random.default_rng(0), clean.shape, case["strength"], spacing_mm=(5.0, 0.8, 0.8))
    found = run(photon_starvation, defect.apply(clean, params), "CT")
    for metric, key in (("streak_hu", "streak_hu"), ("noise_anisotropy", "ratio")):
        low, high = case[key]
        assert low <= found[metric].value <= high


def test_a_quiet_image_is_not_measured() -> None:
    assert "noise_anisotropy" not in run(photon_starvation, [trunk(noise_hu=1.0)], "CT")
