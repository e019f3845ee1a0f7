"""`touchstone audit verify`: what it says of a chain, and what it notes of it elsewhere."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete

from serving import audit
from serving.command_line import touchstone
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import AuditLine


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """The database of a service on trial, with three lines."""
    opened = open_database(f"sqlite:///{tmp_path / 'touchstone.sqlite'}")
    schema.upgrade(opened)
    append(opened, 3)
    return opened


def append(database: Database, lines: int) -> None:
    with database.writing() as session:
        for number in range(lines):
            audit.append(session, "service", "a", f"study:{number}", {})


def verify(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(touchstone, ["audit", "verify", "--state", str(tmp_path), *arguments])


def test_a_whole_chain_is_0_and_its_end_is_noted(database: Database, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    result = verify(tmp_path, "--notes", str(notes))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("3 lines, 0 faults; the last one is 3 ")
    append(database, 1)
    assert verify(tmp_path, "--notes", str(notes)).exit_code == 0
    assert verify(tmp_path, "--notes", str(notes)).exit_code == 0
    assert [line.split()[0] for line in notes.read_text().splitlines()] == ["3", "4"]


def test_a_broken_chain_is_1(database: Database, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    verify(tmp_path, "--notes", str(notes))
    with database.writing() as session:
        session.execute(delete(AuditLine).where(AuditLine.number == 2))
    result = verify(tmp_path)
    assert result.exit_code == 1
    assert result.stderr == "line 2 is missing\n"
    with database.writing() as session:
        session.execute(delete(AuditLine).where(AuditLine.number == 3))
    assert verify(tmp_path).exit_code == 0  # alone it cannot tell
    result = verify(tmp_path, "--notes", str(notes))
    assert result.exit_code == 1
    assert result.stderr == "the end is cut off: line 3 was noted, and the last one is 1\n"
    assert len(notes.read_text().splitlines()) == 1


@pytest.mark.usefixtures("database")
def test_notes_that_are_none_are_refused(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("3 abc\n")
    result = verify(tmp_path, "--notes", str(notes))
    assert result.exit_code == 3
    assert "line 1" in result.stderr
