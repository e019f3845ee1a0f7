"""Contradictions between what was played out and what a series is called."""

import pytest

from qc_models.facts import StackFacts
from qc_models.roles.conflict import conflicts, role_conflict


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("T1", "T2"),
        ("T2", "T1"),
        ("T1", "T1C"),
        ("FLAIR", "T1"),
        ("PD", "T1"),
        ("DWI", "T2"),
        ("STIR", "T1"),
        ("plain", "arterial"),
        ("arterial", "portal"),
        ("plain", "enhanced"),
    ],
)
def test_contradictions(read: str, said: str) -> None:
    assert conflicts(read, said)


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("T2", "T2"),
        ("T2", "T2FS"),
        ("PD", "T2"),
        ("STIR", "T2FS"),
        ("FLAIR", "T2"),
        ("DWI", "ADC"),
        ("portal", "enhanced"),
        ("plain", "calcium_score"),
        ("T1", "IN_OUT_PHASE"),
        ("T1C", "DYNAMIC"),
        ("T1", "LOC"),
        (None, "T1"),
        ("T1", None),
    ],
)
def test_what_may_bear_either_name(read: str | None, said: str | None) -> None:
    assert not conflicts(read, said)


def stack(*roles: str, modality: str = "MR", source: str = "header") -> StackFacts:
    return StackFacts("1", 0, modality, 20, 20, role=roles[0], roles=roles, role_source=source)  # type: ignore[arg-type]


def test_the_role_that_a_text_claims_in_vain() -> None:
    assert role_conflict(stack("T1"), "SAG T2 TSE") == "T2"
    assert role_conflict(stack("plain", "bone", modality="CT"), "动脉期") == "arterial"


def test_what_agrees_is_silent_or_came_from_the_text_itself_is_no_conflict() -> None:
    assert role_conflict(stack("T1"), "SAG T1") is None
    assert role_conflict(stack("T1"), "PROT VD FEVD JC2") is None
    assert role_conflict(stack("T1", source="text"), "SAG T2 TSE") is None
    assert role_conflict(stack("IN_OUT_PHASE", "T1"), "T1 dual echo") is None
