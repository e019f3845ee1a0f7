"""Grey values of windowed slices as Hounsfield units of a window that is drawn."""

import numpy as np
import pytest

from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.zoo.ct_artifact import KINDS
from training.manifest import Row
from training.tasks import ct_artifact as task


def row(*regions: str) -> Row:
    return Row(
        "a.jpg", "picture", "CT", "s", "source", "open", "drawn", 5, {"region": list(regions)} if regions else {}
    )


def test_every_kind_that_the_simulation_makes_is_there() -> None:
    assert set(KINDS) == {defect.name for defect in PIXEL_DEFECTS.values() if defect.modality == "CT"}


@pytest.mark.parametrize(
    ("told", "widths"),
    [(row("head"), [(75, 110)]), (row("abdomen"), [(330, 450)]), (row("chest"), [(330, 450), (1200, 1600)])],
)
def test_windows_are_those_of_the_part(told: Row, widths: list[tuple[float, float]]) -> None:
    scenes = [task.draw_scene(np.random.default_rng(seed), told, 0) for seed in range(30)]
    found = [scene["high"] - scene["low"] for scene in scenes]
    assert all(any(low <= width <= high for low, high in widths) for width in found)
    assert all(any(low <= width <= high for width in found) for low, high in widths)


def test_grey_runs_along_the_window_and_beyond_its_ends() -> None:
    scene = {"low": -160.0, "high": 350.0, "beyond": 400.0}
    grey = np.array([[0, 8, 100, 247, 255]], np.float32)
    # 510 HU over 255 greys: 2 HU a grey.
    assert task.values(grey, scene)[0].tolist() == pytest.approx([-1000, -144, 40, 334, 750], abs=1e-3)
