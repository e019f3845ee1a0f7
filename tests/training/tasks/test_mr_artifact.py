"""What mr_artifact is told of real motion, and backgrounds that say nothing of it."""

import math

import numpy as np
import pytest

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.zoo.mr_artifact import KINDS
from training.manifest import Row
from training.tasks import mr_artifact as task


def row(*motion: str, fold: int = 5) -> Row:
    return Row(
        "a.jpg", "picture", "MR", "s", "source", "open", "drawn", fold, {"motion": list(motion)} if motion else {}
    )


def test_every_kind_that_the_simulation_makes_is_there() -> None:
    assert set(KINDS) == {defect.name for defect in PIXEL_DEFECTS.values() if defect.modality == "MR"}


def test_a_head_that_moved_is_known_for_that_alone() -> None:
    known = task.truth(row("motion"))
    assert {kind for kind, value in known.items() if not math.isnan(value)} == {"mr_motion"}
    assert known["mr_motion"] == 1.0
    assert task.truth(row("nomotion")) == task.truth(row()) == {}


@pytest.mark.parametrize(
    ("told", "number", "replaced"),
    [
        (row("motion"), 1, True),
        (row("nomotion"), 1, True),
        (row("motion"), 0, False),
        (row(), 1, False),
        (row("motion", fold=0), 1, False),
    ],
)
def test_the_background_of_every_other_labelled_copy_is_replaced(told: Row, number: int, replaced: bool) -> None:
    assert ("background" in task.draw_scene(np.random.default_rng(0), told, number)) is replaced


def test_another_background_leaves_the_body_alone() -> None:
    down, right = np.mgrid[:128, :128] - 63.5
    body = np.hypot(down, right) < 40
    grey = np.where(body, 200, 9).astype(np.float32)
    grey[60:66, 60:66] = 0  # a dark place inside stays
    black = task.other_background(grey, 0.0, 1)
    far = np.hypot(down, right) > 55
    assert np.array_equal(black[body], grey[body])
    assert float(np.abs(black[far]).max()) == 0.0
    noisy = task.other_background(grey, 0.05, 1)
    # The magnitude of complex noise of 0.05 x 200 in each channel has a mean of sqrt(pi / 2) x 10.
    assert float(noisy[far].mean()) == pytest.approx(12.53, rel=0.03)
