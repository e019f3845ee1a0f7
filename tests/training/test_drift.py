"""Drift of scores: distances by hand and against another library, and an alarm that tells drift from chance."""

import json
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from qc_models.errors import InputError
from training.drift import (
    Observed,
    chance_of,
    drift_table,
    greatest_distance,
    observed_in,
    quantiles,
    reference_of,
    stability_index,
)

EVEN = [number / 100 for number in range(101)]  # quantiles of scores that are even from 0 to 1


def test_quantiles_are_evenly_spaced() -> None:
    assert quantiles([3.0, 1.0, 2.0], 5) == [1.0, 1.5, 2.0, 2.5, 3.0]


def test_stability_index_by_hand() -> None:
    middles = (np.arange(1000) + 0.5) / 1000
    assert stability_index(EVEN, middles) == pytest.approx(0.0, abs=1e-9)
    # all in the lower half: five tenths hold 0.2 instead of 0.1, five hold nothing, taken as 0.001
    expected = 5 * (0.2 - 0.1) * log(0.2 / 0.1) + 5 * (0.001 - 0.1) * log(0.001 / 0.1)
    assert stability_index(EVEN, middles / 2) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_stability_index_knows_scores_that_are_equal(value: float) -> None:
    # nine tenths of the reference, and half of the scores, are one value at an end; the rest lies between the ends
    reference = sorted([0.5] * 10 + [value] * 91)
    scores = [0.5] * 50 + [value] * 50
    assert stability_index(reference, [0.5] * 10 + [value] * 90) < 0.01
    expected = (0.5 - 0.9) * log(0.5 / 0.9) + (0.5 - 0.1) * log(0.5 / 0.1)
    assert stability_index(reference, scores) == pytest.approx(expected)


def test_greatest_distance_by_hand() -> None:
    # all scores at 0.3: their function jumps from 0 to 1, where that of the reference is 0.3
    assert greatest_distance(EVEN, np.full(7, 0.3)) == pytest.approx(0.7)
    assert greatest_distance(EVEN, [0.25, 0.75]) == pytest.approx(0.25)
    assert greatest_distance(EVEN, [2.0]) == 1.0
    # equal quantiles are a jump of the reference too
    assert greatest_distance([0.0, 1.0, 1.0, 1.0, 1.0], [1.0] * 4) == pytest.approx(0.25)


def test_greatest_distance_from_many_quantiles_is_that_of_both_samples() -> None:
    rng = np.random.default_rng(1)
    reference, scores = rng.normal(0, 1, 5000), rng.normal(0.3, 1, 400)
    every = np.sort(np.concatenate([reference, scores]))
    functions = [np.searchsorted(np.sort(part), every, side="right") / len(part) for part in (reference, scores)]
    exact = np.abs(functions[0] - functions[1]).max()
    assert greatest_distance(quantiles(reference, 1001), scores) == pytest.approx(exact, abs=2e-3)


def test_chance_is_that_of_the_table() -> None:
    # Kolmogorov's function: 1.358 has a probability of 5 %, 1.628 of 1 % (many scores)
    for scaled, chance in ((1.3581, 0.05), (1.6276, 0.01)):
        count = 10**8
        assert chance_of(scaled / count**0.5, count) == pytest.approx(chance, rel=1e-3)
    assert chance_of(0.0, 50) == 1.0
    assert chance_of(1.0, 100) == pytest.approx(2 * exp(-2 * (10 + 0.12 + 0.011) ** 2))


def test_table_alarms_for_the_site_that_drifts() -> None:
    rng = np.random.default_rng(2)
    observed = [
        Observed("sure", float(value), "North", f"d{number % 2}") for number, value in enumerate(rng.random(400))
    ]
    observed += [Observed("sure", float(value), "South", "d2") for value in rng.beta(2, 6, 100)]
    observed += [Observed("sure", 0.5, "East", "d3")] * 5  # too few to tell
    observed += [Observed("unheard", 0.5, "North", "d0")] * 50
    rows = drift_table({"sure": EVEN}, observed)
    levels = {(row.by, row.name): row.level for row in rows}
    assert levels[("site", "South")] == levels[("device", "d2")] == "alarm"
    assert levels[("site", "North")] == levels[("device", "d0")] == levels[("device", "d1")] == ""
    assert ("site", "East") not in levels
    assert [row.level for row in rows[:2]] == ["alarm", "alarm"]
    south = next(row for row in rows if row.name == "South")
    assert (south.count, south.expected) == (100, 0.5)
    assert south.median < 0.4


def test_few_scores_are_no_alarm_by_chance() -> None:
    # twenty scores of the reference itself have a PSI far above 0.25 as often as not
    rng = np.random.default_rng(3)
    rows = [drift_table({"sure": EVEN}, [Observed("sure", value) for value in rng.random(20)])[0] for _ in range(200)]
    assert np.mean([row.psi > 0.25 for row in rows]) > 0.5
    assert sum(row.level != "" for row in rows) <= 8  # 1 % of 200, and three times its noise


def test_scores_of_reports(tmp_path: Path) -> None:
    path = tmp_path / "reports.jsonl"
    report = {
        "facts": {"institution": "North", "device": "3f2a"},
        "measurements": [
            {"metric": "artifacts.motion.probability", "value": 0.25},
            {"metric": "metadata.station_name.absent", "value": 3},
        ],
    }
    path.write_text(json.dumps(report) + "\n", encoding="utf-8")
    assert Observed("artifacts.motion.probability", 0.25, "North", "3f2a") in list(observed_in(path))
    path.write_text(json.dumps(report) + "\n{}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"reports.jsonl, line 2: is no report \(KeyError\)"):
        list(observed_in(path))


def test_a_reference_rests_on_enough_scores() -> None:
    many = [Observed("often", number / 100) for number in range(101)]
    found = reference_of([*many, Observed("seldom", 1.0)])
    assert found == {"often": EVEN}
