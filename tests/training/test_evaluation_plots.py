"""Plots of an evaluation: points stand where their numbers say."""

import re

from training.calibrate import Bin
from training.evaluation_plots import BAR_WIDTH, abstain_plot, interval_bar, reliability_plot


def circles(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]


def test_bar_runs_from_start_to_one() -> None:
    (middle,) = circles(interval_bar(0.75, 0.5, 1.0, start=0.5))
    assert middle[0] == BAR_WIDTH / 2
    svg = interval_bar(0.2, 0.1, 0.3, start=0.5, target=1.0, met=False)  # below the start: at its end
    assert circles(svg) == [(4.0, 8.0)]
    assert f"M{BAR_WIDTH - 4}.0 1V15" in svg
    assert "#c0272d" in svg


def test_true_probabilities_lie_on_the_diagonal() -> None:
    (low, high) = circles(reliability_plot([Bin(0, 0.5, 10, 0.25, 0.25), Bin(0.5, 1, 5, 0.75, 0.75)]))
    # field of 284 x 198 from (44, 212)
    assert low == (44 + 0.25 * 284, 212 - 0.25 * 198)
    assert high == (44 + 0.75 * 284, 212 - 0.75 * 198)


def test_abstain_curve_starts_at_a_tenth_below_its_lowest() -> None:
    svg = abstain_plot([(0.5, 1.0, 0.9), (1.0, 0.85, 0.4)], marked=0.5)
    assert circles(svg)[:2] == [(44 + 0.5 * 284, 14.0), (44 + 284.0, 212 - 0.25 * 198)]  # from 0.8 to 1
    assert "1.000 on 50%, probability from 0.90" in svg
