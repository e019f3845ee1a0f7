"""The table of `touchstone demo`: what the service says of the studies that were sent to it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from rich.box import HORIZONTALS
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from qc_models.report import QcReport
from qc_models.vocabulary import GRADES_ZH, VERDICTS, VERDICTS_ZH, Grade, Verdict
from serving.database.sessions import Database
from serving.database.tables import StudyRow, VerdictRow
from serving.outcome import SCORED
from serving.score_table import COLOURS, PIPE_WIDTH, reasons
from serving.verdicts import report_of

if TYPE_CHECKING:
    from serving.demo_sending import Sent


def num_waiting(database: Database, sent: Sequence["Sent"]) -> int:
    """Of how many studies something was taken, and there is no verdict on what is there now."""
    return sum(study is not None and study.state != SCORED for _, study in _studies(database, sent))


def print_table(database: Database, sent: Sequence["Sent"]) -> None:
    """Prints a row a study: its number, the hospital, the way in, verdict, grade and reasons."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    table = Table(box=HORIZONTALS, show_lines=True, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("", "study", "of", "way in", "verdict", "grade"):
        table.add_column(column, no_wrap=True)
    table.add_column("first reasons", ratio=1)
    counts: Counter[str] = Counter()
    for one, study in _studies(database, sent):
        verdict, report = _said(database, study)
        lines = [f"{times} refused: {reason}" for reason, times in one.refused.items()]
        lines += reasons(report.content) if report is not None else []
        number = str(study.id) if study is not None else ""
        head = (number, one.folder.name, one.hospital_id, f"{one.way} {one.taken}")
        if verdict is None:
            table.add_row(*head, study.state if study is not None else "refused", "", Text("\n".join(lines)))
            continue
        counts[verdict.verdict] += 1
        says, grade = cast(Verdict, verdict.verdict), cast(Grade, verdict.grade)
        said = Text(f"{says} {VERDICTS_ZH[says]}", COLOURS[says])
        table.add_row(*head, said, f"{grade} {GRADES_ZH[grade]}", Text("\n".join(lines)))
    console.print(table)
    told = ", ".join(f"{counts[verdict]} {verdict} {VERDICTS_ZH[verdict]}" for verdict in VERDICTS)
    console.print(f"{len(sent)} {'study' if len(sent) == 1 else 'studies'}: {told}", highlight=False)


def _studies(database: Database, sent: Sequence["Sent"]) -> Iterator[tuple["Sent", StudyRow | None]]:
    with database.reading() as session:
        found = {
            (study.hospital_id, study.uid): study
            for study in session.scalars(select(StudyRow).where(StudyRow.uid.in_([one.uid for one in sent])))
        }
    for one in sent:
        yield one, found.get((one.hospital_id, one.uid))


def _said(database: Database, study: StudyRow | None) -> tuple[VerdictRow | None, QcReport | None]:
    """The current verdict of a study, and the report that it rests on."""
    if study is None or study.verdict_id is None:
        return None, None
    with database.reading() as session:
        verdict = session.get_one(VerdictRow, study.verdict_id)
        return verdict, report_of(session, verdict)
