"""The audit chain: lines in one row whoever writes them, and whatever is done to them later is found."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from serving import audit
from serving.audit import BEGINNING, append, check, digest_of, verify
from serving.database.sessions import Database, open_database
from serving.database.tables import AuditLine
from tests.serving.made_rows import made_study, made_verdict

AT = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """A line without a database."""

    number: int
    before: str = BEGINNING
    digest: str = ""
    at: datetime = AT
    actor: str = "service"
    action: str = "study closed"
    subject: str = "study:1"
    detail: dict[str, Any] = field(default_factory=dict)


def chain(length: int) -> list[Said]:
    lines: list[Said] = []
    for number in range(1, length + 1):
        line = Said(number, lines[-1].digest if lines else BEGINNING)
        lines.append(replace(line, digest=digest_of(line)))
    return lines


def append_lines(database: Database, *actions: str) -> None:
    for action in actions:
        with database.writing() as session:
            append(session, "service", action, "study:1", {"action": action})


def actions(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(AuditLine.action).order_by(AuditLine.number)))


def test_the_digest_is_that_of_what_the_line_says() -> None:
    said = (
        '[1,"2026-09-01T08:00:00.000000+00:00","service","study closed","study:1",{"a":[0.5,null],"z":"\\u5f20"},"'
        + "0" * 64
        + '"]'
    )
    assert digest_of(Said(1, detail={"z": "张", "a": [0.5, None]})) == hashlib.sha256(said.encode()).hexdigest()


def test_a_sound_chain_has_no_fault() -> None:
    lines = chain(4)
    checked = check(lines, {2: lines[1].digest, 4: lines[3].digest})
    assert (checked.num_lines, checked.tip, checked.faults) == (4, (4, lines[3].digest), ())
    assert check([]).tip == (0, BEGINNING)


def test_an_altered_line_is_found() -> None:
    lines = chain(4)
    lines[1] = replace(lines[1], actor="account:9")
    assert check(lines).faults == ("line 2 was altered or moved",)


def test_an_altered_line_with_a_digest_to_match_breaks_the_next() -> None:
    lines = chain(4)
    forged = replace(lines[1], actor="account:9")
    lines[1] = replace(forged, digest=digest_of(forged))
    assert check(lines).faults == ("line 3 does not follow the line before it",)


def test_removed_lines_are_found() -> None:
    lines = chain(6)
    assert check([lines[0], *lines[3:]]).faults == ("lines 2 to 3 are missing",)
    assert check(lines[1:]).faults == ("line 1 is missing",)


def test_lines_that_changed_places_are_found() -> None:
    lines = chain(4)
    lines[1], lines[2] = (
        replace(lines[2], number=2, before=lines[1].before),
        replace(lines[1], number=3, before=lines[2].before),
    )
    faults = check(lines).faults
    assert "line 2 was altered or moved" in faults
    assert "line 3 was altered or moved" in faults


def test_a_cut_end_and_a_chain_written_anew_are_told_by_what_was_noted() -> None:
    lines = chain(4)
    noted = {4: lines[3].digest}
    assert check(lines[:3]).faults == ()
    assert check(lines[:3], noted).faults == ("the end is cut off: line 4 was noted, and the last one is 3",)
    anew: list[Said] = []
    for line in lines:
        said = replace(line, actor="account:9", before=anew[-1].digest if anew else BEGINNING)
        anew.append(replace(said, digest=digest_of(said)))
    assert check(anew).faults == ()
    assert check(anew, noted).faults == ("line 4 is not the one that was noted: the chain was written anew",)


def append_and_fail(session: Session) -> None:
    append(session, "service", "rolled back", "study:1", {})
    raise LookupError


def test_lines_come_with_the_commit_and_go_with_a_rollback(database: Database) -> None:
    with database.writing() as session:
        append(session, "service", "first", "study:1", {"half": 0.5, "name": "张"})
        with pytest.raises(LookupError), session.begin_nested():
            append_and_fail(session)
        with session.begin_nested():
            append(session, "service", "second", "study:1", {})
    with pytest.raises(LookupError), database.writing() as session:
        append_and_fail(session)
    append_lines(database, "third")
    assert actions(database) == ["first", "second", "third"]
    with database.reading() as session:
        assert verify(session).faults == ()


def test_what_is_no_json_is_refused_where_it_is_said(database: Database) -> None:
    with database.writing() as session, pytest.raises(ValueError, match="JSON"):
        append(session, "service", "a", "study:1", {"share": float("nan")})
    assert actions(database) == []


def test_an_open_transaction_keeps_nobody_from_the_chain(database: Database) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    with database.writing() as slow:
        append(slow, "service", "last", "study:1", {})
        append_lines(database, "first")
    assert actions(database) == ["first", "last"]


WRITER = """
import sys
from serving.audit import append
from serving.database.sessions import open_database
database = open_database(sys.argv[1])
for number in range(20):
    with database.writing() as session:
        append(session, "service", sys.argv[2], f"study:{number}", {"number": number})
"""


def test_processes_side_by_side_write_one_chain(database_url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, database_url, name]) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    database = open_database(database_url)
    with database.reading() as session:
        checked = verify(session)
    assert (checked.num_lines, checked.faults) == (40, ())
    assert sorted(actions(database)) == ["a"] * 20 + ["b"] * 20
    database.close()


def test_what_is_done_to_a_database_is_found(database: Database) -> None:
    append_lines(database, "a", "b", "c", "d")
    with database.writing() as session:
        session.execute(update(AuditLine).where(AuditLine.number == 2).values(detail={"action": "B"}))
        session.execute(delete(AuditLine).where(AuditLine.number == 3))
    with database.reading() as session:
        assert verify(session).faults == ("line 2 was altered or moved", "line 3 is missing")


def test_a_cut_end_is_told_by_verdicts_that_no_line_names(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        study = made_study(session)
        for name in ("a", "b"):
            verdict = made_verdict(session, study, reasons=[name])
            append(session, "service", audit.VERDICT, f"study:{study.id}", {"verdict": verdict.id})
    with database.reading() as session:
        checked = verify(session)
        assert checked.faults == ()
    with database.writing() as session:
        session.execute(delete(AuditLine).where(AuditLine.number == 2))
    with database.reading() as session:
        (fault,) = verify(session).faults
    assert fault == f"1 of the last 2 verdicts are named by no line, the first of them {verdict.id}"
