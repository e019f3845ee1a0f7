"""Fold-over against the same patient cut off and against one with air around."""

import numpy as np

from qc_models.checks.artifacts import wrap
from tests.pixel_blocks import ellipse, magnitude, run

SIDE = 256


def wide(side: int = 2 * SIDE) -> np.ndarray:
    """A patient wider than a frame of half the side, with organs along the edge."""
    image = np.where(ellipse(side, 0.18, 0.33), 1000.0, 0.0)
    random = np.random.default_rng(4)
    for _ in range(120):
        organ = ellipse(side, 0.03, 0.03, *random.uniform((0.35, 0.2), (0.65, 0.8)))
        image[organ & (image > 0)] = random.uniform(400, 1600)
    return image


def test_folded_tissue_runs_on_over_the_edge_and_cut_off_tissue_does_not() -> None:
    whole = wide()
    middle = whole[128:384]
    cut = middle[:, 128:384]
    folded = cut.copy()
    folded[:, 128:] += middle[:, :128]
    folded[:, :128] += middle[:, 384:]
    air = np.where(ellipse(SIDE, 0.3, 0.3), 1000.0, 0.0)
    values = [run(wrap, [magnitude(image, 10.0)])["continuity"].value for image in (folded, cut, air)]
    assert values[0] > 0.3
    assert values[1] < 0.5 * values[0]
    assert values[2] == 0
