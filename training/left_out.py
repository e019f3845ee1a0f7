"""How good a model is where it never was: groups of sources are left out in turn, and whole stacks or radiographs are asked about.

Labels and sources are entangled: a network may look good by recognising a source. So a model is taught anew without some of the
sources and asked about those, until each was left out once. What a class has in one source alone cannot be known then.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from qc_models.model_outputs import Output
from qc_models.model_registry import models
from training.calibrate import temperature
from training.evaluate import raw_answers
from training.evaluation_page import EvaluatedRow
from training.examples import Examples
from training.fit import Advance, Run, task_of
from training.manifest import NO_FOLD, TEST_FOLDS, Manifest, Row
from training.recipe import Recipe

GROUPS = 5
LEARN_FOLD = 3
Floats = NDArray[np.float32]


def source_groups(
    rows: Sequence[Row], kind_of: Callable[[Row], Hashable], count: int = GROUPS, asked: str = "volume"
) -> dict[str, int]:
    """A group for each origin of sources: what several show is left out in different groups.

    Groups are alike in the number of rows of the kind that is asked about.
    """
    kinds: dict[str, set[Hashable]] = defaultdict(set)
    stacks: Counter[str] = Counter()
    for row in rows:
        kinds[origin(row)].add(kind_of(row))
        stacks[origin(row)] += row.kind == asked
    load: Counter[tuple[Hashable, int]] = Counter()
    size = [0.0] * count
    groups: dict[str, int] = {}
    for name in sorted(kinds, key=lambda name: (-stacks[name], name)):
        group = min(range(count), key=lambda at: (sum(load[kind, at] for kind in kinds[name]), size[at], at))
        groups[name] = group
        size[group] += stacks[name] + 0.1
        for kind in kinds[name]:
            load[kind, group] += 1
    return groups


def origin(row: Row) -> str:
    """What counts as one source: data sets of one study are one."""
    owner, _, name = row.source.partition("/")
    return owner if name.startswith("dataset-uta") else row.source


@dataclass(frozen=True, slots=True)
class StackAnswer:
    """What was said of one stack or radiograph by a network that never saw its source.

    `known` where another source shows what it shows.
    """

    modality: str
    known: bool
    answer: EvaluatedRow


def left_out(
    recipe: Recipe, manifest: Manifest, data: Path, advance: Advance, count: int = GROUPS
) -> list[StackAnswer]:
    """Teaches the model of a recipe once for each group of sources without it, and asks it about what was left out.

    That is every stack, or every picture where the model learns from no stack.
    """
    task = task_of(recipe.model)
    model = models()[recipe.model]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    whole: Examples = task.examples(manifest, data, recipe.task)
    rows = _distinct(whole.rows)
    kind = "volume" if any(row.kind == "volume" for row in rows) else "picture"
    groups = source_groups(rows, task.kind_of, count, kind)
    outputs = stack_outputs(recipe.model)
    answers: list[StackAnswer] = []
    for group in range(count):
        told = replace(whole, rows=[_as_left_out(row, groups[origin(row)] == group) for row in whole.rows])
        network = Run(recipe, told.of("learn"), None, device).go(partial(_tell, advance, f"{group + 1} of {count}"))
        calibrated = told.of("calibrate")
        raw = raw_answers(model, network, calibrated)
        warmth = {
            output.name: temperature(output, raw[output.name], calibrated.targets[output.name].numpy())
            for output in outputs
        }
        taught = [row for row in rows if groups[origin(row)] != group]
        shown = {(row.modality, part) for row in taught for part in task.kind_of(row)[1:]}
        asked = told.of("test")
        for row, answer in stack_answers(outputs, asked, raw_answers(model, network, asked), warmth):
            if row.kind == kind:
                known = any((row.modality, part) in shown for part in task.kind_of(row)[1:])
                answers.append(StackAnswer(row.modality, known, answer))
    return answers


def stack_outputs(model: str) -> list[Output]:
    """The outputs of a model that say something of one slice alone."""
    return [output for output in models()[model].outputs if output.kind != "number"]


def stack_answers(
    outputs: Sequence[Output], examples: Examples, raw: Mapping[str, Floats], warmth: Mapping[str, float]
) -> list[tuple[Row, EvaluatedRow]]:
    """One answer a row of the manifest, beside it: the mean over its slices as they were taken."""
    taken = examples.notes["taken"][:, 0] if "taken" in examples.notes else torch.ones(len(examples))
    places: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(examples.rows):
        if taken[number]:
            places[row.path].append(number)
    answers = []
    for at in places.values():
        row = examples.rows[at[0]]
        truth = {output.name: _truth(examples.targets[output.name][at].numpy()) for output in outputs}
        said = {
            output.name: output.probabilities(raw[output.name][at], warmth[output.name]).mean(0) for output in outputs
        }
        picture = (examples.pictures[at[len(at) // 2], 0] * 255).byte().numpy()
        vendor = " ".join(row.labels.get("vendor", []))
        answers.append((row, EvaluatedRow(row.subject, row.source, truth, said, vendor, picture)))
    return answers


def _truth(targets: Floats) -> Floats:
    """What holds of some slice holds of the stack; what holds of none and is not known of some is not known, [classes]."""
    holds = (np.nan_to_num(targets) > 0).any(0)
    unknown = np.isnan(targets).any(0) & ~holds
    return np.where(unknown, np.nan, holds).astype(np.float32)


def _as_left_out(row: Row, is_left_out: bool) -> Row:
    """A row as one of the test, or of the learning unless it is calibrated on or kept."""
    if is_left_out:
        return replace(row, fold=min(TEST_FOLDS))
    return replace(row, fold=LEARN_FOLD) if row.fold in TEST_FOLDS and row.fold != NO_FOLD else row


def _tell(advance: Advance, group: str, line: str) -> None:
    advance(f"without group {group}: {line}")


def _distinct(rows: Sequence[Row]) -> list[Row]:
    return list({row.path: row for row in rows}.values())
