"""Steps, ramps and movements of known width."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from qc_models.checks.adequacy import xr_sharpness
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import radiograph, run

TILES: NDArray[np.floating] = np.kron(
    np.random.default_rng(1).random((12, 10)) * 1000, np.ones((40, 40))
)  # 96 x 80 cells


def test_a_step_and_a_ramp_by_hand() -> None:
    step, ramp = torch.zeros(1, 20, 80), torch.arange(80.0).expand(1, 20, 80)
    step[:, :, 40:] = 1
    # Of the step's 1 a mean over five cells leaves a difference of 1/5 in its place.
    assert xr_sharpness.blur_share(step, 2).item() == pytest.approx(0.2)
    # A ramp stays as it is, but for two cells at each end where fewer are averaged: there half of a step is left.
    assert xr_sharpness.blur_share(ramp, 2).item() == pytest.approx(1 - 4 * 0.5 / 79)
    assert math.isnan(xr_sharpness.blur_share(ramp, 1).item())  # nothing changes along the columns


def test_movement_along_one_direction_raises_it() -> None:
    values = [
        run(xr_sharpness, [moved(TILES, way_mm)], "XR", spacing_mm=(0.22, 0.22))["blur_share"].value
        for way_mm in (0, 2, 6, 15)
    ]
    assert values == sorted(values)
    assert values[0] < 0.3
    assert values[2] > 0.6


def moved(image: NDArray[np.floating], way_mm: float) -> NDArray[np.float32]:
    defect = PIXEL_DEFECTS["xr_motion"]
    drawn = defect.make_params(np.random.default_rng(0), image.shape, way_mm, spacing_mm=(1, 0.22, 0.22))
    return defect.apply(image.astype(np.float32), drawn | {"direction": 0.0})


def test_neither_scale_nor_sense_nor_the_size_of_pixels_matters() -> None:
    plain = run(xr_sharpness, [TILES], "XR", spacing_mm=(0.22, 0.22))["blur_share"].value
    turned = run(xr_sharpness, [4095 - 3 * TILES], "XR", spacing_mm=(0.22, 0.22))["blur_share"].value
    finer = run(xr_sharpness, [np.kron(TILES, np.ones((2, 2)))], "XR", spacing_mm=(0.11, 0.11))["blur_share"].value
    assert turned == pytest.approx(plain, rel=1e-3)
    assert finer == pytest.approx(plain, rel=1e-3)


def test_without_spacing_or_of_few_cells_nothing_is_measured() -> None:
    assert run(xr_sharpness, [radiograph()], "XR", spacing_mm=None) == {}  # type: ignore[arg-type]
    assert run(xr_sharpness, [radiograph(60, 80)], "XR", spacing_mm=(1.0, 1.0)) == {}
