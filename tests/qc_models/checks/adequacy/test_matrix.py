"""Matrices of hand-made stacks."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from qc_models.checks.adequacy import matrix
from qc_models.facts import StackFacts
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack


def measured(
    *stacks: StackFacts, required: tuple[str, ...] = ("AX_T1", "AX_DWI"), modality: str = "MR"
) -> list[Measurement]:
    one = item(f"{modality}-X", "head", required, modality)
    return list(matrix.relate(facts(stacks=stacks), one, date(2026, 9, 2)))


def test_the_coarsest_component_is_told_by_its_best_stack(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    found = measured(
        stack("1", "AX_T1", modality="MR", rows=128, columns=160),
        stack("2", "AX_T1", modality="MR", rows=320, columns=240),
        stack("3", "SAG_T2", modality="MR", rows=512, columns=512),
        required=("AX_T1", "SAG_T2"),
    )
    assert [(one.metric.rpartition(".")[2], one.value) for one in found] == [
        ("short_side", 240.0),
        ("long_side", 320.0),
    ]
    assert {one.location.series_instance_uid for one in found} == {"2"}
    for one in found:
        assert all(sentences(matrix, one))


@pytest.mark.parametrize("role", ["DWI", "ADC", "DYNAMIC", "SUB"])
def test_diffusion_and_dynamics_are_exempt(role: str) -> None:
    assert measured(stack("1", "AX_DWI", modality="MR", rows=96, columns=96, roles=(role,))) == []


def test_a_reformat_is_exempt() -> None:
    reformat = stack("1", "coronal", rows=200, columns=512, nearest_plane="coronal")
    assert measured(reformat, required=("coronal",), modality="CT") == []
    axial = stack("1", "plain", rows=256, columns=256, nearest_plane="axial")
    assert [one.value for one in measured(axial, required=("plain",), modality="CT")] == [256.0, 256.0]


def test_no_stack_no_matrix() -> None:
    assert measured() == []
