"""What xr_anatomy learns from: labelled radiographs, and slices that are none; it is asked about turned and inverted ones as well.

A picture of which the part is not known still teaches its view, and any upright picture teaches rotation and polarity.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qc_models.zoo.xr_anatomy import INPUT, OUTPUTS, REGIONS
from training.augment import Changes, changed
from training.examples import Examples, Targets
from training.manifest import Manifest, Row
from training.pictures import prepared

_VIEWS = OUTPUTS[2].classes
_TURNED, _INVERTED = 0.5, 0.25  # shares of the radiographs of a batch
_ALL_VIEWS = {"frontal": ("AP", "PA")}  # what a label leaves open


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Every radiograph, and one slice of CT or MR for each five of them as what is no radiograph."""
    radiographs = manifest.of(modality="XR", kind="picture")
    slices = [row for row in manifest.rows if row.kind == "picture" and row.modality != "XR"]
    foreign = slices[:: max(1, 5 * len(slices) // max(1, len(radiographs)))]
    rows = [*radiographs, *foreign]
    targets = {
        "region": torch.tensor([_regions(row) for row in rows]),
        "scope": torch.tensor([_scope(row) for row in rows]),
        "view": torch.tensor([_views(row) for row in rows]),
        "rotation": torch.tensor([_upright(row, 4) for row in rows]),
        "polarity": torch.tensor([_upright(row, 2) for row in rows]),
    }
    return Examples(prepared(rows, data, INPUT), targets, rows, _weights(targets["region"]))


def kind_of(row: Row) -> tuple[str, ...]:
    """What a row shows: its modality, and its view or, where that is not told, its part."""
    return (row.modality, *(row.said("view") or row.said("region")))


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Changed pictures, some of the radiographs inverted before and some turned by quarters after.

    In this order: black around a picture stays black as long as there is no noise in it, and a turned picture must not be mirrored.
    """
    known = targets["rotation"].sum(1) > 0
    chances = torch.rand((2, len(known)), generator=generator)
    quarters = torch.randint(0, 4, (len(known),), generator=generator)
    pictures, targets = inverted(pictures, targets, known & (chances[0] < _INVERTED))
    pictures = changed(pictures, Changes(), generator)
    return turned(pictures, targets, quarters * (known & (chances[1] < _TURNED)))


def turned(pictures: Tensor, targets: Targets, quarters: Tensor) -> tuple[Tensor, Targets]:
    """Pictures turned clockwise by quarters [B], with the targets that this makes."""
    parts = [torch.rot90(picture, -int(quarter), (1, 2)) for picture, quarter in zip(pictures, quarters, strict=True)]
    return torch.stack(parts), _told(targets, "rotation", quarters)


def inverted(pictures: Tensor, targets: Targets, chosen: Tensor) -> tuple[Tensor, Targets]:
    """Pictures inverted where `chosen` [B] says, with the targets that this makes."""
    return torch.where(chosen[:, None, None, None], inverse(pictures), pictures), _told(
        targets, "polarity", chosen.long()
    )


def inverse(pictures: Tensor) -> Tensor:
    """Pictures [B, 1, H, W] from 0 to 1 with dark for bright; the black around what is shown stays black."""
    rows, columns = (pictures > 0).any(3, keepdim=True), (pictures > 0).any(2, keepdim=True)
    return (1 - pictures) * (rows & columns)


def questions(examples: Examples, seed: int) -> Examples:
    """Held-out examples as they are; each radiograph again turned by quarters, and again inverted, which asks for nothing else.

    A picture is asked about its turn or its polarity: one that is inverted goes to a person whichever way it is turned.
    """
    generator = torch.Generator().manual_seed(seed)
    index = torch.tensor([row.modality == "XR" for row in examples.rows]).nonzero()[:, 0]
    upright, targets = examples.at(index)
    quarters = torch.randint(0, 4, (len(index),), generator=generator)
    of_turn, turn = turned(upright, targets, quarters)
    of_inverse, inverse_told = inverted(upright, targets, torch.ones(len(index), dtype=torch.bool))
    asked = [examples.targets, _alone(turn, "rotation"), _alone(inverse_told, "polarity")]
    return Examples(
        torch.cat((examples.pictures, of_turn, of_inverse)),
        {name: torch.cat([targets[name] for targets in asked]) for name in examples.targets},
        [*examples.rows, *(2 * [examples.rows[number] for number in index.tolist()])],
        torch.cat((examples.weights, examples.weights[index], examples.weights[index])),
    )


def _told(targets: Targets, name: str, classes: Tensor) -> Targets:
    """Targets that say which class each picture was made, of those of which it is known at all."""
    known = targets[name].sum(1, keepdim=True) > 0
    return targets | {name: torch.nn.functional.one_hot(classes, targets[name].shape[1]).to(targets[name]) * known}


def _alone(targets: Targets, asked: str) -> Targets:
    """Targets of which one alone is known."""
    unknown = {"region": float("nan")}
    return {
        name: target if name == asked else torch.full_like(target, unknown.get(name, 0.0))
        for name, target in targets.items()
    }


def _regions(row: Row) -> list[float]:
    said = row.said("region")
    if row.modality != "XR" or not said:
        return [float("nan")] * len(REGIONS)
    return [float(region in said) for region in REGIONS]


def _scope(row: Row) -> list[float]:
    outside = row.modality != "XR" or row.said("subtype") or row.said("composite")
    return [0.0, 1.0] if outside else [1.0, 0.0]


def _views(row: Row) -> list[float]:
    said = {view for word in row.said("view") for view in _ALL_VIEWS.get(word, (word,))}
    return [float(row.modality == "XR" and view in said) for view in _VIEWS]


def _upright(row: Row, classes: int) -> list[float]:
    """Pictures of the tables stand upright and are not inverted; slices have no such state."""
    return [float(row.modality == "XR"), *[0.0] * (classes - 1)]


def _weights(regions: Tensor) -> Tensor:
    """Rare parts are drawn more often: by the root of how rare they are."""
    counts = regions.nan_to_num(0.0).sum(0).clamp(min=8.0)
    rarest = (regions.nan_to_num(0.0) / counts).amax(1)
    return torch.where(rarest > 0, rarest, 1 / counts.max()).sqrt()
