"""The table says of each study what a person needs first, in any width from 100 columns on."""

from typing import Any

import pytest
from rich.cells import cell_len

from serving.score_table import ScoreTable, reasons, short_uid


def finding(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"en": text, "zh": "中文"}}


def content(uid: str = "1.2.3", verdict: str = "reject", **changes: Any) -> dict[str, Any]:
    grade = {"pass": "A", "review": "B", "reject": "D"}[verdict]
    dimensions = ("completeness", "metadata", "body_part", "artifacts", "adequacy")
    return {
        "study_instance_uid": uid,
        "verdict": verdict,
        "items": [{"item": "CT-HEAD", "verdict": verdict, "grade": grade}],
        "dimensions": {name: {"score": 10.4 + place} for place, name in enumerate(dimensions)},
        "findings": [finding("reject", "3 slices are missing")],
        "failures": [],
    } | changes


def printed(capsys: pytest.CaptureFixture[str], *contents: dict[str, Any], width: int = 160) -> str:
    table = ScoreTable()
    for entry in contents:
        table.add(entry)
    table.print(width)
    return capsys.readouterr().out


def test_a_row_holds_study_item_verdict_grade_scores_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, content())
    (row,) = [line for line in text.splitlines() if "CT-HEAD" in line]
    assert row.split() == [
        *("1.2.3 CT-HEAD reject 退回 D 废 10 11 12 13 14".split()),
        *("reject: 3 slices are missing".split()),
    ]


@pytest.mark.parametrize("width", [100, 120, 160, 200])
def test_fourteen_studies_fit_the_width_and_lose_no_word(capsys: pytest.CaptureFixture[str], width: int) -> None:
    reason = "the longest of reasons goes on over as many lines as it needs and none of its many words is lost"
    entries = [content(f"1.2.826.0.1.{number:030}", findings=[finding("reject", reason)]) for number in range(14)]
    text = printed(capsys, *entries, width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "…" not in text.replace("…000000000", "")
    assert text.count("reject 退回") == 15
    lines = [line for line in text.splitlines() if not line.strip().startswith("─")]
    head = next(line for line in lines if "first reasons" in line)
    column = cell_len(head[: head.index("first reasons")])
    told = " ".join(_from_column(line, column).strip() for line in lines)
    assert told.count(f"reject: {reason}") == 14
    assert text.splitlines()[-1] == "14 studies: 0 pass 通过, 0 review 复核, 14 reject 退回"


def _from_column(line: str, column: int) -> str:
    """What stands from a column on, where a Chinese character fills two."""
    return next((line[place:] for place in range(len(line)) if cell_len(line[:place]) >= column), "")


def test_several_items_are_a_row_each_and_reasons_stand_once(capsys: pytest.CaptureFixture[str]) -> None:
    items = [
        {"item": "CT-HEAD", "verdict": "reject", "grade": "D"},
        {"item": "CT-CSPINE", "verdict": "pass", "grade": "A"},
    ]
    text = printed(capsys, content(items=items))
    assert text.count("3 slices are missing") == 1
    (second,) = [line.split() for line in text.splitlines() if "CT-CSPINE" in line]
    assert second == ["CT-CSPINE", "pass", "通过", "A", "甲"]
    assert "1 study: 0 pass" in text


def test_words_from_a_header_are_neither_markup_nor_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, content(findings=[finding("review", "[red]a[/] [0008,0060] \x1b[2Jgone\rback")]))
    assert "[red]a[/] [0008,0060]" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_at_most_three_reasons_are_told_and_no_note() -> None:
    found = [finding("note", "hidden")] + [finding("review", str(number)) for number in range(5)]
    failures = [{"check": "artifacts.a"}, {"check": "artifacts.b"}]
    assert reasons(content(findings=found, failures=failures)) == [
        *("review: 0", "review: 1", "review: 2"),
        "and 2 more",
        "check failed: artifacts.a",
    ]


def test_a_uid_is_known_by_its_end() -> None:
    assert short_uid("1.2.3") == "1.2.3"
    assert short_uid("1.2.826.0.1.123456789012") == "…123456789012"


def test_a_pipe_has_room(capsys: pytest.CaptureFixture[str]) -> None:
    table = ScoreTable()
    table.add(content())
    table.print()
    assert "completeness" in capsys.readouterr().out
