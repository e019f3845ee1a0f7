"""Fields of known size between flat borders."""

import pytest

from qc_models.checks.artifacts import collimation
from tests.pixel_blocks import radiograph, run


def test_the_open_share_of_a_collimated_field() -> None:
    image = radiograph(640, 512, noise=5)
    image[:100], image[500:], image[:, :60], image[:, 440:] = 200, 200, 200, 200
    found = run(collimation, [image], "XR")["open_share"]
    assert found.value == pytest.approx(400 * 380 / (640 * 512), abs=0.03)


def test_an_open_field_and_a_flat_image_show_no_collimation() -> None:
    assert run(collimation, [radiograph()], "XR")["open_share"].value > 0.97
    assert run(collimation, [radiograph() * 0 + 7], "XR")["open_share"].value == 1
