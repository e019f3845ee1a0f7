"""What xr_artifact learns from: ordinary radiographs with simulated defects; every picture counts as clean before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qc_models.zoo.xr_artifact import INPUT, KINDS
from training.artifact_lessons import bands, beside_a_sibling, loss, moved
from training.degradation import Floats, Params, Trade, examples_of
from training.examples import Examples, Targets
from training.manifest import Manifest, Row

__all__ = ["augment", "bands", "examples", "loss", "together"]

together = beside_a_sibling


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Copies of every ordinary radiograph: no densitometry, no fluoroscopy, no two views on one film."""
    rows = [
        row for row in manifest.of(modality="XR", kind="picture") if not (row.said("subtype") or row.said("composite"))
    ]
    trade = Trade(INPUT, KINDS, draw_scene, values, truth)
    return examples_of(rows, data, trade, seed=options.get("seed", 1), copies=options.get("copies", 4))


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Mirrored, turned by quarters, moved a little, lighter or darker."""
    return moved(pictures, generator, turns=True, gamma=0.15), targets


def truth(row: Row) -> Mapping[str, float]:
    """Nothing is known of real artifacts."""
    return {}


def draw_scene(rng: np.random.Generator, row: Row, number: int) -> Params:
    """Grey values are what they are."""
    return {}


def values(grey: Floats, scene: Params) -> Floats:
    """Grey values, more attenuation brighter."""
    return grey
