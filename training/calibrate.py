"""Makes probabilities mean what they say, and finds the score from which on a study may pass: temperature and abstain band.

A band promises one of two things of the studies that a reader would not have passed, the bad ones:

- `controlled`: bad and passed are at most `limit` of **all** that are scored, on average over the sets it may be calibrated on
  (conformal risk control, Angelopoulos et al. 2022, arXiv 2208.02814). That share only falls as the threshold rises, which the
  method needs, and the proof asks for nothing but that studies to come are like those of the set.
- `confident`: bad are at most `limit` of those **passed** (or of all), with a stated confidence (Learn then Test, Angelopoulos et
  al. 2021, arXiv 2110.01052, with exact binomial tests). This is what `false_pass_limit` of the policy means: what a receiving
  doctor meets are passed studies. It takes many labels: 299 passed studies with no bad one prove 1 % at 95 %.

Rows must be independent: one a subject, by `by_subject` where there are more. Both hold on average over what is scored, not for
each site; a site of its own kind needs a set of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qc_models.model_outputs import Output

Floats = NDArray[np.float64]
Among = Literal["all", "passed"]
LIMIT = 0.01
SHOWN_LIMITS = (LIMIT, 0.05)
CONFIDENCE = 0.95
BINS = 10
_COLDEST, _HOTTEST = 0.05, 20.0
_STEPS = 40  # shares of passed studies that are tried
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose probability lies within `low` to `high`: how many, what they said on average, how often it was so."""

    low: float
    high: float
    count: int
    told: float
    found: float


def temperature(output: Output, raw: ArrayLike, truth: ArrayLike) -> float:
    """What to divide raw numbers by so that held-out truth is most probable (Guo et al. 2017); 1 where nothing is known.

    `raw` and `truth` are [N, classes]: of `one_of`, truth marks every class that it may be, none where not known; of `each`, it
    is 1, 0, or NaN where not known. The loss has one minimum over the temperature, which golden sections close in on.
    """
    raw, truth = np.asarray(raw, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if output.kind == "number" or not (np.nan_to_num(truth) > 0).any():
        return 1.0
    loss = _one_of_loss if output.kind == "one_of" else _each_loss

    def at(log_temperature: float) -> float:
        return loss(raw / np.exp(log_temperature), truth)

    return float(np.exp(_lowest(at, np.log(_COLDEST), np.log(_HOTTEST))))


def reliability(told: ArrayLike, found: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Probabilities [N] against what was so [N] (1, 0, or NaN for unknown), in bins of equal width; empty ones are left out."""
    told, found = np.asarray(told, dtype=np.float64).ravel(), np.asarray(found, dtype=np.float64).ravel()
    known = np.isfinite(found)
    told, found = told[known], found[known]
    index = np.minimum((told * bins).astype(int), bins - 1)
    result = []
    for number in np.unique(index):
        here = index == number
        means = float(told[here].mean()), float(found[here].mean())
        result.append(Bin(float(number) / bins, float(number + 1) / bins, int(here.sum()), *means))
    return result


def expected_calibration_error(bins: list[Bin]) -> float:
    """The mean distance of what was told and what was found, weighed by answers (Naeini et al. 2015); NaN of none."""
    total = sum(part.count for part in bins)
    return sum(part.count * abs(part.told - part.found) for part in bins) / total if total else float("nan")


@dataclass(frozen=True, slots=True)
class AbstainBand:
    """Below `threshold` a person decides; None: nothing may pass. `confidence` is None where it holds on average.

    `risk` is the promise at the threshold that was compared with `limit`: the corrected mean, or the upper confidence bound.
    """

    threshold: float | None
    limit: float
    among: Among
    confidence: float | None
    risk: float
    count: int
    bad: int
    passed: int
    bad_passed: int

    @property
    def abstained(self) -> float:
        """The share that a person must look at."""
        return 1 - self.passed / self.count

    @property
    def guarantee(self) -> str:
        """The promise in words."""
        sure = "on average" if self.confidence is None else f"with {self.confidence:.0%} confidence"
        return f"bad ones are at most {self.limit:.1%} of {self.among}, {sure}, among studies like the {self.count} it rests on"

    def passes(self, scores: ArrayLike) -> NDArray[np.bool_]:
        """Which scores pass."""
        scores = np.asarray(scores, dtype=np.float64)
        return np.zeros(scores.shape, dtype=bool) if self.threshold is None else scores >= self.threshold


def controlled(scores: ArrayLike, is_bad: ArrayLike, limit: float = LIMIT) -> AbstainBand:
    """The lowest threshold at which (bad and passed + 1) / (all + 1) is within the limit (conformal risk control, loss up to 1)."""
    scores, is_bad = _checked(scores, is_bad)
    allowed = int(np.floor(limit * (len(scores) + 1) + 1e-9)) - 1  # the sum must not lose what rounding takes
    threshold = _at_most_bad(scores, is_bad, allowed)
    return _band(scores, is_bad, threshold, limit, "all", None)


def confident(
    scores: ArrayLike,
    is_bad: ArrayLike,
    limit: float = LIMIT,
    confidence: float = CONFIDENCE,
    among: Among = "passed",
) -> AbstainBand:
    """The lowest threshold at which the share of bad ones is proven to be within the limit.

    Of all, the share falls as the threshold rises, so that one test decides. Of the passed it need not: shares of passed studies
    are tried from few to many, each by a test, until one fails; the first is one at which a single bad study is no failure.
    """
    scores, is_bad = _checked(scores, is_bad)
    if among == "all":
        threshold = _at_most_bad(scores, is_bad, most_bad(len(scores), limit, confidence))
        return _band(scores, is_bad, threshold, limit, among, confidence)
    falling = np.sort(scores)[::-1]
    least = min(1, most_bad(len(scores), limit, confidence))
    proven, begun = None, False
    for step in range(1, _STEPS + 1):
        threshold = float(falling[ceil(step * len(scores) / _STEPS) - 1])
        passed = scores >= threshold
        allowed = most_bad(int(passed.sum()), limit, confidence)
        begun = begun or allowed >= least
        if begun and is_bad[passed].sum() > allowed:
            break
        proven = threshold if begun else None
    return _band(scores, is_bad, proven, limit, among, confidence)


def by_subject(scores: ArrayLike, is_bad: ArrayLike, subjects: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """One row a subject, [subjects]: bad where one of its rows is, with the highest score among those; else its highest score."""
    scores, is_bad = _checked(scores, is_bad)
    names, index = np.unique(np.asarray(subjects), return_inverse=True)
    bad = np.bincount(index, weights=is_bad, minlength=len(names)) > 0
    speaks = is_bad | ~bad[index]
    highest = np.full(len(names), -np.inf)
    np.maximum.at(highest, index[speaks], scores[speaks])
    return highest, bad


@dataclass(frozen=True, slots=True)
class HalfTrial:
    """A band found on one half, and what it did on the other: the share of bad among what it speaks of, and what it kept back."""

    band: AbstainBand
    passed: int
    bad_passed: int
    share: float
    abstained: float


def show_on_half(
    scores: ArrayLike,
    is_bad: ArrayLike,
    limit: float,
    seed: int,
    find: Callable[[Floats, NDArray[np.bool_], float], AbstainBand] = controlled,
) -> HalfTrial:
    """Calibrates on a random half and looks at the other."""
    scores, is_bad = _checked(scores, is_bad)
    order = np.random.default_rng(seed).permutation(len(scores))
    here, there = np.array_split(order, 2)
    band = find(scores[here], is_bad[here], limit)
    passed = band.passes(scores[there])
    bad_passed = int(is_bad[there][passed].sum())
    of = len(there) if band.among == "all" else int(passed.sum())
    return HalfTrial(band, int(passed.sum()), bad_passed, bad_passed / of if of else 0.0, 1 - float(passed.mean()))


def show_on_halves(
    scores: ArrayLike, is_bad: ArrayLike, limit: float = LIMIT, confidence: float = CONFIDENCE, trials: int = 100
) -> list[dict[str, object]]:
    """A row a promise: over many random halves, the mean share of bad ones, how often it was above the limit, what was kept back.

    That a half is above the limit is no broken promise by itself: its own share scatters around the true one. The mean of the
    first promise must be within the limit.
    """

    def sure(among: Among) -> Callable[[Floats, NDArray[np.bool_], float], AbstainBand]:
        return lambda scores, is_bad, limit: confident(scores, is_bad, limit, confidence, among)

    rows: list[dict[str, object]] = []
    for find in (controlled, sure("all"), sure("passed")):
        shown = [show_on_half(scores, is_bad, limit, seed, find) for seed in range(trials)]
        shares = np.array([trial.share for trial in shown])
        rows.append(
            {
                "among": shown[0].band.among,
                "confidence": shown[0].band.confidence,
                "limit": limit,
                "halves": trials,
                "mean_share": float(shares.mean()),
                "halves_above_limit": float((shares > limit).mean()),
                "mean_abstained": float(np.mean([trial.abstained for trial in shown])),
                "halves_where_nothing_passes": float(np.mean([trial.band.threshold is None for trial in shown])),
            }
        )
    return rows


def most_bad(count: int, limit: float, confidence: float) -> int:
    """How many bad ones of `count` still prove, by an exact binomial test, that the share is within the limit; -1: not even 0."""
    below = np.cumsum(_binomial(count, limit)) if count else np.ones(1)
    return int(np.searchsorted(below, 1 - confidence, side="right")) - 1


def upper_bound(bad: int, count: int, confidence: float = CONFIDENCE) -> float:
    """The one-sided upper bound of a share (Clopper and Pearson 1934); 1 of nothing."""
    if bad >= count:
        return 1.0
    low, high = bad / count, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _binomial(count, middle)[: bad + 1].sum() > 1 - confidence else (low, middle)
    return high


def _binomial(count: int, share: float) -> Floats:
    """Probabilities of 0 to `count` events, [count + 1], for a share between 0 and 1."""
    if not 0 < share < 1:
        return np.asarray(np.arange(count + 1) == (0 if share <= 0 else count), dtype=np.float64)
    number = np.arange(count + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    ways = log_factorial[-1] - log_factorial - log_factorial[::-1]
    result: Floats = np.exp(ways + number * np.log(share) + (count - number) * np.log1p(-share))
    return result


def _at_most_bad(scores: Floats, is_bad: NDArray[np.bool_], allowed: int) -> float | None:
    """The lowest score from which on no more bad ones pass than allowed; None where there is no such score."""
    if allowed < 0:
        return None
    bad = np.sort(scores[is_bad])[::-1]
    above = scores if len(bad) <= allowed else scores[scores > bad[allowed]]
    return float(above.min()) if len(above) else None


def _band(
    scores: Floats,
    is_bad: NDArray[np.bool_],
    threshold: float | None,
    limit: float,
    among: Among,
    confidence: float | None,
) -> AbstainBand:
    passed = np.zeros(len(scores), dtype=bool) if threshold is None else scores >= threshold
    count, bad_passed = len(scores), int(is_bad[passed].sum())
    of = count if among == "all" else int(passed.sum())
    risk = (bad_passed + 1) / (of + 1) if confidence is None else upper_bound(bad_passed, of, confidence)
    return AbstainBand(
        threshold, limit, among, confidence, risk, count, int(is_bad.sum()), int(passed.sum()), bad_passed
    )


def _checked(scores: ArrayLike, is_bad: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    scores, is_bad = np.asarray(scores, dtype=np.float64), np.asarray(is_bad, dtype=bool)
    if scores.ndim != 1 or scores.shape != is_bad.shape or not len(scores) or not np.isfinite(scores).all():
        raise ValueError(
            "an abstain band needs one finite score and one word, bad or not, for each of one or more rows"
        )
    return scores, is_bad


def _one_of_loss(raw: Floats, truth: Floats) -> float:
    known = truth.sum(1) > 0
    powers = raw[known] - raw[known].max(1, keepdims=True)
    inside = np.where(truth[known] > 0, powers, -np.inf)
    return float(np.mean(np.logaddexp.reduce(powers, axis=1) - np.logaddexp.reduce(inside, axis=1)))


def _each_loss(raw: Floats, truth: Floats) -> float:
    known = np.isfinite(truth)
    return float(np.mean(np.logaddexp(0, raw[known]) - raw[known] * truth[known]))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one minimum is lowest (golden sections, Kiefer 1953), to 1e-5 of the interval."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(24):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
