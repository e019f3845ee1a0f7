"""Small simulated studies, made once a run and only read by the tests that share them."""

from collections.abc import Callable

import pytest

from configs.strict import HERE
from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study

SmallStudy = Callable[..., SimulatedStudy]


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> SmallStudy:
    """A function from an item's id and the options of `simulate_study` to that study in small, the same one each time."""
    catalogue = load_catalogue(HERE / "exam_items")
    made: dict[tuple[object, ...], SimulatedStudy] = {}

    def make(item_id: str, **options: object) -> SimulatedStudy:
        key = (item_id, *sorted((name, str(value)) for name, value in options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("study")
            made[key] = simulate_study(catalogue.item(item_id), folder, size="small", **options)  # type: ignore[arg-type]
        return made[key]

    return make
