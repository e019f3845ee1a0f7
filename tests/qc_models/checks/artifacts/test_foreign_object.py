"""Small things of known size on a radiograph."""

import numpy as np
import pytest
import torch

from qc_models.checks.artifacts import foreign_object
from tests.pixel_blocks import radiograph, run


def test_top_hats_by_hand() -> None:
    cells = torch.zeros(1, 20, 20)
    cells[0, 15, 6:14] = 3  # a wire one cell wide
    cells[0, 4:9, 4:9] = 5  # a square of five cells stays in the opening
    white, black = foreign_object.top_hats(cells)
    assert white.shape == (1, 12, 12)
    assert white.sum().item() == 8 * 3
    assert black.sum().item() == 0


@pytest.mark.parametrize("sense", [1, -1])
def test_a_wire_covers_its_share_in_either_sense(sense: int) -> None:
    image = radiograph(880, 880, noise=1)  # 220 x 220 cells of 4 pixels
    assert run(foreign_object, [image], "XR", spacing_mm=(0.275, 0.275))["thin_share"].value < 1e-3
    image[400:404, 200:600] += 1500
    found = run(foreign_object, [sense * image], "XR", spacing_mm=(0.275, 0.275))["thin_share"]
    assert found.value == pytest.approx(100 / 212**2, rel=0.2)


def test_what_is_wide_does_not_count_and_without_spacing_nothing_is_measured() -> None:
    image = np.zeros((400, 400))
    image[100:200, 100:200] = 1000
    assert run(foreign_object, [image], "XR", spacing_mm=(1.0, 1.0))["thin_share"].value == 0
    assert run(foreign_object, [image], "XR", spacing_mm=None) == {}  # type: ignore[arg-type]
