"""Motion between lines of k-space: along one direction and not the other, and noise and anatomy that are no motion."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from qc_models.checks.artifacts import motion
from qc_models.findings import Measurement
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.judged_facts import stack as stack_facts
from tests.pixel_blocks import features, head, magnitude, run

HEADS = np.stack([magnitude(head(), 20.0, seed) for seed in range(3)]).astype(np.float32)


def moved(mm: float, axis: int) -> np.ndarray:
    """Heads that jump there and back between every eighth line of k-space."""
    defect = PIXEL_DEFECTS["mr_motion"]
    params = {
        "axis": axis,
        "poses_mm_mm_degrees": [[mm, mm, 0.5 * mm]],
        "changes": [0.4],
        "shots": 8,
        "pixel_mm": [1.0, 1.0],
    }
    return defect.apply(HEADS, {"strength": mm, **params})


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("mm", [2.5, 8.0])
def test_motion_repeats_edges_along_phase_encoding(mm: float, axis: int) -> None:
    at_rest, found = (run(motion, images)["replicas"].value for images in (HEADS, moved(mm, axis)))
    assert found > 1.2 * at_rest
    down, across = (motion.repetition(likeness)[0].item() for likeness in features(moved(mm, axis)[0]).self_likeness)
    assert (down > across) == (axis == 1)


def test_a_head_at_rest_has_none(sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]) -> None:
    found = run(motion, HEADS)["replicas"]
    assert found.value < 2
    assert all(sentences(motion, found))


def test_noise_is_alike_in_both_directions() -> None:
    noise = features(magnitude(np.full((256, 256), 500.0), 40.0))
    down, across = (motion.repetition(likeness).item() for likeness in noise.self_likeness)
    assert down == pytest.approx(across, rel=0.35)  # of some 38 independent values each


def test_a_frame_with_hardly_a_body_is_not_measured() -> None:
    image = np.zeros((256, 256))
    image[120:136, 120:136] = 1000
    assert run(motion, [magnitude(image, 10.0)]) == {}


def test_mr_as_acquired_alone() -> None:
    assert motion.applies(stack_facts("1", modality="MR"))
    assert not motion.applies(stack_facts("1", modality="MR", role="LOC"))
    assert not motion.applies(stack_facts("1"))
