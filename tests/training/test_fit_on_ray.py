"""Two workers on two processors teach one network together."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from qc_models.errors import InputError
from tests.ray_processes import patiently
from tests.training.drawn_data import write_data
from training.fit import fitted
from training.fit_on_ray import fit_on_ray
from training.manifest import build
from training.recipe import Recipe
from training.run_folder import RunFolder

RECIPE = Recipe(model="xr_anatomy", epochs=1, batch_size=4, warmup_epochs=0)


pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # of Ray about itself
]


@pytest.fixture
def two_processors() -> Iterator[None]:
    """A cluster of this test alone; left to itself, Ray joins whatever cluster another process of this machine began."""
    ray = pytest.importorskip("ray")
    patiently(lambda: ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False))
    yield
    ray.shutdown()


@pytest.mark.usefixtures("two_processors")
def test_two_workers_leave_one_run(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", 16)
    folder = RunFolder(tmp_path / "run")
    fit_on_ray(RECIPE, build(data), data, folder, 2)
    (point,) = [json.loads(line) for line in (folder.path / "curves.jsonl").read_text("utf-8").splitlines()]
    assert point["epoch"] == 1
    torch.manual_seed(RECIPE.seed)
    answers = fitted(folder)(torch.zeros(1, 1, 160, 160))
    assert all(answer.isfinite().all() for answer in answers)


@pytest.mark.usefixtures("two_processors")
def test_more_workers_than_processors_are_refused(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", 4)
    with pytest.raises(InputError, match="has 2 processors, not 3"):
        fit_on_ray(RECIPE, build(data), data, RunFolder(tmp_path / "run"), 3)
    assert not (tmp_path / "run").exists()
