"""The table that `touchstone score` prints: study, item, verdict, grade, five scores, first reasons."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH, GRADES_ZH, VERDICTS, VERDICTS_ZH

COLOURS = {"pass": "green", "review": "yellow", "reject": "red"}
_NUM_REASONS = 3
PIPE_WIDTH = 160  # a pipe or a file has no width of its own
_WIDE = 150  # columns from which on the scores are headed by whole words


class ScoreTable:
    """Rows taken from reports as they come, printed at the end, so that no report need be kept."""

    def __init__(self) -> None:
        self._rows: list[tuple[Text, ...]] = []
        self._verdicts: Counter[str] = Counter()

    def add(self, content: Mapping[str, Any]) -> None:
        """Adds a report: one row an exam item; scores and reasons are the study's and stand in the first."""
        self._verdicts[content["verdict"]] += 1
        scores = [Text(f"{content['dimensions'][dimension]['score']:.0f}") for dimension in DIMENSIONS]
        study = (Text(short_uid(content["study_instance_uid"])), *scores, Text("\n".join(reasons(content))))
        for place, item in enumerate(content["items"]):
            name, *rest = study if place == 0 else [Text()] * len(study)
            verdict = Text(f"{item['verdict']} {VERDICTS_ZH[item['verdict']]}", COLOURS[item["verdict"]])
            self._rows.append(
                (name, Text(item["item"]), verdict, Text(f"{item['grade']} {GRADES_ZH[item['grade']]}"), *rest)
            )

    def print(self, width: int | None = None) -> None:
        """Prints the rows and how many studies got which verdict, in `width` columns or those of the terminal."""
        console = Console(width=width)
        if width is None and not console.is_terminal:
            console.width = PIPE_WIDTH
        is_wide = console.width >= _WIDE
        table = Table(box=HORIZONTALS, show_lines=True, padding=(0, 1 if is_wide else 0, 0, 0), pad_edge=False)
        for column in ("study", "item", "verdict", "grade"):
            table.add_column(column, no_wrap=True)
        for dimension in DIMENSIONS:
            words = (dimension.replace("_", " "), DIMENSIONS_ZH[dimension])
            head = words if is_wide else (words[0][:4], words[1][:2])
            table.add_column("\n".join(head), justify="right", no_wrap=True)
        table.add_column("first reasons", ratio=1)
        for row in self._rows:
            table.add_row(*row)
        console.print(table)
        counts = [f"{self._verdicts[verdict]} {verdict} {VERDICTS_ZH[verdict]}" for verdict in VERDICTS]
        total = self._verdicts.total()
        console.print(f"{total} {'study' if total == 1 else 'studies'}: {', '.join(counts)}", highlight=False)


def reasons(content: Mapping[str, Any]) -> list[str]:
    """The first findings above note level, then the first check that failed."""
    findings = [finding for finding in content["findings"] if finding["level"] != "note"]
    lines = [f"{finding['level']}: {_one_line(finding['message']['en'])}" for finding in findings[:_NUM_REASONS]]
    if len(findings) > _NUM_REASONS:
        lines.append(f"and {len(findings) - _NUM_REASONS} more")
    return lines + [f"check failed: {failure['check']}" for failure in content["failures"][:1]]


def short_uid(uid: str) -> str:
    """The end of a UID, which tells studies apart in a narrow column."""
    uid = _one_line(uid)
    return uid if len(uid) <= 13 else f"…{uid[-12:]}"


def _one_line(text: str) -> str:
    """Text from a header, with nothing in it that moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
