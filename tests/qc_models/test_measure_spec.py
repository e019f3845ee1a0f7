"""Measures as a model is fed them: taken, less the middle of their device, unknown in the middle."""

import math

import numpy as np
import pytest

from qc_models.measure_spec import Measure, MeasureSpec, Reference, prepare_measures

SPEC = MeasureSpec((Measure("cjv"), Measure("fber", 2.0)))


def test_measures_by_hand() -> None:
    prepared = prepare_measures(np.array([[0.7, 1000.0]]), SPEC, Reference({"cjv": 0.5, "fber": 1.0}))
    assert prepared.dtype == np.float32
    assert prepared[0].tolist() == pytest.approx([0.2, math.asinh(500) - 1], rel=1e-6)


def test_far_above_its_unit_a_factor_falls_out_with_the_middle() -> None:
    values = np.array([[0.0, 1e4], [0.0, 3e4], [0.0, 9e4]])
    one, other = (prepare_measures(each, SPEC, Reference.of(each, SPEC)) for each in (values, values * [1, 7]))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert one[2, 1] == pytest.approx(math.log(3), abs=1e-6)


def test_unknown_and_endless_lie_in_the_middle() -> None:
    values = np.array([[1.0, math.nan], [3.0, math.nan], [math.inf, 5.0]])
    prepared = prepare_measures(values, SPEC, Reference({"cjv": 2.0, "fber": 0.0}))
    assert prepared[:, 0].tolist() == [-1.0, 1.0, 0.0]
    assert prepared[:2, 1].tolist() == [0.0, 0.0]


def test_a_reference_is_the_median_of_what_is_known() -> None:
    values = np.array([[1.0, math.nan], [9.0, math.nan], [math.nan, math.nan], [2.0, math.nan]])
    assert Reference.of(values, SPEC).middle == {"cjv": 2.0, "fber": 0.0}


def test_another_order_is_another_spec() -> None:
    assert SPEC.digest != MeasureSpec(SPEC.measures[::-1]).digest
    assert SPEC.digest == MeasureSpec((Measure("cjv"), Measure("fber", 2.0))).digest
