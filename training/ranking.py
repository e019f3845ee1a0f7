"""Rank statistics and their intervals: area under the ROC curve, Spearman's correlation, bootstrap by group."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000


def auc(good: ArrayLike, bad: ArrayLike) -> float:
    """The share of pairs in which the bad value is the higher one, ties half (Mann and Whitney 1947); NaN counts as lowest."""
    low, high = (np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-np.inf) for values in (good, bad))
    if not len(low) or not len(high):
        return float("nan")
    below, upto = (np.searchsorted(np.sort(low), high, side).sum() for side in ("left", "right"))
    return float(below + upto) / (2 * len(low) * len(high))


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """The correlation of ranks, ties shared (Spearman 1904); 0 where one of them does not change."""
    one, two = _ranks(np.asarray(first)), _ranks(np.asarray(second))
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: ArrayLike,
    rows: NDArray[np.intp] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """`resampled`, rounded to three digits, for a file of results."""
    value, low, high, count = resampled(statistic, groups, rows, resamples)
    return {"value": round(value, 3), "interval": [round(low, 3), round(high, 3)], "groups": count}


def resampled(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: ArrayLike,
    rows: NDArray[np.intp] | None = None,
    resamples: int = RESAMPLES,
) -> tuple[float, float, float, int]:
    """A statistic of row numbers, its 95 % interval when whole groups are drawn with replacement, and how many groups there are.

    A group is a subject or a study; `groups` names that of each of `rows` (of all, counted from 0, where they are not given).
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    numbers = np.arange(len(index)) if rows is None else rows
    rng = np.random.default_rng(0)
    drawn = (np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) for _ in range(resamples))
    values = np.array([statistic(np.repeat(numbers, times[index])) for times in drawn])
    low, high = np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (np.nan, np.nan)
    return float(statistic(numbers)), float(low), float(high), len(names)


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum()
    ranks: NDArray[np.float64] = ((2 * last - count - 1) / 2)[place]
    return ranks
