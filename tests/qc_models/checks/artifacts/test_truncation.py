"""Bodies cut off by the edge of the frame or of the reconstruction circle."""

import numpy as np
import pytest

from qc_models.checks.artifacts import truncation
from tests.pixel_blocks import ellipse, run, trunk


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
