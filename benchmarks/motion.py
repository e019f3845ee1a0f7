"""Real motion of heads in MR, told from stillness by the recipe of mr_artifact in five folds of subjects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.manifest import build
from training.motion_folds import judged, motion_rows
from training.recipe import load_recipe

COPIES = 3  # of each head: there are no other pictures to keep pace with


def run(data: Path, epochs: int | None, advance: Callable[[str], None]) -> dict[str, Any]:
    """Areas under the curve of each way of showing a head, and of the noise around it alone."""
    recipe = load_recipe("mr_artifact")
    recipe = recipe.model_copy(update={"task": {**recipe.task, "copies": COPIES}})
    if epochs is not None:
        recipe = recipe.model_copy(update={"epochs": epochs})
    return {"epochs": recipe.epochs, "copies": COPIES} | judged(recipe, motion_rows(build(data)), data, advance)
