"""Regular strips of known fineness, along rows and along columns."""

import numpy as np
import pytest

from qc_models.checks.artifacts import grid_lines
from tests.pixel_blocks import radiograph, run


@pytest.mark.parametrize("period", [2.9, 5.3])
@pytest.mark.parametrize("across", [False, True])
def test_strips_stand_out_and_noise_does_not(period: float, across: bool) -> None:
    image = radiograph()
    strips = 25 * np.sin(2 * np.pi * np.arange(image.shape[1 if across else 0]) / period)
    clean, lined = (
        run(grid_lines, [image + share * (strips if across else strips[:, None])], "XR")["peak_db"].value
        for share in (0, 1)
    )
    assert clean < 8
    assert lined > 15
