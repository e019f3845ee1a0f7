"""Teaches one network on several workers by Ray Train: each takes its share of every batch, and gradients are averaged."""

import logging
from pathlib import Path
from typing import Any

from qc_models.errors import InputError
from training.fit import Run, task_of
from training.manifest import Manifest, read_manifest
from training.recipe import Recipe
from training.run_folder import RunFolder


def fit_on_ray(recipe: Recipe, manifest: Manifest, data: Path, folder: RunFolder, devices: int) -> None:
    """Runs a recipe on so many workers, with a GPU each where there are as many; the first one keeps the checkpoint.

    Raises InputError where the cluster has fewer processors than that: Ray would wait for more without end.
    """
    import ray
    import torch
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    if not ray.is_initialized():  # a cluster that is there already is used
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    here = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
    if here < devices:
        raise InputError(f"the Ray cluster has {here} processors, not {devices}; name fewer --devices, or start nodes")
    folder.begin(recipe, manifest)
    told = {
        "recipe": recipe.model_dump(mode="json"),
        "data": str(data.resolve()),
        "folder": str(folder.path.resolve()),
    }
    TorchTrainer(
        _work,
        train_loop_config=told,
        scaling_config=ScalingConfig(num_workers=devices, use_gpu=torch.cuda.device_count() >= devices),
        run_config=RunConfig(name="fit", storage_path=str((folder.path / "ray").resolve())),
    ).fit()


def _work(told: dict[str, Any]) -> None:
    """What each worker does."""
    import ray.train
    from ray.train.torch import get_device, prepare_model

    recipe, folder = Recipe.model_validate(told["recipe"]), RunFolder(Path(told["folder"]))
    rows = read_manifest(folder.path / "manifest.jsonl")
    examples = task_of(recipe.model).examples(rows, Path(told["data"]), recipe.task).of("learn")
    context = ray.train.get_context()
    run = Run(
        recipe, examples, folder, get_device(), context.get_world_rank(), context.get_world_size(), wrap=prepare_model
    )
    run.go(lambda line: ray.train.report({"epoch": run.epoch, "loss": run.curves[-1]["loss"]}))
