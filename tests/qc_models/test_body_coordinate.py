"""Coordinates made from a known body: slopes, order, jumps and ends are what was put in."""

import numpy as np
import pytest

from qc_models.body_coordinate import fit_body, largest_jump, monotone, smooth

HEIGHT_MM = np.arange(0.0, 320.0, 10.0)  # 32 slices
SEEN = (HEIGHT_MM - 250.0) / 100.0  # the apex of the lungs at 250 mm


def test_a_sound_stack_rises_by_a_millimetre_a_millimetre() -> None:
    fit = fit_body(HEIGHT_MM, SEEN)
    assert fit is not None
    assert (fit.slope, fit.order) == (pytest.approx(1.0), 1.0)
    assert fit.jump_mm == pytest.approx(0.0, abs=1e-6)
    assert (fit.low_mm, fit.high_mm) == (pytest.approx(-250.0, abs=0.2), pytest.approx(60.0, abs=0.2))


def test_wrong_spacing_is_the_slope() -> None:
    fit = fit_body(HEIGHT_MM / 2, SEEN)  # written as half of what it is
    assert fit is not None
    assert fit.slope == pytest.approx(2.0)


def test_reversed_positions_are_told_by_the_order() -> None:
    fit = fit_body(HEIGHT_MM, SEEN[::-1])
    assert fit is not None
    assert (fit.slope, fit.order) == (pytest.approx(-1.0), -1.0)
    assert fit.curve_mm[0] > fit.curve_mm[-1]


def test_slices_may_come_in_any_order() -> None:
    mixed = np.random.default_rng(1).permutation(len(HEIGHT_MM))
    fit, straight = fit_body(HEIGHT_MM[mixed], SEEN[mixed]), fit_body(HEIGHT_MM, SEEN)
    assert fit is not None
    assert straight is not None
    np.testing.assert_allclose(fit.curve_mm, straight.curve_mm[mixed])


def test_two_scans_put_together_jump() -> None:
    glued = SEEN + np.where(np.arange(32) >= 20, 1.5, 0.0)
    fit = fit_body(HEIGHT_MM, glued)
    assert fit is not None
    assert (fit.jump_mm, fit.jump_at) == (pytest.approx(150.0), 20)


def test_what_the_model_does_not_know_does_not_count() -> None:
    strange = SEEN.copy()
    strange[:8] = 5.0
    fit = fit_body(HEIGHT_MM, strange, np.arange(32) >= 8)
    assert fit is not None
    assert (fit.slope, fit.order) == (pytest.approx(1.0), 1.0)
    assert fit.low_mm == pytest.approx(-250.0, abs=0.2)  # of all slices
    np.testing.assert_allclose(fit.curve_mm, 100 * SEEN, atol=0.2)
    assert fit_body(HEIGHT_MM, strange, np.arange(32) >= 23) is None


def test_a_few_strange_slices_neither_jump_nor_move_the_ends() -> None:
    strange = SEEN.copy()
    strange[:6] = np.linspace(0.5, -0.5, 6)  # which run against the body
    fit = fit_body(HEIGHT_MM, strange)
    assert fit is not None
    assert fit.jump_mm == 0.0
    assert (fit.low_mm, fit.high_mm) == (pytest.approx(-250.0), pytest.approx(60.0))


def test_a_jump_needs_slices_on_both_sides() -> None:
    assert largest_jump(HEIGHT_MM[:7], SEEN[:7]) == (0.0, 0)


def test_too_few_slices_tell_nothing() -> None:
    assert fit_body(HEIGHT_MM[:9], SEEN[:9]) is None
    assert fit_body(np.zeros(12), np.zeros(12)) is None


def test_a_cut_stack_ends_where_it_was_cut() -> None:
    noisy = SEEN + np.random.default_rng(2).normal(0, 0.08, 32)
    whole, low, high = (
        fit_body(HEIGHT_MM, noisy),
        fit_body(HEIGHT_MM[6:], noisy[6:]),
        fit_body(HEIGHT_MM[:-6], noisy[:-6]),
    )
    assert whole is not None
    assert low is not None
    assert high is not None
    assert low.low_mm - whole.low_mm == pytest.approx(60, abs=15)
    assert whole.high_mm - high.high_mm == pytest.approx(60, abs=15)


def test_short_of_a_landmark() -> None:
    fit = fit_body(HEIGHT_MM, SEEN)  # -250 to 60 mm
    assert fit is not None
    assert fit.short_of_mm("lung apex") == pytest.approx(-60, abs=0.2)
    assert fit.short_of_mm("vertex") == pytest.approx(240, abs=0.2)
    assert fit.short_of_mm("carina") is None


def test_a_line_is_smooth_already() -> None:
    np.testing.assert_allclose(smooth(HEIGHT_MM, 100 * SEEN), 100 * SEEN, atol=1e-9)


def test_violators_are_pooled() -> None:
    curve = monotone(np.array([-10.0, 0.0, 10.0]), np.array([0.0, 6.0, 2.0]))
    np.testing.assert_allclose(curve, [-0.01, 4.0, 4.01])  # 6 and 2 become 4; tilted by a thousandth
    np.testing.assert_allclose(monotone(np.zeros(2), np.array([1.0, 3.0]), rising=False), [2.0, 2.0])
