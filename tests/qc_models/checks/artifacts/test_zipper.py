"""Lines of known strength in a head."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import zipper
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import head, magnitude, run

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "zipper.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vertical", [False, True])
def test_a_bright_line_is_found_where_it_lies(vertical: bool) -> None:
    images = np.stack([magnitude(head(), 20.0, seed) for seed in range(3)])
    images[2, :, 180] += 300
    if not vertical:
        images = images.transpose(0, 2, 1)
    found = run(zipper, images)["line_contrast"]
    assert found.location.slice == 2
    box = (0, 180, 256, 1) if vertical else (180, 0, 1, 256)
    assert found.location.box == box
    assert found.value > 2
    assert found.detail["curve"][0][1] < 1.5


def test_a_dashed_line_is_noisy_and_not_bright() -> None:
    images = np.stack([magnitude(head(), 20.0, seed) for seed in range(2)])
    images[1, 100, 0::4] += 250
    images[1, 100, 1::4] += 250
    images[1, 100, 2::4] -= 250
    images[1, 100, 3::4] -= 250
    found = run(zipper, images)
    assert found["noise_ratio"].location.slice == 1
    assert found["noise_ratio"].location.box == (100, 0, 1, 256)
    assert found["noise_ratio"].value > found["line_contrast"].value + 0.5


def test_the_rim_of_a_blanked_frame_is_no_line() -> None:
    image = magnitude(np.full((256, 256), 600.0), 20.0)
    image[:60] = 0
    assert run(zipper, [image])["line_contrast"].value < 1


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_interference_is_told_from_texture(case: dict[str, Any]) -> None:
    images = np.stack([magnitude(head(), 20.0, seed) for seed in range(3)]).astype(np.float32)
    params = {"axis": 1, "places": [0.37], "width": 1, "seed": 3, "strength": case["share"]}
    found = run(zipper, PIXEL_DEFECTS["zipper"].apply(images, params))["noise_ratio"]
    low, high = case["measured"]
    assert low <= found.value <= high


def test_a_dark_line_and_one_that_ends_within_the_head_are_anatomy() -> None:
    image = magnitude(head(), 20.0)
    image[60:196, 128] -= 900
    found = run(zipper, [image])
    assert found["line_contrast"].value < 1.5
    assert found["noise_ratio"].value < 2.3
