"""The table that `touchstone score` prints: study, item, verdict, grade, five scores, first reasons."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH, GRADES_ZH, VERDICTS_ZH

_COLOURS = {"pass": "green", "review": "yellow", "reject": "red"}
_NUM_REASONS = 3


def print_table(contents: Iterable[Mapping[str, Any]]) -> None:
    """Prints one row an exam item of each report, and the first reasons below each other."""
    table = Table(show_lines=True)
    for column in ("study", "item", "verdict", "grade"):
        table.add_column(column)
    for dimension in DIMENSIONS:
        table.add_column(f"{dimension}\n{DIMENSIONS_ZH[dimension]}", justify="right")
    table.add_column("first reasons", ratio=1)
    for content in contents:
        scores = [f"{content['dimensions'][dimension]['score']:.0f}" for dimension in DIMENSIONS]
        for item in content["items"]:
            verdict = item["verdict"]
            table.add_row(
                short_uid(content["study_instance_uid"]),
                item["item"],
                f"[{_COLOURS[verdict]}]{verdict} {VERDICTS_ZH[verdict]}[/]",
                f"{item['grade']} {GRADES_ZH[item['grade']]}",
                *scores,
                reasons(content),
            )
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a pipe or a file has no width of its own
    console.print(table)


def reasons(content: Mapping[str, Any]) -> str:
    """The first findings above note level, then failed checks."""
    findings = [finding for finding in content["findings"] if finding["level"] != "note"]
    lines = [f"{finding['level']}: {finding['message']['en']}" for finding in findings[:_NUM_REASONS]]
    if len(findings) > _NUM_REASONS:
        lines.append(f"and {len(findings) - _NUM_REASONS} more")
    lines += [f"check failed: {failure['check']}" for failure in content["failures"][:1]]
    return "\n".join(lines)


def short_uid(uid: str) -> str:
    """The end of a UID, which tells studies apart in a narrow column."""
    return uid if len(uid) <= 16 else f"…{uid[-15:]}"
