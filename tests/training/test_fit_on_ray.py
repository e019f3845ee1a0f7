"""Two workers on two processors teach one network together."""

import json
from pathlib import Path

import pytest
import torch

from tests.training.drawn_data import write_data
from training.fit import fitted
from training.fit_on_ray import fit_on_ray
from training.manifest import build
from training.recipe import Recipe
from training.run_folder import RunFolder

RECIPE = Recipe(model="xr_anatomy", epochs=1, batch_size=4, warmup_epochs=0)


@pytest.mark.filterwarnings("ignore")  # of Ray about itself
def test_two_workers_leave_one_run(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    data = write_data(tmp_path / "data", 16)
    folder = RunFolder(tmp_path / "run")
    try:
        fit_on_ray(RECIPE, build(data), data, folder, 2)
    finally:
        ray.shutdown()
    (point,) = [json.loads(line) for line in (folder.path / "curves.jsonl").read_text("utf-8").splitlines()]
    assert point["epoch"] == 1
    torch.manual_seed(RECIPE.seed)
    answers = fitted(folder)(torch.zeros(1, 1, 160, 160))
    assert all(answer.isfinite().all() for answer in answers)
