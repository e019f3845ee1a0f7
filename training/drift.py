"""Do scores drift? Those of each site and device beside the ones that a model's card rests on, with an alarm.

A reference holds, by the name of a score, its quantiles from the lowest to the highest, evenly spaced. Two distances are told: the
population stability index over tenths of the reference (PSI, Siddiqi 2006: from 0.1 on it is watched, from 0.25 on it is alarming)
and the greatest distance of the two distribution functions (Kolmogorov and Smirnov) with its probability under no drift. Few
scores have a high PSI by chance, so that a level also asks for a probability below 1 %, shared out over all rows of the table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qc_models.errors import InputError

Floats = NDArray[np.float64]
Level = Literal["", "watch", "alarm"]
TENTHS = 10
WATCH, ALARM = 0.1, 0.25  # PSI
CHANCE = 0.01  # of any level in a table where nothing drifts
LEAST_SCORES = 20  # of a site or device, below which nothing is said
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
LOWEST_SHARE = 1e-3  # of a tenth, so that an empty one is far off and not infinitely far


@dataclass(frozen=True, slots=True)
class Observed:
    """One score of a study, by its name, with where and by which device the study was made; empty where not known."""

    score: str
    value: float
    site: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One score at one site or on one device beside the reference. `median` and `expected` are those of both."""

    score: str
    by: Literal["all", "site", "device"]
    name: str
    count: int
    median: float
    expected: float
    psi: float
    distance: float
    chance: float
    level: Level


def drift_table(reference: Mapping[str, Sequence[float]], observed: Iterable[Observed]) -> list[DriftRow]:
    """A row for each score over all, and at each site and device with at least `LEAST_SCORES` of them; alarms first.

    Scores that the reference does not know are left out.
    """
    groups: dict[tuple[str, Literal["all", "site", "device"], str], list[float]] = {}
    for one in observed:
        if one.score in reference and np.isfinite(one.value):
            groups.setdefault((one.score, "all", ""), []).append(one.value)
            if one.site:
                groups.setdefault((one.score, "site", one.site), []).append(one.value)
            if one.device:
                groups.setdefault((one.score, "device", one.device), []).append(one.value)
    enough = {key: values for key, values in groups.items() if len(values) >= LEAST_SCORES}
    rows = [_row(*key, np.array(values), np.asarray(reference[key[0]]), len(enough)) for key, values in enough.items()]
    return sorted(rows, key=lambda row: (("alarm", "watch", "").index(row.level), row.score, row.by, row.name))


def quantiles(scores: ArrayLike, count: int = 101) -> list[float]:
    """The reference of a score: evenly spaced quantiles, from the lowest to the highest value."""
    return [round(float(value), 6) for value in np.quantile(np.asarray(scores), np.linspace(0, 1, count))]


def reference_of(observed: Iterable[Observed]) -> dict[str, list[float]]:
    """The quantiles of each score of which there are enough."""
    values: dict[str, list[float]] = {}
    for one in observed:
        if np.isfinite(one.value):
            values.setdefault(one.score, []).append(one.value)
    return {score: quantiles(found) for score, found in sorted(values.items()) if len(found) >= LEAST_SCORES}


def stability_index(reference: ArrayLike, scores: ArrayLike) -> float:
    """PSI of scores against quantiles, over tenths: the sum of (observed - expected) * ln(observed / expected) of their shares.

    A value that many scores share at an edge is a part of its own.
    """
    reference, scores = np.asarray(reference, dtype=np.float64), np.sort(np.asarray(scores, dtype=np.float64))
    edges = np.unique(np.quantile(reference, np.arange(1, TENTHS) / TENTHS))
    below = [(_share(reference, edges, side), np.searchsorted(scores, edges, side) / len(scores)) for side in _SIDES]
    expected, observed = (
        np.diff(np.sort(np.concatenate([[0.0], *shares, [1.0]]))) for shares in zip(*below, strict=True)
    )
    told, found = (np.maximum(shares, LOWEST_SHARE) for shares in (expected, observed))
    return float(((found - told) * np.log(found / told)).sum())


def greatest_distance(reference: ArrayLike, scores: ArrayLike) -> float:
    """The greatest distance between the distribution functions of scores and of quantiles (Kolmogorov and Smirnov)."""
    reference, values = np.asarray(reference, dtype=np.float64), np.sort(np.asarray(scores, dtype=np.float64))
    gaps = [
        np.abs(np.searchsorted(values, values, side) / len(values) - _share(reference, values, side)).max()
        for side in _SIDES
    ]
    return float(max(gaps))


def chance_of(distance: float, count: int) -> float:
    """How probable so great a distance of `count` scores is where nothing drifts (Stephens 1970); too high where many are equal."""
    root = np.sqrt(count)
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.3:  # the series does not converge there, and its sum is 1 to five digits
        return 1.0
    number = np.arange(1, 101)
    return float(np.clip(2 * np.sum((-1.0) ** (number - 1) * np.exp(-2 * (number * scaled) ** 2)), 0, 1))


def observed_in(path: Path) -> Iterator[Observed]:
    """Every measurement of a file of reports, one line of JSON a study: what was measured of the input, and what models said.

    Raises InputError for a line that is no report.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                report = json.loads(line)
                site, device = str(report["facts"]["institution"]), str(report["facts"]["device"])
                told = [(str(one["metric"]), float(one["value"])) for one in report["measurements"]]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise InputError(
                    f"{path.name}, line {number}: is no report ({type(error).__name__}); score it again"
                ) from error
            yield from (Observed(metric, value, site, device) for metric, value in told)


def _row(
    score: str, by: Literal["all", "site", "device"], name: str, scores: Floats, reference: Floats, rows: int
) -> DriftRow:
    psi, distance = stability_index(reference, scores), greatest_distance(reference, scores)
    chance = chance_of(distance, len(scores))
    level: Level = ""
    if chance < CHANCE / rows:
        level = "alarm" if psi >= ALARM else "watch" if psi >= WATCH else ""
    medians = float(np.median(scores)), float(np.median(reference))
    return DriftRow(score, by, name, len(scores), *medians, psi, distance, chance, level)


def _share(reference: Floats, values: Floats, side: Literal["left", "right"]) -> Floats:
    """The distribution function of quantiles, straight between them: what lies below values (left), or with them (right)."""
    after = np.searchsorted(reference, values, side)
    upper = np.clip(after, 1, len(reference) - 1)
    low, high = reference[upper - 1], reference[upper]
    between = np.clip((values - low) / np.where(high > low, high - low, 1.0), 0, 1)
    share = (upper - 1 + between) / (len(reference) - 1)
    return np.asarray(np.where(after == 0, 0.0, np.where(after == len(reference), 1.0, share)))
