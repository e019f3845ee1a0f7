"""Sharp reconstructions that smooth ones stand in for."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from qc_models.checks.adequacy import kernel
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack


@pytest.mark.parametrize(
    ("required", "filled", "wanted"),
    [
        (("plain", "lung|thin"), ("plain", "thin"), ["lung"]),
        (("plain", "lung|thin"), ("plain", "thin", "lung"), []),
        (("plain", "bone|thin", "sagittal|thin"), ("plain", "thin"), ["bone"]),
        (("plain", "bone"), ("plain",), []),
        (("plain", "bone|thin"), ("plain",), []),
    ],
)
def test_only_a_smooth_stand_in_is_told(
    required: tuple[str, ...],
    filled: tuple[str, ...],
    wanted: list[str],
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    found = list(kernel.relate(facts(stacks=(stack("1", *filled),)), item("CT-X", "head", required), date(2026, 9, 2)))
    assert [(one.value, one.detail["wanted"]) for one in found] == ([(1.0, wanted)] if wanted else [])
    for one in found:
        assert all(sentences(kernel, one))
