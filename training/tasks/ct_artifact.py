"""What ct_artifact learns from: CT slices of eight bits with simulated defects, in Hounsfield units of an assumed window.

Which window a picture was made with nobody wrote down. One that its part of the body is often shown in is drawn for each copy;
what is black or white then lies beyond it by a drawn amount, so that the network meets bone and air as they are in service.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qc_models.zoo.ct_artifact import INPUT, KINDS
from training.artifact_lessons import bands, beside_a_sibling, loss, moved
from training.degradation import Floats, Params, Trade, examples_of
from training.examples import Examples, Targets
from training.manifest import Manifest, Row

__all__ = ["augment", "bands", "examples", "loss", "together"]

together = beside_a_sibling

# Middle and width in HU, from and to.
_BRAIN = ((32, 42), (75, 110))
_SOFT = ((25, 60), (330, 450))
_LUNG = ((-650, -450), (1200, 1600))
_WINDOWS = {"head": (_BRAIN,), "chest": (_SOFT, _LUNG)}
_ENDS = (8, 247)  # grey values beyond which the window's end may have cut
_AIR_HU = -1000.0


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Copies of every CT picture."""
    rows = manifest.of(modality="CT", kind="picture")
    trade = Trade(INPUT, KINDS, draw_scene, values, truth)
    return examples_of(rows, data, trade, seed=options.get("seed", 1), copies=options.get("copies", 20))


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Mirrored, moved a little, hardly lighter or darker; not turned, as starvation runs from side to side."""
    return moved(pictures, generator, turns=False, gamma=0.1), targets


def truth(row: Row) -> Mapping[str, float]:
    """Nothing is known of real artifacts."""
    return {}


def draw_scene(rng: np.random.Generator, row: Row, number: int) -> Params:
    """The window that the picture is taken to be shown in, and what lies beyond its white end, in HU."""
    able = [window for region in sorted(row.said("region")) for window in _WINDOWS.get(region, ())] or [_SOFT]
    middle, width = (float(rng.uniform(*ends)) for ends in able[int(rng.integers(len(able)))])
    return {"low": middle - width / 2, "high": middle + width / 2, "beyond": float(rng.uniform(100, 900))}


def values(grey: Floats, scene: Params) -> Floats:
    """Hounsfield units: along the window, down to air where it is black and up into bone where it is white."""
    low, high = scene["low"], scene["high"]
    places = [0, _ENDS[0], _ENDS[1], 255]
    share = [number / 255 for number in _ENDS]
    inner = [low + part * (high - low) for part in share]
    units = [min(_AIR_HU, inner[0]), *inner, high + scene["beyond"]]
    return np.asarray(np.interp(grey, places, units), np.float32)
