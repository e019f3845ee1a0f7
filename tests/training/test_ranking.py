"""Rank statistics, against counts by hand."""

import math

import numpy as np
import pytest

from training.ranking import auc, bootstrap, spearman


def test_auc_counts_pairs_and_ties_half() -> None:
    # pairs (good, bad): 1<2, 1<3, 2=2, 2<3: 3.5 of 4
    assert auc([1, 2], [2, 3]) == 3.5 / 4
    assert auc([3], [1]) == 0.0
    assert auc([1.0, math.nan], [1.0]) == 0.75  # not measured counts as lowest
    assert math.isnan(auc([], [1]))


def test_spearman_of_ranks() -> None:
    assert spearman([1, 2, 3], [10, 20, 1000]) == pytest.approx(1.0)
    # d = 0, -1, 1: 1 - 6 * 2 / (3 * 8)
    assert spearman([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    assert spearman([1, 2, 3], [5, 5, 5]) == 0.0


def test_bootstrap_draws_whole_groups() -> None:
    values = np.array([0.0, 0.0, 1.0, 1.0])
    # Two groups of equal values: a resample's mean is 0, 0.5 or 1, and never between as it would be by rows.
    seen: set[float] = set()

    def mean(rows: np.ndarray) -> float:
        seen.add(float(values[rows].mean()))
        return float(values[rows].mean())

    found = bootstrap(mean, ["a", "a", "b", "b"])
    assert seen == {0.0, 0.5, 1.0}
    assert found == {"value": 0.5, "interval": [0.0, 1.0], "groups": 2}
