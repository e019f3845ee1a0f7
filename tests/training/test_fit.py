"""The loop: it learns, a killed run goes on to the same weights, and another recipe's folder is refused."""

from pathlib import Path

import pytest
import torch

from qc_models.errors import InputError
from tests.training.drawn_data import write_data
from training.evaluate import asked, evaluated, temperatures
from training.fit import Run, fit, fitted, smoked
from training.manifest import Manifest, build
from training.recipe import Recipe
from training.run_folder import RunFolder

RECIPE = Recipe(model="xr_anatomy", epochs=2, batch_size=8, warmup_epochs=0, averaging=0.5, targets={"scope.auc": 0.9})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), 24)


@pytest.fixture(scope="module")
def manifest(data: Path) -> Manifest:
    return build(data)


@pytest.fixture(scope="module")
def whole(data: Path, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "whole")
    fit(RECIPE, manifest, data, folder, lambda _: None)
    return folder


def test_the_loss_falls(whole: RunFolder) -> None:
    state = whole.load()
    assert state is not None
    first, last = (point["loss"] for point in state["curves"])
    assert last < first


def test_a_killed_run_goes_on_to_the_same_weights(
    whole: RunFolder, data: Path, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def kill(_: str) -> None:
        raise Killed

    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Killed):
        fit(RECIPE, manifest, data, folder, kill)  # after the first epoch
    state = folder.load()
    assert state is not None
    assert state["epoch"] == 1
    fit(RECIPE, manifest, data, folder, lambda _: None)
    for name, weight in fitted(whole).state_dict().items():
        assert torch.equal(weight, fitted(folder).state_dict()[name]), name


def test_the_folder_of_another_run_is_refused(whole: RunFolder, data: Path, manifest: Manifest) -> None:
    with pytest.raises(InputError, match="another recipe or other data"):
        fit(RECIPE.model_copy(update={"seed": 2}), manifest, data, whole, lambda _: None)


def test_an_unfitted_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fit one first"):
        fitted(RunFolder(tmp_path))


def test_workers_share_each_epoch_without_overlap(data: Path, manifest: Manifest) -> None:
    from training.fit import task_of

    examples = task_of("xr_anatomy").examples(manifest, data, {}).of("learn")
    runs = [Run(RECIPE, examples, None, torch.device("cpu"), rank, 2) for rank in (0, 1)]
    one = Run(RECIPE.model_copy(update={"batch_size": 16}), examples, None, torch.device("cpu"))
    alone = torch.cat(list(one._batches()))
    shares = [torch.cat(list(run._batches())) for run in runs]
    assert torch.equal(alone[0::2], shares[0])
    assert torch.equal(alone[1::2], shares[1])


def test_a_smoke_run_is_one_short_epoch_over_all_parts(manifest: Manifest) -> None:
    few, rows = smoked(RECIPE.model_copy(update={"epochs": 40}), manifest)
    assert few.epochs == 1
    assert {row.part for row in rows.rows} == {"learn", "calibrate", "test"}


def test_a_taught_network_is_asked_about_rows_it_never_saw(whole: RunFolder, data: Path) -> None:
    warmth = temperatures(whole, data)
    assert warmth.keys() == {"region", "scope", "view", "rotation", "polarity"}
    evaluation = evaluated(whole, data, "v", warmth)
    learned = {row.subject for row in whole.manifest().rows if row.part == "learn"}
    assert not learned & {row.subject for row in evaluation.rows}
    assert asked(RECIPE, whole, data, "test")[1]["region"].shape[0] == len(evaluation.rows)
