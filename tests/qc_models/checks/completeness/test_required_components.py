"""Required components: absent ones are named, alternatives count, unreadable sides are forgiven once an image."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.required_components import QUANTITIES, relate, unfilled
from tests.judged_facts import facts, item, stack

CASES = yaml.safe_load((Path(__file__).parent / "cases/required_components.yaml").read_text(encoding="utf-8"))
TODAY = date(2026, 9, 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], assert_measured: Any) -> None:
    modality = case.get("modality", "CT")
    stacks = [
        stack(
            f"1.{number}",
            *fields.get("components", ()),
            modality=modality,
            **{k: v for k, v in fields.items() if k != "components"},
        )
        for number, fields in enumerate(case["stacks"])
    ]
    asked = item(
        "X",
        case.get("region", "chest"),
        tuple(case["required"]),
        modality=modality,
        optional=tuple(case.get("optional", ())),
    )
    assert_measured(relate(facts(stacks=tuple(stacks)), asked, TODAY), case["expect"])


def test_stacks_of_another_region_fill_nothing() -> None:
    asked = item("CT-CHEST", "chest", ("plain",))
    (missing,) = relate(facts(stacks=(stack("1", "plain", region=("head",)),)), asked, TODAY)
    assert missing.detail == {"component": "plain", "item": "CT-CHEST", "item_en": "CT-CHEST", "item_zh": "CT-CHEST"}
    assert "plain" in QUANTITIES["missing"].zh.format(value=1, **missing.detail)


def test_one_film_of_two_views_stands_for_both_sides() -> None:
    assert unfilled(("OBL:L", "OBL:R"), [stack("1", "OBL", modality="XR", num_views=2)]) == ([], ["OBL:L", "OBL:R"])
