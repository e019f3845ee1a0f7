"""Balanced drawing: few and many, by hand."""

import pytest

from training.balance import EVENNESS, balanced


def test_alike_examples_are_alike() -> None:
    first, second = balanced(["a", "a"], ["s", "s"]).tolist()
    assert first == second


def test_a_large_source_and_a_common_class_weigh_little_more() -> None:
    weights = balanced(["a"] * 101 + ["b"], ["big"] * 100 + ["small", "other"])
    big, small, rare = float(weights[:100].sum()), float(weights[100]), float(weights[101])
    assert big / small == pytest.approx(100 ** (1 - EVENNESS), rel=1e-4)
    assert (big + small) / rare == pytest.approx((100 ** (1 - EVENNESS) + 1) ** (1 - EVENNESS), rel=1e-4)
