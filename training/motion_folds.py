"""How well real motion in MR is told from stillness: heads that moved against heads that lay still, five folds of subjects.

Pictures with motion are also noisier around the head, so that noise alone tells much. Held-out heads are therefore judged four
ways: as they are; with a black background; with the noise of one strength around all; and in pairs of a moved and a still head
whose backgrounds are equally noisy.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qc_models.preprocessing import prepare
from qc_models.zoo.mr_artifact import INPUT, KINDS
from training.fit import Run
from training.manifest import Manifest, Row
from training.pictures import picture
from training.ranking import auc, bootstrap
from training.recipe import Recipe
from training.tasks import mr_artifact as task

FOLDS = 5
EQUAL_NOISE = 0.03  # of bright tissue, around every head
MATCHED = 0.1  # of the noise: how far that of a pair may differ
Floats = NDArray[np.float64]


def motion_rows(manifest: Manifest) -> list[Row]:
    """Pictures that were labelled for motion, each in the fold of its subject, 0 to 4; subjects are dealt out in turn."""
    rows = [row for row in manifest.of(modality="MR", kind="picture") if row.said("motion")]
    order = sorted({row.subject for row in rows}, key=lambda subject: hashlib.sha256(subject.encode()).hexdigest())
    return [replace(row, fold=order.index(row.subject) % FOLDS) for row in rows]


def background_noise(grey: NDArray[np.float32]) -> float:
    """The mean grey around the body as a share of bright tissue."""
    outside = task.around(grey)
    return float(grey[outside].mean() / np.percentile(grey, 98)) if outside.any() else 0.0


def judged(recipe: Recipe, rows: Sequence[Row], data: Path, advance: Callable[[str], None]) -> dict[str, Any]:
    """Figures of all folds together, with intervals by subject. `recipe` is that of the model, perhaps with fewer epochs."""
    taught = task.examples(Manifest(tuple(replace(row, fold=FOLDS) for row in rows)), data, recipe.task)
    fold_of = {row.path: row.fold for row in rows}
    greys = [picture(row, data).numpy() for row in rows]
    scores = {name: np.full(len(rows), np.nan) for name in _WAYS}
    for fold in range(FOLDS):
        learned = taught.some([number for number, row in enumerate(taught.rows) if fold_of[row.path] != fold])
        advance(f"fold {fold}")
        network = Run(recipe, learned, None, torch.device("cpu")).go(advance)
        held_out = [number for number, row in enumerate(rows) if row.fold == fold]
        for name, found in _scores(network, greys, held_out).items():
            scores[name][held_out] = found
    return figures(rows, scores, np.array([background_noise(grey) for grey in greys]))


def judged_by(network: nn.Module, rows: Sequence[Row], data: Path) -> dict[str, Any]:
    """The same of a network that never saw these rows."""
    greys = [picture(row, data).numpy() for row in rows]
    scores = _scores(network, greys, range(len(rows)))
    return figures(rows, scores, np.array([background_noise(grey) for grey in greys]))


def _scores(
    network: nn.Module, greys: Sequence[NDArray[np.float32]], numbers: Sequence[int]
) -> dict[str, NDArray[np.float64]]:
    """What a network says of motion in some pictures, by the way that they are shown."""
    scores = {}
    for name, changed in _WAYS.items():
        shown = [prepare(torch.from_numpy(changed(greys[number], number))[None], INPUT) for number in numbers]
        with torch.inference_mode():
            raw = torch.cat([network(one)[0] for one in shown])[:, KINDS.index("mr_motion")]
        scores[name] = raw.double().numpy()
    return scores


def figures(rows: Sequence[Row], scores: dict[str, Floats], noise: Floats) -> dict[str, Any]:
    """The area under the curve of each way of showing, of noise alone, and the share of matched pairs in the right order."""
    moved = np.array(["motion" in row.said("motion") for row in rows])
    subjects = np.array([row.subject for row in rows])
    ways = {**scores, "noise alone": noise}

    def area(of: Floats) -> dict[str, Any]:
        return bootstrap(lambda drawn: auc(of[drawn][~moved[drawn]], of[drawn][moved[drawn]]), subjects)

    pairs = matched(noise, moved)
    right = {name: float(np.mean([of[one] > of[other] for one, other in pairs])) for name, of in ways.items()}
    areas = {name: area(of) for name, of in ways.items()}
    return {"pictures": len(rows), "moved": int(moved.sum()), "auc": areas, "pairs": len(pairs), "pairs_right": right}


def matched(noise: Floats, moved: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pairs of a moved and a still picture, each in one pair at most, whose noise differs by no more than a share."""
    still = sorted(np.flatnonzero(~moved), key=lambda number: noise[number])
    pairs = []
    for one in sorted(np.flatnonzero(moved), key=lambda number: noise[number]):
        near = min(still, key=lambda number: abs(noise[number] - noise[one]), default=None)
        if near is not None and abs(noise[near] - noise[one]) <= MATCHED * noise[one]:
            pairs.append((int(one), int(near)))
            still.remove(near)
    return pairs


_WAYS: dict[str, Callable[[NDArray[np.float32], int], NDArray[np.float32]]] = {
    "as it is": lambda grey, number: grey,
    "black background": lambda grey, number: task.other_background(grey, 0.0, number),
    "equal noise": lambda grey, number: task.other_background(grey, EQUAL_NOISE, number),
}
