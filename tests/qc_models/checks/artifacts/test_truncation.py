"""Bodies cut off by the edge of the frame or of the reconstruction circle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import truncation
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import ellipse, run, trunk

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "truncation.yaml").read_text(encoding="utf-8")
)


def cut_outline(outside: float) -> float:
    """The share of the outline that lies on a circle which leaves a share of the trunk's ellipse (0.34 x 0.42) outside."""
    angle = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    ellipse_radius = 1 / np.hypot(np.sin(angle) / 0.34, np.cos(angle) / 0.42)
    radii = np.linspace(0.2, 0.42, 2201)
    left = [np.mean(np.minimum(ellipse_radius, radius) ** 2) / np.mean(ellipse_radius**2) for radius in radii]
    radius = float(radii[np.argmin(np.abs(np.array(left) - (1 - outside)))])
    drawn = np.minimum(ellipse_radius, radius)
    return float(drawn[ellipse_radius > radius].sum() / drawn.sum())


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_the_bright_rim_of_a_cut_scan_field(case: dict[str, Any]) -> None:
    defect = PIXEL_DEFECTS["fov_truncation"]
    clean = trunk(512)[None].astype(np.float32)
    for seed in range(3):
        params = defect.make_params(
            np.random.default_rng(seed), clean.shape, case["strength"], spacing_mm=(5.0, 0.8, 0.8)
        )
        value = run(truncation, defect.apply(clean, params), "CT")["rim_share"].value
        low, high = (share * cut_outline(case["strength"]) for share in case["share"])
        assert low <= value <= high + 0.01


def test_neither_noise_nor_the_edge_of_the_frame_is_a_rim() -> None:
    image = np.roll(trunk(512, noise_hu=40.0), 80, axis=1)
    image[:, -20:] += 1000  # bone where the frame cuts
    assert run(truncation, [image], "CT")["rim_share"].value < 0.02


def test_air_cut_off_at_the_lowest_value_is_no_field() -> None:
    image = np.where(ellipse(256, 0.34, 0.42), trunk(), -1024.0)
    assert run(truncation, [image], "CT")["edge_share"].value == 0


def test_a_whole_body_is_not_cut() -> None:
    assert run(truncation, [trunk()], "CT")["edge_share"].value == 0


def test_the_cut_share_of_the_edge_of_the_frame() -> None:
    image = np.roll(trunk(), 40, axis=1)
    image[:, :40] = -1000
    cut = (image[:, -1] > -400).mean() / 4
    found = run(truncation, [trunk(), image], "CT")["edge_share"]
    assert found.value == pytest.approx(cut, abs=0.02)
    assert found.location.slice == 1


@pytest.mark.parametrize("padded", [False, True])
def test_the_edge_of_a_reconstruction_circle(padded: bool) -> None:
    circle = ellipse(256, 0.35, 0.35)
    image = np.where(circle, trunk(), -2000.0)
    value = run(truncation, [image], "CT", padding=~circle[None] if padded else None)["edge_share"].value
    # The circle's rim, at 0.345, lies in the ellipse of 0.34 x 0.42 within 73 degrees of the horizontal.
    assert value == pytest.approx(73 / 90, abs=0.08)


def test_a_table_at_the_edge_is_no_body() -> None:
    image = trunk()
    image[236:239] = 100
    assert run(truncation, [image], "CT")["edge_share"].value == 0
