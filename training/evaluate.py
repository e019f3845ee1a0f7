"""Asks a taught network about rows that it never saw, by the way of service: prepare, network, temperature, probability."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qc_models.errors import InputError
from qc_models.model_registry import Model, models
from training.calibrate import temperature
from training.evaluation_page import EvaluatedRow, Evaluation
from training.examples import Examples
from training.fit import fitted, task_of
from training.recipe import Recipe
from training.run_folder import RunFolder

BATCH = 64
Floats = NDArray[np.float32]


def raw_answers(model: Model, network: nn.Module, examples: Examples) -> dict[str, Floats]:
    """The raw numbers of each output for all examples, [N, classes]."""
    parts: list[list[Floats]] = []
    with torch.inference_mode():
        for batch in torch.split(examples.pictures, BATCH):
            parts.append([output.float().numpy() for output in network(batch)])
    return {
        output.name: np.concatenate(found)
        for output, found in zip(model.outputs, zip(*parts, strict=True), strict=True)
    }


def asked(
    recipe: Recipe, folder: RunFolder, data: Path, part: str, network: nn.Module | None = None
) -> tuple[Examples, dict[str, Floats]]:
    """Examples of one part of the run's manifest, and the raw answers; raises InputError where the part is empty.

    They are those of the run's network, or of another that stands for it.

    A task that makes its own questions (turned pictures, defects) has `questions(examples, seed)`.
    """
    task = task_of(recipe.model)
    examples: Examples = task.examples(folder.manifest(), data, recipe.task).of(part)
    if not len(examples):
        raise InputError(f"{folder.path}: no row is there to {part}; build a manifest with more subjects")
    if hasattr(task, "questions"):
        examples = task.questions(examples, recipe.seed)
    return examples, raw_answers(models()[recipe.model], network or fitted(folder), examples)


def temperatures(folder: RunFolder, data: Path) -> dict[str, float]:
    """The temperature of each output, from the calibration fold."""
    recipe = folder.recipe()
    examples, raw = asked(recipe, folder, data, "calibrate")
    outputs = models()[recipe.model].outputs
    return {
        output.name: round(temperature(output, raw[output.name], examples.targets[output.name].numpy()), 4)
        for output in outputs
    }


def evaluated(
    folder: RunFolder, data: Path, version: str, warmth: Mapping[str, float], network: nn.Module | None = None
) -> Evaluation:
    """What the network of a run, or one that stands for it, says of the test folds, at the temperatures of `warmth`."""
    recipe = folder.recipe()
    model = models()[recipe.model]
    examples, raw = asked(recipe, folder, data, "test", network)
    said = {output.name: output.probabilities(raw[output.name], warmth[output.name]) for output in model.outputs}
    rows = []
    for number, row in enumerate(examples.rows):
        truth: dict[str, NDArray[Any]] = {name: target[number].numpy() for name, target in examples.targets.items()}
        rows.append(
            EvaluatedRow(
                subject=row.subject,
                source=row.source,
                truth=truth,
                probability={name: probabilities[number] for name, probabilities in said.items()},
                vendor=" ".join(row.labels.get("vendor", [])),
                picture=(examples.pictures[number, 0] * 255).byte().numpy(),
            )
        )
    note = f"held out by subject: {len({row.subject for row in rows})} subjects that were neither learned from nor chosen by"
    task = task_of(recipe.model)
    bands = task.bands(examples, said) if hasattr(task, "bands") else {}
    return Evaluation(model.name, version, model.outputs, rows, recipe.targets, bands=bands, note=note)
