"""Which version of a model is served: released when it is not worse than the served one, rolled back, listed, with who and why."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qc_models.errors import InputError, ModelError
from qc_models.model_bundle import RELEASED, load_bundle, released_bundle, released_version, releases
from qc_models.model_registry import models

_FALSE_ALARMS = "false_alarms"
LEAST_SUBJECTS = 5  # of a class, source or vendor, below which it stops no release


@dataclass(frozen=True, slots=True)
class Worse:
    """A figure that a new version has below the served one, beyond the noise of both."""

    figure: str
    group: str
    new: float
    new_high: float
    served: float
    served_low: float

    def __str__(self) -> str:
        where = f" of {self.group}" if self.group else ""
        return f"{self.figure}{where}: {self.new:.3f} (at most {self.new_high:.3f}), served {self.served:.3f}"


def release(name: str, version: str, bundles: Path, who: str, why: str, *, force: bool = False) -> list[Worse]:
    """Serves a version of a model; returns what is worse and releases nothing where anything is, unless forced.

    Raises ModelError where the bundle is not whole, InputError where who or why is empty.
    """
    if not who.strip() or not why.strip():
        raise InputError("a release says who and why; give --who and --why")
    model = models().get(name)
    if model is None:
        raise InputError(f"{name}: no such model; there are {', '.join(models())}")
    load_bundle(model, bundles / name / version)
    with _alone(bundles):
        served = released_version(name, bundles)
        worse = (
            []
            if served in (None, version)
            else worse_than(_evaluation(bundles, name, version), _evaluation(bundles, name, served))
        )
        if not worse or force:
            _note(bundles, name, version, who, why, [str(entry) for entry in worse])
    return worse


def rollback(name: str, bundles: Path, who: str, why: str) -> str:
    """Serves the latest version before the present one that was not itself taken back since, and returns it.

    Raises InputError where there is none, ModelError where its bundle is not whole.
    """
    if not who.strip() or not why.strip():
        raise InputError("a rollback says who and why; give --who and --why")
    model = models().get(name)
    if model is None:
        raise InputError(f"{name}: no such model; there are {', '.join(models())}")
    with _alone(bundles):
        standing: list[str] = []  # versions in the order in which they may be gone back to, the served one last
        for entry in releases(bundles).get(name, []):
            if "taken_back" in entry:
                standing = standing[: standing.index(entry["version"]) + 1]
            else:
                standing = [version for version in standing if version != entry["version"]] + [entry["version"]]
        if len(standing) < 2:
            raise InputError(f"{name}: no earlier version to go back to")
        load_bundle(model, bundles / name / standing[-2])
        _note(bundles, name, standing[-2], who, f"rolled back: {why}", [], taken_back=standing[-1])
    return standing[-2]


def served_figures(name: str, bundles: Path) -> dict[str, Any]:
    """The figures of the card of the served version, by name; none where nothing is served."""
    version = released_version(name, bundles)
    return {} if version is None else {entry["name"]: entry for entry in _evaluation(bundles, name, version)["targets"]}


def served_references(bundles: Path) -> dict[str, list[float]]:
    """How what models are shown, and how sure they are, was distributed when the served versions were tested, by metric.

    Raises ModelError where no served version tells.
    """
    told: dict[str, list[float]] = {}
    for model in models().values():
        served = released_bundle(model, bundles)
        told |= served.metadata.get("expected", {}) if served is not None else {}
    if not told:
        raise ModelError(f"{bundles}: no served version tells a reference; export again, or give earlier reports")
    return told


def worse_than(new: Mapping[str, Any], served: Mapping[str, Any]) -> list[Worse]:
    """Figures over all, by class and by source in which the new evaluation is below the served one beyond both intervals."""
    found = []
    for name, output in served["outputs"].items():
        other = new["outputs"].get(name)
        if other is None:
            continue
        for group, mine, theirs in _pairs(other, output):
            if min(mine["subjects"], theirs["subjects"]) < LEAST_SUBJECTS:
                continue  # so few tell no noise: their interval has no width
            if None in (mine["value"], theirs["value"], mine["interval"][1], theirs["interval"][0]):
                continue
            if mine["interval"][1] < theirs["value"] and mine["value"] < theirs["interval"][0]:
                found.append(
                    Worse(
                        theirs["name"],
                        group,
                        mine["value"],
                        mine["interval"][1],
                        theirs["value"],
                        theirs["interval"][0],
                    )
                )
    return found


def _pairs(new: Mapping[str, Any], served: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The same figures of two evaluations, with the class, source or vendor that they are of; higher is better in all.

    Of false alarms it is the share of what was rightly left alone.
    """
    wanted = ("accuracy", "macro_recall", "auc", "recall", _FALSE_ALARMS)
    mine = {figure["name"]: figure for figure in new["figures"]}
    pairs = [
        ("", mine[figure["name"]], figure)
        for figure in served["figures"]
        if figure["name"].rpartition(".")[2] in wanted and figure["name"] in mine
    ]
    for one, of_class in served.get("by_class", {}).items():
        mine = new.get("by_class", {}).get(one, {})
        named = [name for name in ("recall", "auc", _FALSE_ALARMS) if name in mine and name in of_class]
        pairs += [(one, mine[name], of_class[name]) for name in named]
    pairs = [(group, _higher_is_better(one), _higher_is_better(other)) for group, one, other in pairs]
    for by in ("by_source", "by_vendor"):
        groups = served[by].items() if served["kind"] != "number" else ()  # of which the chief figure is a distance
        pairs += [(group, new[by][group], figure) for group, figure in groups if group in new[by]]
    return pairs


def _higher_is_better(figure: Mapping[str, Any]) -> Mapping[str, Any]:
    if _FALSE_ALARMS not in figure["name"].split(".") or figure["value"] is None:
        return figure
    low, high = figure["interval"]
    turned = [None if end is None else 1 - end for end in (high, low)]
    return {**figure, "name": f"1 - {figure['name']}", "value": 1 - figure["value"], "interval": turned}


def _evaluation(bundles: Path, name: str, version: str) -> Any:
    path = bundles / name / version / "evaluation.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read; export {name} again") from error


@contextmanager
def _alone(bundles: Path) -> Iterator[None]:
    """Lets one process at a time change what is served."""
    with (bundles / f"{RELEASED}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _note(
    bundles: Path, name: str, version: str, who: str, why: str, worse: list[str], taken_back: str | None = None
) -> None:
    """Adds an entry to the list of releases; a rollback names the version that it takes back."""
    found = releases(bundles)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    entry: dict[str, Any] = {"version": version, "who": who, "why": why, "when": when, "worse": worse}
    found.setdefault(name, []).append(entry if taken_back is None else entry | {"taken_back": taken_back})
    part = bundles / f"{RELEASED}.part"
    part.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(part, bundles / RELEASED)
