"""A report is JSON of one schema, says of several items the worst, and keeps the facts to judge again by."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import CheckFailure, Location, Measurement
from qc_models.item_matching import Matched
from qc_models.judgement import ItemJudgement, judge
from qc_models.policy import load_policy
from qc_models.report import SCHEMA, QcReport, make_report
from tests.judged_facts import facts, item, stack

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "qc_models" / "report_schema.json").read_text("utf-8"))
POLICY = load_policy(ROOT / "configs" / "policy.yaml")
AS_OF = date(2026, 9, 30)
MISSING, BLANK = "completeness.slice_positions.missing", "completeness.pixel_integrity.blank"
PLACE = Location("1.2.3.1", None, None, 4, None, 0)
LIMITS = {
    MISSING: {"reject": {"above": 0}, "deduct": 40, "clause": "a clause"},
    BLANK: {"review": {"above": 0}, "deduct": 15, "clause": "another clause"},
}


def head(item_id: str = "CT-HEAD", **fields: Any) -> ExamItem:
    return item(item_id, "head", ("plain",), **{"limits": LIMITS} | fields)


def head_facts(*measurements: Measurement, **changes: Any) -> Facts:
    return facts(stacks=(stack("1.2.3.1", "plain", region=("head",)),), measurements=measurements, **changes)


def missing(value: float = 3, place: Location = PLACE) -> Measurement:
    return Measurement(MISSING, value, "slices", place, {"step_mm": 5.0, "after": ["10.0 mm (#4)"]})


def blank(place: Location = PLACE) -> Measurement:
    return Measurement(BLANK, 1, "images", place, {"slices": [5]})


def report(known: Facts, *items: ExamItem, **changes: Any) -> QcReport:
    wanted = items or (head(),)
    judgements: list[ItemJudgement] = [judge(known, entry, AS_OF, POLICY) for entry in wanted]
    given: dict[str, Any] = {
        "as_of": AS_OF,
        "evaluated_at": datetime(2026, 9, 30, 12, 0, 1, 999, tzinfo=UTC),
        "digests": {"catalogue": "c", "policy": "p"},
        "code_version": "1.2.3",
        "timings_s": {"pixels": 0.5},
    }
    return make_report(known, judgements, [Matched(entry, "request code") for entry in wanted], **given | changes)


@pytest.mark.parametrize(
    "known",
    [
        head_facts(),
        head_facts(missing(), blank()),
        head_facts(pixels_examined=False, study_date=None, latest_date=None, age_years=None),
        facts(),
        head_facts(failures=(CheckFailure("artifacts.ring", "crashed: ValueError", Location("1.2")),)),
        head_facts(Measurement("artifacts.ring.strength", 0.5, "1", Location("1.2", "1.2.3", 0, 4, (1, 2, 3, 4), 0))),
    ],
)
def test_a_report_follows_its_schema_and_comes_back_whole(known: Facts) -> None:
    made = report(known)
    text = made.to_json()
    jsonschema.validate(json.loads(text), DOCUMENT, format_checker=jsonschema.FormatChecker())
    assert "\n" not in text
    again = QcReport.from_json(text)
    assert again.content == made.content
    assert again.to_json() == text
    assert again.facts() == known


def test_the_schema_itself_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"verdict": "perhaps"},
        {"score": 101},
        {"items": []},
        {"patient_name": "x"},
        {"findings": [{"level": "review"}]},
        {"dimensions": {"completeness": {"score": 1, "verdict": "pass"}}},
    ],
)
def test_the_schema_refuses_what_is_no_report(change: dict[str, Any]) -> None:
    content = json.loads(report(head_facts(missing())).to_json()) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, DOCUMENT)


@pytest.mark.parametrize("text", ['{"schema": 2}', "[]", "1", '{"study_instance_uid": "1"}'])
def test_what_is_no_report_of_this_schema_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="schema 1"):
        QcReport.from_json(text)


def test_a_finding_has_value_limit_place_clause_and_two_languages() -> None:
    found = report(head_facts(missing())).findings[0]
    assert found["metric"] == MISSING
    assert (found["level"], found["value"], found["limit"], found["unit"]) == ("reject", 3, 0, "slices")
    assert (found["location"]["series_instance_uid"], found["location"]["slice"]) == ("1.2.3.1", 4)
    assert found["clause"] == "a clause"
    assert "3 slices are missing" in found["message"]["en"]
    assert "10.0 mm (#4)" in found["message"]["zh"]
    assert found["remedy"]["en"]
    assert found["remedy"]["zh"]


def test_of_several_items_the_worst_counts_and_each_is_told() -> None:
    strict, lenient = head(), head("CT-HEAD-C", limits={})
    made = report(head_facts(missing()), lenient, strict)
    assert made.verdict == "reject"
    assert [(entry["item"], entry["verdict"]) for entry in made.content["items"]] == [
        ("CT-HEAD-C", "pass"),
        ("CT-HEAD", "reject"),
    ]
    assert made.content["grade"] == "D"
    assert made.content["dimensions"]["completeness"] == {"score": 60.0, "verdict": "reject"}
    assert made.content["score"] == min(entry["score"] for entry in made.content["items"])
    assert made.content["facts"]["matching"][0] == {
        "item": "CT-HEAD-C",
        "why": "request code",
        "note": "",
        "sure": True,
    }


def test_what_two_items_say_of_one_thing_is_said_once_at_its_worst() -> None:
    review = {MISSING: {"review": {"above": 0}, "clause": "lenient"}}
    made = report(head_facts(missing()), head("CT-HEAD-C", limits=review), head())
    levels = [finding["level"] for finding in made.findings if finding["metric"] == MISSING]
    assert levels == ["reject"]


def test_findings_come_worst_first() -> None:
    made = report(head_facts(blank(), missing()))
    assert [finding["level"] for finding in made.findings][:2] == ["reject", "review"]


def test_equal_findings_at_two_places_are_two() -> None:
    made = report(head_facts(missing(), missing(place=replace(PLACE, slice=9))))
    assert [f["location"]["slice"] for f in made.findings if f["metric"] == MISSING] == [4, 9]


def test_a_failed_check_is_told_and_never_passes() -> None:
    made = report(head_facts(failures=(CheckFailure("artifacts.ring", "crashed: ValueError"),)))
    assert made.content["failures"][0]["check"] == "artifacts.ring"
    assert made.verdict == "review"


def test_a_number_that_json_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        report(head_facts(Measurement("artifacts.ring.strength", float("nan"), "1"))).to_json()


def test_only_two_fields_are_of_the_run() -> None:
    first = report(head_facts(missing()))
    second = report(head_facts(missing()), evaluated_at=datetime(2027, 1, 1, tzinfo=UTC), timings_s={"pixels": 9.0})
    different = {key for key in first.content if first.content[key] != second.content[key]}
    assert different == {"evaluated_at", "timings_s"}
    assert first.content["evaluated_at"] == "2026-09-30T12:00:01+00:00"
    assert first.content["digests"] == {"catalogue": "c", "policy": "p", "code": "1.2.3"}


def test_a_stored_report_is_judged_alike_again() -> None:
    stored = QcReport.from_json(report(head_facts(missing(), blank())).to_json())
    again = judge(stored.facts(), head(), AS_OF, POLICY)
    assert (again.verdict, again.score) == (stored.verdict, stored.content["score"])


def test_chinese_words_stand_as_they_are() -> None:
    assert "缺少" in report(head_facts(missing())).to_json()
