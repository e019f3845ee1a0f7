"""Fields of known size between flat borders, and blades that cut into a part."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from qc_models.checks.artifacts import collimation
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import radiograph, run

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "collimation.yaml").read_text(encoding="utf-8")
)


def collimated(borders: tuple[int, int, int, int], level: float) -> NDArray[np.float64]:
    top, bottom, left, right = borders
    image = radiograph(640, 512, noise=5)
    image[:top], image[640 - bottom :], image[:, :left], image[:, 512 - right :] = level, level, level, level
    return image


def test_the_open_share_of_a_collimated_field() -> None:
    found = run(collimation, [collimated((100, 140, 60, 72), 200)], "XR")["open_share"]
    assert found.value == pytest.approx(400 * 380 / (640 * 512), abs=0.03)


def test_an_open_field_and_a_flat_image_show_no_collimation() -> None:
    for image in (radiograph(), radiograph() * 0 + 7):
        found = run(collimation, [image], "XR")
        assert found["open_share"].value > 0.97
        assert found["cut_share"].value == 0


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_blade_is_measured_by_what_it_takes_beyond_the_others(case: dict[str, Any]) -> None:
    image = collimated(case["borders"], 200)
    defect = PIXEL_DEFECTS["collimation_cut"]
    drawn = defect.make_params(np.random.default_rng(0), image.shape, case["share_of_field"], spacing_mm=(1, 0.8, 0.8))
    cut = defect.apply(image.astype(np.float32), drawn | {key: case[key] for key in ("axis", "far_side", "white")})
    low, high = case["measured"]
    for sense in (cut, 4000 - cut):  # dense parts bright, or dark
        assert low <= run(collimation, [sense], "XR")["cut_share"].value <= high


def test_the_box_is_what_the_blade_covers() -> None:
    box = run(collimation, [collimated((0, 0, 0, 128), 200)], "XR")["cut_share"].location.box
    assert box is not None
    assert box[0] == 0
    assert box[1] == pytest.approx(384, abs=4)
    assert box[2] == 640
    assert box[3] == pytest.approx(128, abs=4)


def test_three_numbers() -> None:
    covered, levels = torch.tensor([[0.30, 0.05, 0.10, 0.0]]), torch.tensor([[0.0, 0.0, 0.1, 0.0]])
    shares = collimation.cut_shares(covered, levels, torch.full((1, 4), 0.5))
    assert shares.tolist() == [pytest.approx([0.10, 0, 0, 0])]  # (0.30 - 0.10) / 2
    white = collimation.cut_shares(covered, torch.tensor([[1.0, 0.0, 0.1, 0.0]]), torch.ones(1, 4))
    assert white.tolist() == [pytest.approx([0.30, 0, 0.05, 0])]  # a blade of its own brightness has no partner


def test_a_blade_in_direct_exposure_cuts_nothing() -> None:
    y, x = np.mgrid[:640, :512]
    image = np.where(np.hypot((y - 320) / 200, (x - 300) / 120) < 1, 2500.0, 300.0) + 40 * np.sin(y / 20)
    image[:, :100] = 280  # a black shutter beside a dark background
    assert run(collimation, [image], "XR")["cut_share"].value < 0.01
