"""Metal of known area with dark streaks of known share beside it."""

import pytest

from qc_models.checks.artifacts import metal
from tests.pixel_blocks import run, trunk


def test_area_in_square_millimetres_and_the_slice_of_most() -> None:
    images = [trunk() for _ in range(3)]
    images[2][100:110, 120:140] = 3071
    images[1][100:102, 120:122] = 3071
    found = run(metal, images, "CT", spacing_mm=(0.5, 0.8))
    assert found["area_mm2"].value == pytest.approx(200 * 0.5 * 0.8)
    assert found["area_mm2"].location.slice == 2
    assert found["dark_share"].detail["num_frames"] == 1  # four pixels are too little to look around


def test_dark_streaks_beside_metal() -> None:
    image = trunk(noise_hu=5.0)
    image[120:130, 120:136] = 3071
    clean = run(metal, [image], "CT")["dark_share"].value
    image[120:130, 80:118] = -500
    image[120:130, 138:176] = -500
    streaked = run(metal, [image], "CT")["dark_share"].value
    assert clean == 0
    assert 0.05 < streaked < 0.3


def test_bone_is_no_metal() -> None:
    image = trunk()
    image[100:120, 100:120] = 1800
    assert {name: found.value for name, found in run(metal, [image], "CT").items()} == {"area_mm2": 0.0}
