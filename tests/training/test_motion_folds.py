"""Folds of subjects, pairs of equal noise, and figures of scores that are known."""

import numpy as np
import pytest

from training.manifest import Manifest, Row
from training.motion_folds import FOLDS, background_noise, figures, matched, motion_rows


def row(subject: str, motion: str, number: int = 0) -> Row:
    return Row(
        f"{subject}{motion}{number}", "picture", "MR", subject, "source", "open", "drawn", 7, {"motion": [motion]}
    )


def test_a_subject_is_in_one_fold_and_folds_are_even() -> None:
    rows = [row(f"s{number}", word) for number in range(10) for word in ("motion", "nomotion")]
    unlabelled = Row("x", "picture", "MR", "s0", "source", "open", "drawn", 7, {})
    found = motion_rows(Manifest((*rows, unlabelled)))
    assert len(found) == 20
    assert {fold: len({one.subject for one in found if one.fold == fold}) for fold in range(FOLDS)} == dict.fromkeys(
        range(5), 2
    )


def test_pairs_have_equal_noise_and_nobody_is_in_two() -> None:
    noise = np.array([0.10, 0.20, 0.21, 0.50, 0.105, 0.104])
    moved = np.array([True, True, False, True, False, False])
    # The still one of 0.104 is nearest to 0.10, 0.21 to 0.20; nothing is near 0.50.
    assert matched(noise, moved) == [(0, 5), (1, 2)]


def test_scores_in_order_are_all_right_though_noise_is_not() -> None:
    rows = [row("a", "motion"), row("a", "nomotion"), row("b", "motion"), row("b", "nomotion")]
    found = figures(rows, {"as it is": np.array([2.0, 1.0, 3.0, 0.0])}, np.array([0.2, 0.201, 0.1, 0.101]))
    assert found["auc"]["as it is"]["value"] == 1.0
    assert (found["pairs"], found["moved"]) == (2, 2)
    assert found["pairs_right"] == {"as it is": 1.0, "noise alone": 0.0}


def test_noise_is_told_from_around_the_body() -> None:
    down, right = np.mgrid[:96, :96] - 47.5
    grey = np.where(np.hypot(down, right) < 30, 200, 10).astype(np.float32)
    assert background_noise(grey) == pytest.approx(0.05)
