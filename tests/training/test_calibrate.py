"""Temperature and abstain band: against another library, by hand, and against risks that are known exactly."""

from math import comb, log, sqrt

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from qc_models.model_outputs import Output
from training.calibrate import (
    Bin,
    by_subject,
    confident,
    controlled,
    expected_calibration_error,
    most_bad,
    reliability,
    show_on_half,
    show_on_halves,
    temperature,
    upper_bound,
)

EACH = Output("artifacts", "each", ("motion", "noise"))
ONE_OF = Output("plane", "one_of", ("axial", "coronal", "sagittal"))
SETS = 300


def test_temperature_of_each_is_that_of_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 6, (400, 2))
    truth = (rng.random((400, 2)) < 1 / (1 + np.exp(-raw / 3))).astype(float)
    line = LogisticRegression(C=1e9, fit_intercept=False, tol=1e-8).fit(raw.reshape(-1, 1), truth.ravel())
    assert temperature(EACH, raw, truth) == pytest.approx(1 / line.coef_[0, 0], rel=1e-3)


def test_temperature_of_one_of_is_the_best_of_a_grid() -> None:
    rng = np.random.default_rng(2)
    raw = rng.normal(0, 4, (300, 3))
    powers = np.exp(raw / 2)
    said = (rng.random((300, 1)) > np.cumsum(powers / powers.sum(1, keepdims=True), 1)).sum(1)
    truth = np.eye(3)[said]

    def loss(at: float) -> float:
        share = np.exp(raw / at)
        return float(-np.log((share / share.sum(1, keepdims=True))[np.arange(300), said]).mean())

    grid = np.linspace(1.2, 3.5, 2301)
    assert temperature(ONE_OF, raw, truth) == pytest.approx(grid[np.argmin([loss(at) for at in grid])], abs=2e-3)


def test_temperature_asks_nothing_of_what_is_not_known() -> None:
    raw = np.array([[2.0, 0.0], [-2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    truth = np.array([[1.0, np.nan], [0.0, np.nan], [0.0, np.nan], [1.0, np.nan]])
    # three of four told right at log-odds 2: best where 1 / (1 + exp(-2/T)) = 3/4, so T = 2 / ln 3
    assert temperature(EACH, raw, truth) == pytest.approx(2 / log(3), rel=1e-3)
    assert temperature(EACH, raw, np.full((4, 2), np.nan)) == 1.0
    assert temperature(Output("place", "number", ("place",)), raw, truth) == 1.0


def test_temperature_where_a_row_may_be_one_of_several_classes() -> None:
    raw = np.array([[0.0, 1.0, 1.0]] * 4 + [[2.0, 0.0, -1e9]] * 4)
    truth = np.array([[1.0, 1.0, 1.0]] * 4 + [[1.0, 0.0, 0.0]] * 3 + [[0.0, 1.0, 0.0]])
    # a row that may be anything says nothing; of the others, three of four are the first at log-odds 2
    assert temperature(ONE_OF, raw, truth) == pytest.approx(2 / log(3), rel=1e-3)


def test_reliability_and_calibration_error_by_hand() -> None:
    bins = reliability([0.1, 0.2, 0.9, 1.0, 0.7], [0.0, 1.0, 1.0, 1.0, np.nan], bins=2)
    assert bins == [Bin(0.0, 0.5, 2, pytest.approx(0.15), 0.5), Bin(0.5, 1.0, 2, pytest.approx(0.95), 1.0)]
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.35 + 2 * 0.05) / 4)
    assert np.isnan(expected_calibration_error([]))


def test_exact_binomial_tests() -> None:
    # 0.99 ** 298 = 0.05003, 0.99 ** 299 = 0.0495: the first number of passed studies that proves 1 % at 95 %
    assert [most_bad(count, 0.01, 0.95) for count in (0, 298, 299)] == [-1, -1, 0]
    assert upper_bound(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))
    bound = upper_bound(3, 100)
    assert sum(comb(100, k) * bound**k * (1 - bound) ** (100 - k) for k in range(4)) == pytest.approx(0.05)
    assert upper_bound(0, 0) == upper_bound(4, 4) == 1.0


def test_controlled_by_hand() -> None:
    scores, is_bad = np.arange(1.0, 10.0), np.isin(np.arange(1, 10), (3, 6, 9))
    # (bad and passed + 1) / 10 within 0.2: one bad may pass, the one at 9; the next is at 6
    band = controlled(scores, is_bad, 0.2)
    assert (band.threshold, band.passed, band.bad_passed, band.risk) == (7.0, 3, 1, 0.2)
    assert band.abstained == pytest.approx(6 / 9)
    assert band.passes([6.9, 7.0]).tolist() == [False, True]
    # none may pass, and the highest is bad; then not even none is enough
    assert controlled(scores, is_bad, 0.1).threshold is None
    assert controlled(scores, is_bad, 0.05).threshold is None
    assert not controlled(scores, is_bad, 0.1).passes(scores).any()
    assert controlled(scores, is_bad, 0.4).threshold == 1.0
    # of equal scores all pass or none
    assert controlled([1, 1, 2, 2], [True, False, False, True], 0.2).threshold is None


def test_confident_by_hand() -> None:
    scores = np.arange(1000.0)
    # of 1000 good ones all pass
    assert confident(scores, scores < 0).threshold == 0.0
    assert confident(scores[:298], scores[:298] < 0).threshold is None
    # bad are the lower half: passed of 500 or 525, with 0 and 25 bad, of which the second fails
    band = confident(scores, scores < 500)
    assert (band.threshold, band.bad_passed, band.abstained) == (500.0, 0, 0.5)
    assert band.guarantee.startswith("bad ones are at most 1.0% of passed, with 95% confidence")
    # of all: as many bad as an exact test of 1000 at 1 % allows, and no more
    allowed = most_bad(1000, 0.01, 0.95)
    assert confident(scores, scores < 500, among="all").threshold == 500.0 - allowed


def _sets(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sets whose scores are even from 0 to 1, bad with a probability of 1 - score.

    At a threshold t, bad and passed are (1 - t)^2 / 2 of all, and (1 - t) / 2 of the passed.
    """
    rng = np.random.default_rng(3)
    scores = rng.random((SETS, count))
    return list(zip(scores, rng.random((SETS, count)) > scores, strict=True))


def test_controlled_holds_on_average_and_is_not_idle() -> None:
    limit, count = 0.05, 200
    bands = [controlled(scores, is_bad, limit) for scores, is_bad in _sets(count)]
    risks = np.array([0.0 if band.threshold is None else (1 - band.threshold) ** 2 / 2 for band in bands])
    noise = 3 * risks.std() / sqrt(SETS)
    assert risks.mean() <= limit + noise
    assert risks.mean() >= limit - 2 / (count + 1) - noise  # theorem 2 of the paper


@pytest.mark.parametrize(("among", "limit"), [("all", 0.05), ("passed", 0.1)])
def test_confident_holds_as_often_as_it_says(among: str, limit: float) -> None:
    bands = [confident(scores, is_bad, limit, 0.9, among) for scores, is_bad in _sets(400)]
    passing = [1 - band.threshold for band in bands if band.threshold is not None]
    broken = [share**2 / 2 > limit if among == "all" else share / 2 > limit for share in passing]
    assert len(passing) > SETS / 4
    assert sum(broken) / SETS <= 0.1 + 3 * sqrt(0.1 * 0.9 / SETS)


def test_by_subject_keeps_the_bad_one_that_would_pass_first() -> None:
    scores, is_bad = by_subject([0.9, 0.2, 0.4, 0.5, 0.7], [False, True, True, False, False], ["a", "a", "a", "b", "b"])
    assert scores.tolist() == [0.4, 0.7]
    assert is_bad.tolist() == [True, False]


def test_show_on_half_looks_at_the_other_half() -> None:
    scores, is_bad = np.arange(100.0), np.arange(100) < 40
    trial = show_on_half(scores, is_bad, 0.1, seed=5)
    here, there = np.split(np.random.default_rng(5).permutation(100), 2)
    assert trial.band == controlled(scores[here], is_bad[here], 0.1)
    passed = there[scores[there] >= trial.band.threshold]
    assert (trial.passed, trial.bad_passed) == (len(passed), int((passed < 40).sum()))
    assert trial.share == trial.bad_passed / 50
    assert trial.abstained == pytest.approx(1 - len(passed) / 50)


def test_show_on_halves_holds_where_scores_tell() -> None:
    rng = np.random.default_rng(6)
    is_bad = rng.random(1200) < 0.2
    rows = show_on_halves(rng.normal(0, 1, 1200) - 2 * is_bad, is_bad, 0.02, trials=40)
    assert [(row["among"], row["confidence"]) for row in rows] == [("all", None), ("all", 0.95), ("passed", 0.95)]
    on_average, sure, _ = rows
    # halves of one set: their mean is that of the set to (1 + 1 / 600), its noise that of 12 events and not less
    assert on_average["mean_share"] <= 0.02 * (1 + 3 / sqrt(12 * 40))
    assert sure["mean_share"] < on_average["mean_share"]
    assert sure["mean_abstained"] > on_average["mean_abstained"]


@pytest.mark.parametrize(("scores", "is_bad"), [([], []), ([1.0, np.nan], [True, False]), ([1.0], [True, False])])
def test_bands_refuse_rows_without_score_or_word(scores: list[float], is_bad: list[bool]) -> None:
    with pytest.raises(ValueError, match="one finite score"):
        controlled(scores, is_bad)
