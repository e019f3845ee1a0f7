"""Required components: absent ones are named, alternatives count, sides are judged apart, what is unreadable counts once."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.required_components import QUANTITIES, relate, unfilled
from qc_models.exam_item import ExamItem
from qc_models.facts import Request
from tests.judged_facts import facts, item, stack

CASES = yaml.safe_load((Path(__file__).parent / "cases/required_components.yaml").read_text(encoding="utf-8"))
TODAY = date(2026, 9, 1)
KNEE = item("XR-KNEE", "knee", ("AP|PA", "LAT"), modality="XR", laterality="yes")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], assert_measured: Any) -> None:
    asked = KNEE if case.get("item") == "knee" else wanted(case)
    modality = asked.modality
    stacks = [
        replace(
            stack(
                f"1.{number}", *fields.pop("components", ()), modality=modality, region=tuple(fields.pop("region", ()))
            ),
            **{field: tuple(value) if isinstance(value, list) else value for field, value in fields.items()},
        )
        for number, fields in enumerate(map(dict, case["stacks"]))
    ]
    request = Request(texts=tuple(case.get("texts", ())))
    assert_measured(relate(facts(stacks=tuple(stacks), request=request), asked, TODAY), case["expect"])


def wanted(case: dict[str, Any]) -> ExamItem:
    """The exam item that a case describes."""
    return item(
        "X",
        case.get("region", "chest"),
        tuple(case["required"]),
        modality=case.get("modality", "CT"),
        optional=tuple(case.get("optional", ())),
    )


def test_stacks_of_another_region_fill_nothing() -> None:
    asked = item("CT-CHEST", "chest", ("plain",))
    (missing,) = relate(facts(stacks=(stack("1", "plain", region=("head",)),)), asked, TODAY)
    assert missing.detail == {"component": "plain", "item": "CT-CHEST", "item_en": "CT-CHEST", "item_zh": "CT-CHEST"}
    assert "plain" in QUANTITIES["missing"].zh.format(value=1, **missing.detail)


def test_one_film_of_two_views_stands_for_both_sides() -> None:
    assert unfilled(("OBL:L", "OBL:R"), [stack("1", "OBL", modality="XR", num_views=2)]) == [
        ("side_unread", "OBL:L"),
        ("side_unread", "OBL:R"),
    ]


def test_the_side_and_the_region_are_named() -> None:
    stacks = (stack("1", "AP", modality="XR", laterality="L"), stack("2", "LAT", modality="XR", laterality="R"))
    found = list(relate(facts(stacks=stacks, request=Request(texts=("LEFT KNEE",))), KNEE, TODAY))
    named = [(measurement.metric.rpartition(".")[2], measurement.detail["component"]) for measurement in found]
    assert named == [("missing", "LAT (L)"), ("other_side", "AP|PA (R)")]
    elsewhere = (stack("1", "AP", modality="XR", region=("chest",)), stack("2", "LAT", modality="XR", region=("knee",)))
    (measurement,) = relate(facts(stacks=elsewhere, request=Request(texts=("KNEE",))), KNEE, TODAY)
    assert measurement.detail["region"] == ["chest"]


def test_a_requested_code_is_enough_to_look_under_another_region() -> None:
    asked = item("XR-KNEE", "knee", ("AP",), modality="XR", match={"procedure_codes": ["K1"]})
    study = facts(stacks=(stack("1", "AP", modality="XR", region=("abdomen",)),), request=Request(codes=("K1",)))
    (measurement,) = relate(study, asked, TODAY)
    assert measurement.metric.endswith(".other_region")
