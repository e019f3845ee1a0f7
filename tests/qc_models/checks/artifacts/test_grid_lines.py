"""Regular strips of known fineness and strength, along rows and along columns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import grid_lines
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import radiograph, run

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "grid_lines.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("period", [2.9, 5.3, 20.0])
@pytest.mark.parametrize("across", [False, True])
def test_strips_stand_out_and_noise_does_not(period: float, across: bool) -> None:
    image = radiograph()
    strips = 25 * np.sin(2 * np.pi * np.arange(image.shape[1 if across else 0]) / period)
    clean, lined = (
        run(grid_lines, [image + share * (strips if across else strips[:, None])], "XR")["peak_db"].value
        for share in (0, 1)
    )
    assert clean < 10
    assert lined > 15


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_strength_in_noise_comes_out_in_db(case: dict[str, Any]) -> None:
    image = np.random.default_rng(5).normal(2000, case["noise"], (512, 512))
    defect = PIXEL_DEFECTS["grid_lines"]
    drawn = defect.make_params(np.random.default_rng(0), image.shape, case["amplitude"] / 1000)
    low, high = np.percentile(image, [0.5, 99.5])
    strength = case["amplitude"] / (high - low)
    lined = defect.apply(image.astype(np.float32), drawn | {"strength": strength, "cycles_a_pixel": 0.125, "axis": 2})
    low_db, high_db = case["measured_db"]
    assert low_db <= run(grid_lines, [lined], "XR")["peak_db"].value <= high_db


def test_lines_in_one_corner_alone_are_no_grid() -> None:
    image = radiograph()
    image[:120, :100] += 200 * np.sin(2 * np.pi * np.arange(100) / 4)
    assert run(grid_lines, [image], "XR")["peak_db"].value < 12


def test_single_lines_are_no_grid() -> None:
    image = radiograph()
    image[[77, 301, 480]] += 500
    assert run(grid_lines, [image], "XR")["peak_db"].value < 12


def test_a_small_image_is_not_measured() -> None:
    assert run(grid_lines, [radiograph(300, 120)], "XR") == {}
