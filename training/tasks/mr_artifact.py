"""What mr_artifact learns from: clean MR pictures with simulated defects, and heads that moved in the scanner beside still ones.

The pictures with and without real motion differ in the noise of their background too. Copies of both have their background
replaced by noise of one drawn strength, or by nothing, so that motion itself is learned.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from qc_models.zoo.mr_artifact import INPUT, KINDS
from training.artifact_lessons import bands, beside_a_sibling, loss, moved
from training.degradation import NAN, Floats, Params, Trade, examples_of
from training.examples import Examples, Targets
from training.manifest import Manifest, Row

__all__ = ["augment", "bands", "examples", "loss", "together"]

together = beside_a_sibling

_BODY = 0.12  # of bright tissue
_MOST_NOISE = 0.06  # of bright tissue


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Copies of every MR picture."""
    rows = manifest.of(modality="MR", kind="picture")
    trade = Trade(INPUT, KINDS, draw_scene, values, truth)
    return examples_of(rows, data, trade, seed=options.get("seed", 1), copies=options.get("copies", 6))


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Mirrored, turned by quarters, moved a little, lighter or darker."""
    return moved(pictures, generator, turns=True, gamma=0.3), targets


def truth(row: Row) -> Mapping[str, float]:
    """Of a head that moved nothing is known but that; a picture without a word counts as clean."""
    return {kind: 1.0 if kind == "mr_motion" else NAN for kind in KINDS} if "motion" in row.said("motion") else {}


def draw_scene(rng: np.random.Generator, row: Row, number: int) -> Params:
    """Whether the background is replaced, of every other copy of a picture that was labelled for motion, but for the test."""
    if row.part == "test" or not row.said("motion") or number % 2 == 0:
        return {}
    noise = float(rng.uniform(0, _MOST_NOISE)) if rng.random() < 0.7 else 0.0
    return {"background": noise, "seed": int(rng.integers(2**32))}


def values(grey: Floats, scene: Params) -> Floats:
    """Grey values, with another background where the scene has one."""
    return other_background(grey, scene["background"], scene["seed"]) if "background" in scene else grey


def other_background(grey: Floats, noise: float, seed: int) -> Floats:
    """The picture with the magnitude of noise around the body, `noise` of bright tissue in each channel; 0: black."""
    bright = float(np.percentile(grey, 98))
    real, imaginary = np.random.default_rng(seed).normal(0, noise * bright, (2, *grey.shape))
    return np.where(around(grey), np.hypot(real, imaginary), grey).astype(np.float32)


def around(grey: Floats) -> NDArray[np.bool_]:
    """What lies around the body, a few pixels away from it."""
    bright = float(np.percentile(grey, 98))
    smooth = avg_pool2d(torch.from_numpy(grey)[None], 7, 1, 3)
    inside = _between(smooth > _BODY * bright, 1) & _between(smooth > _BODY * bright, 2)
    outside: NDArray[np.bool_] = max_pool2d(inside.float(), 5, 1, 2)[0].numpy() == 0
    return outside


def _between(marks: Tensor, dim: int) -> Tensor:
    """What lies between marks along a dimension, or on them."""
    before = marks.int().cummax(dim).values
    behind = marks.int().flip(dim).cummax(dim).values.flip(dim)
    return (before & behind).bool()
