"""The folder of one training run: its recipe, manifest, checkpoint and curves, so that it goes on after it was killed."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from qc_models.errors import InputError
from training.manifest import Manifest, read_manifest
from training.recipe import Recipe


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """State after the last whole epoch."""
        return self.path / "checkpoint.pt"

    def begin(self, recipe: Recipe, manifest: Manifest) -> None:
        """Makes the folder for this recipe and data; raises InputError where another run lies there."""
        told = self.path / "run.json"
        content = {
            "recipe": recipe.model_dump(mode="json"),
            "recipe_digest": recipe.digest,
            "manifest": manifest.digest,
        }
        if told.exists() and told.read_text(encoding="utf-8") != json.dumps(content, indent=1) + "\n":
            raise InputError(f"{self.path}: holds a run of another recipe or other data; name another folder")
        manifest.write(self.path / "manifest.jsonl")
        _write(told, json.dumps(content, indent=1) + "\n")

    def recipe(self) -> Recipe:
        """The recipe of the run; raises InputError where there is none."""
        try:
            return Recipe.model_validate(json.loads((self.path / "run.json").read_text(encoding="utf-8"))["recipe"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}: holds no run; fit one first") from error

    def manifest(self) -> Manifest:
        """The rows that the run learned from."""
        return read_manifest(self.path / "manifest.jsonl")

    def save(self, state: dict[str, Any]) -> None:
        """Keeps the state of the run in the place of the last one, whole or not at all."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)

    def load(self) -> dict[str, Any] | None:
        """The state after the last whole epoch; None where there is none."""
        if not self.checkpoint.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)  # tensors and plain values, no code
        except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
            raise InputError(f"{self.checkpoint}: cannot be read ({type(error).__name__}); fit again") from error
        return state

    def write_curves(self, curves: list[dict[str, float]]) -> None:
        """Keeps the losses epoch by epoch, as lines of JSON."""
        _write(self.path / "curves.jsonl", "".join(json.dumps(point) + "\n" for point in curves))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
