"""Scan range: the union of the stacks of one phase, and the gap inside it."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.scan_range import QUANTITIES, measure, relate, union_mm
from tests.judged_facts import facts, item, stack
from tests.written_dicom import axial_slices

CASES = yaml.safe_load((Path(__file__).parent / "cases/scan_range.yaml").read_text(encoding="utf-8"))
TODAY = date(2026, 9, 1)
RANGE = {"from": "lung apex", "to": "costophrenic angles", "min_coverage_mm": 190}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], assert_measured: Any) -> None:
    modality = case.get("modality", "CT")
    stacks = [
        replace(stack(f"1.{number}", modality=modality), **fields) for number, fields in enumerate(case["stacks"])
    ]
    asked = item("X", "chest", (), modality=modality, scan_range=RANGE)
    assert_measured(relate(facts(stacks=tuple(stacks)), asked, TODAY), case["expect"])


def test_union() -> None:
    assert union_mm([(0, 10), (5, 20), (30, 40)]) == (30, (20, 30))
    assert union_mm([(5, 20), (0, 30)]) == (30, (0.0, 0.0))


@pytest.mark.parametrize(
    ("low_mm", "step_mm", "thickness_mm", "told"),
    [
        (105.0, 5.0, 5.0, True),  # one slice lost between two halves
        (101.0, 1.0, 1.0, True),
        (100.0, 5.0, 5.0, False),
        (101.0, 6.0, 5.0, False),  # the usual gap between two slices
        (107.0, 6.0, 5.0, True),
        (109.0, 10.0, 1.0, False),  # high-resolution slices are sparse everywhere
    ],
)
def test_one_slice_lost_at_the_joint_of_two_stacks_shows(
    low_mm: float, step_mm: float, thickness_mm: float, told: bool
) -> None:
    shared = {"role": "plain", "nearest_plane": "axial", "step_mm": step_mm, "slice_thickness_mm": thickness_mm}
    halves = (stack("1", extent_mm=(0.0, 100.0), **shared), stack("2", extent_mm=(low_mm, 250.0), **shared))
    found = relate(facts(stacks=halves), item("X", "chest", (), scan_range=RANGE), TODAY)
    gaps = [each.value for each in found if each.metric.endswith("uncovered_gap_mm")]
    assert gaps == ([low_mm - 100.0] if told else [])


def test_only_an_item_that_asks_for_a_length_is_measured() -> None:
    held = facts(stacks=(stack("1", extent_mm=(0.0, 100.0), nearest_plane="axial"),))
    assert list(relate(held, item("X", "chest", ()), TODAY)) == []
    without = {"from": "C7", "to": "L1"}
    assert list(relate(held, item("X", "chest", (), scan_range=without), TODAY)) == []


def test_the_message_names_the_landmarks() -> None:
    held = facts(stacks=(stack("1", extent_mm=(0.0, 100.0), nearest_plane="axial"),))
    (covered,) = relate(held, item("CT-CHEST", "chest", (), scan_range=RANGE), TODAY)
    said = QUANTITIES["coverage_mm"].en.format(value=covered.value, **covered.detail)
    assert (
        said == "the scan covers 100 mm from head to foot; CT-CHEST asks for 190 mm (lung apex to costophrenic angles)"
    )


def test_length_of_a_stack_takes_in_one_thickness(evidence_of: Any) -> None:
    (length,) = measure(evidence_of(axial_slices(10)))
    assert length.value == 50  # nine steps of 5 mm and one slice of 5 mm
