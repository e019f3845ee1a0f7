"""The entropy focus criterion against its ends and its definition over all pixels."""

import math

import numpy as np
import pytest
import torch

from qc_models.checks.adequacy import efc
from tests.pixel_blocks import head, magnitude, run


def defined(image: np.ndarray) -> float:
    """MRIQC's formula over every pixel, in double precision."""
    total = math.sqrt((image**2).sum())
    greatest = image.size / math.sqrt(image.size) * math.log(1 / math.sqrt(image.size))
    return float((image / total * np.log((image + 1e-16) / total)).sum() / greatest)


def test_the_ends_of_the_scale() -> None:
    point = torch.zeros(1, 64, 64)
    point[0, 5, 5] = 9.0
    assert efc.entropy_focus(point, 64 * 64).item() == pytest.approx(0, abs=1e-6)
    assert efc.entropy_focus(torch.full((1, 64, 64), 3.0), 64 * 64).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("side", [128, 300, 512])
def test_a_sample_of_pixels_gives_what_all_give(side: int) -> None:
    image = magnitude(head(side), 40.0)
    assert run(efc, [image])["entropy"].value == pytest.approx(defined(image), rel=0.02)


def test_a_ghost_raises_it() -> None:
    image = head()
    ghost = magnitude(image + 0.2 * np.roll(image, 128, 0), 5.0)
    assert run(efc, [ghost])["entropy"].value > 1.03 * run(efc, [magnitude(image, 5.0)])["entropy"].value
