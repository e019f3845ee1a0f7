"""Steps between slices: lost slices are told from planned gaps by numbers, multiples and proof."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_models.slice_steps import Declared, examine, usual_step


def test_one_step_of_three_point_two_among_one_point_six_is_one_lost_slice() -> None:
    assert examine([1.6, 1.6, 3.2, 1.6, 1.6], Declared()).missing == {2: 1}


def test_numbers_that_run_through_forgive_mr_a_wide_gap_and_ct_none_of_two_slices() -> None:
    steps, whole = [4.0] * 5 + [12.0] + [4.0] * 5, (0,) * 11
    assert examine(steps, Declared(absent=whole, strict=True)).missing == {5: 2}
    wide = [4.0] * 5 + [40.0] + [4.0] * 5
    assert examine(wide, Declared(absent=whole, strict=False)).planned == {5: 9}
    assert examine([4.0, 4.0, 40.0, 4.0], Declared(absent=None, strict=True)).missing == {2: 9}


@settings(deadline=None, max_examples=60)
@given(st.integers(10, 60), st.floats(0.4, 12), st.booleans(), st.data())
def test_whatever_quarter_of_the_inner_slices_is_lost_is_counted(
    num_slices: int, step_mm: float, strict: bool, data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.integers(1, num_slices - 2), min_size=1, max_size=num_slices // 4))
    kept = [number for number in range(num_slices) if number not in lost]
    jumps = [after - before for before, after in pairwise(kept)]
    declared = Declared(absent=tuple(jump - 1 for jump in jumps), thickness_mm=step_mm, strict=strict)
    assert sum(examine([jump * step_mm for jump in jumps], declared).missing.values()) == len(lost)


def test_few_steps_prove_nothing_without_numbers() -> None:
    found = examine([5.0, 10.0], Declared())
    assert found.missing == {}
    assert found.irregular == {1: 1.0}


@pytest.mark.parametrize(
    ("steps", "usual"),
    [
        ([5, 5, 5, 7], 5),
        ([10, 10, 5, 10, 5], 5),  # a third of the steps bear the smaller one out
        ([5] * 10 + [2.5, 2.5], 5),  # an extra slice inside one step makes no base of half a step
        ([6.958, 6.972, 7.071, 7.057, 6.972], 6.972),
    ],
)
def test_usual_step(steps: list[float], usual: float) -> None:
    assert usual_step(steps, None, 0.0) == pytest.approx(usual)
