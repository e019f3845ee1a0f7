"""Two hundred corrections of reviewers: do they move a model the right way, and through evaluation, release and back?

Labels of some radiographs are made wrong and a network learns them. A label file corrects them; from the same weights one run goes
on with the corrections, another for as long without. All is asked about subjects that neither saw.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from qc_models.model_bundle import released_version
from qc_models.review import Label, write_labels
from qc_models.zoo.xr_anatomy import REGIONS
from training.evaluate import evaluated, temperatures
from training.evaluation_page import content_of
from training.export import export
from training.fit import fit
from training.manifest import Manifest, Row, build
from training.recipe import load_recipe
from training.release import release, rollback
from training.run_folder import RunFolder

MODEL = "xr_anatomy"
CORRECTIONS = 200
FIRST_EPOCHS, MORE_EPOCHS = 10, 6


def run(data: Path, folder: Path, seed: int, advance: Callable[[str], None]) -> dict[str, Any]:
    """Figures of the three runs, and what the release gate said; `folder` takes runs, labels and bundles."""
    right = Manifest(tuple(build(data).of(modality="XR", kind="picture")))
    wrong, labels = _mislabelled(right, seed)
    write_labels(labels, folder / "labels.jsonl")
    answers = {row.path: row for row in build(data, labels=folder / "labels.jsonl").rows}
    corrected = Manifest(tuple(answers[row.path] if row.path in _paths(labels) else row for row in wrong.rows))
    recipe = load_recipe(MODEL).model_copy(
        update={"small_share": 1.0, "warmup_epochs": 0, "targets": {"region.accuracy": 0.95}}
    )
    runs: dict[str, RunFolder] = {}
    for name, manifest, epochs, start in (
        ("before", wrong, FIRST_EPOCHS, None),
        ("without corrections", wrong, MORE_EPOCHS, "before"),
        ("with corrections", corrected, MORE_EPOCHS, "before"),
    ):
        runs[name] = RunFolder(folder / name.replace(" ", "_"))
        fit(
            recipe.model_copy(update={"epochs": epochs}),
            manifest,
            data,
            runs[name],
            lambda line, name=name: advance(f"{name}: {line}"),  # type: ignore[misc]
            start=runs[start] if start else None,
        )
    return {
        "corrections": len(labels),
        "region_accuracy": {name: _accuracy(found, data) for name, found in runs.items()},
        "release": _released(runs, data, folder / "bundles"),
    }


def _mislabelled(manifest: Manifest, seed: int) -> tuple[Manifest, list[Label]]:
    """A manifest in which some learned rows name another part, and the label file that corrects them."""
    chance = Random(seed)
    learned = [row for row in manifest.rows if row.part == "learn" and len(row.said("region") & set(REGIONS)) == 1]
    chosen = {row.path: row for row in chance.sample(learned, CORRECTIONS)}
    rows = [_wrong(row, chance) if row.path in chosen else row for row in manifest.rows]
    labels = [
        Label(row.path, "XR", row.subject, row.source, "review", {"region": row.labels["region"]})
        for row in chosen.values()
    ]
    return Manifest(tuple(rows)), labels


def _wrong(row: Row, chance: Random) -> Row:
    other = chance.choice([region for region in REGIONS if region not in row.said("region")])
    return replace(row, labels=row.labels | {"region": [other]})


def _paths(labels: list[Label]) -> set[str]:
    return {label.path for label in labels}


def _accuracy(folder: RunFolder, data: Path) -> dict[str, Any]:
    (found,) = content_of(evaluated(folder, data, "", temperatures(folder, data)))["targets"]
    return {key: found[key] for key in ("value", "interval", "rows", "subjects")}


def _released(runs: dict[str, RunFolder], data: Path, bundles: Path) -> dict[str, Any]:
    """Releases the first run, then the corrected one, and goes back; where the gate stops it, a person overrules the gate."""
    first, corrected = (export(runs[name], data, bundles).name for name in ("before", "with corrections"))
    release(MODEL, first, bundles, "benchmark", "the first version")
    worse = release(MODEL, corrected, bundles, "benchmark", f"{CORRECTIONS} corrections")
    if worse:
        release(MODEL, corrected, bundles, "benchmark", "overruled: labels of the first were wrong", force=True)
    served = released_version(MODEL, bundles)
    back = rollback(MODEL, bundles, "benchmark", "to show the way back") if served == corrected else None
    return {
        "worse": [str(entry) for entry in worse],
        "corrected_was_served": served == corrected,
        "rolled_back": back == first,
    }
