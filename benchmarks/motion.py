"""Real motion of heads in MR, told from stillness by the recipe of mr_artifact in five folds of subjects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qc_models.model_bundle import released_bundle
from qc_models.model_registry import models
from training.manifest import build
from training.motion_folds import judged, judged_by, motion_rows
from training.recipe import load_recipe
from training.variants import Said

COPIES = 3  # of each head: there are no other pictures to keep pace with


def run(data: Path, epochs: int | None, advance: Callable[[str], None]) -> dict[str, Any]:
    """Areas under the curve of each way of showing a head, and of the noise around it alone; first of the model that is served.

    That one is asked about the subjects of its test part, and the folds about all.
    """
    recipe = load_recipe("mr_artifact")
    recipe = recipe.model_copy(update={"task": {**recipe.task, "copies": COPIES}})
    if epochs is not None:
        recipe = recipe.model_copy(update={"epochs": epochs})
    manifest = build(data)
    served = released_bundle(models()[recipe.model])
    held_out = [row for row in manifest.of(modality="MR", kind="picture") if row.said("motion") and row.part == "test"]
    return {
        "served": {"version": served.version, **judged_by(Said(served.onnx), held_out, data)} if served else None,
        "folds": {
            "epochs": recipe.epochs,
            "copies": COPIES,
            **judged(recipe, motion_rows(manifest), data, advance),
        },
    }
