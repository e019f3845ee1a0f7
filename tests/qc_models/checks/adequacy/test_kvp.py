"""Tube voltage against an exam item's range."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from qc_models.checks.adequacy import kvp
from qc_models.checks.adequacy.kvp import outside
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack

TODAY = date(2026, 9, 2)
CHEST = item("CT-CHEST", "chest", ("plain",), kvp=(80, 140))


@pytest.mark.parametrize(("value", "distance"), [(70, 10), (80, 0), (120, 0), (140, 0), (150, 10)])
def test_distance_from_the_range(value: float, distance: float) -> None:
    assert outside(value, 80, 140) == distance


def test_the_farthest_stack_is_told(sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]) -> None:
    stacks = (stack("1", "plain", kvp=120.0), stack("2", "plain", kvp=60.0), stack("3", "thin", kvp=300.0))
    (found,) = kvp.relate(facts(stacks=stacks), CHEST, TODAY)
    assert (found.value, found.location.series_instance_uid, found.detail["kvp"]) == (20.0, "2", 60.0)
    assert all(sentences(kvp, found))


def test_silent_without_a_range_or_a_voltage() -> None:
    voltage, none = facts(stacks=(stack("1", "plain", kvp=60.0),)), facts(stacks=(stack("1", "plain"),))
    assert list(kvp.relate(voltage, item("CT-CHEST", "chest", ("plain",)), TODAY)) == []
    assert list(kvp.relate(none, CHEST, TODAY)) == []
