"""Sessions of both databases: what is committed stays, what fails leaves nothing, and who is away is told in our words."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from qc_models.errors import ConfigError
from serving.database.sessions import Database, DatabaseAwayError, open_database
from serving.database.tables import Hospital, PerformedStep


def hospital(name: str) -> Hospital:
    return Hospital(id=name, name=name, level="primary", alliances=["a"], issuer="")


def count(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Hospital)) or 0


def test_what_is_written_is_read_by_another_opening(database_url: str) -> None:
    first, second = open_database(database_url), open_database(database_url)
    with first.writing() as session:
        session.add(hospital("h"))
    with second.reading() as session:
        found = session.get_one(Hospital, "h")
    assert (found.name, found.alliances, found.standing) == ("h", ["a"], "good")  # readable after its session
    first.close()
    second.close()


def test_an_error_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.writing() as session:
            session.add(hospital("h"))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert count(database) == 0


def test_reading_changes_nothing(database: Database) -> None:
    with database.reading() as session:
        session.add(hospital("h"))
    assert count(database) == 0


def test_all_that_is_read_is_of_one_moment(database: Database) -> None:
    with database.reading() as session:
        first = session.scalar(select(func.count()).select_from(Hospital))
        with database.writing() as other:
            other.add(hospital("h"))
        assert (first, session.scalar(select(func.count()).select_from(Hospital))) == (0, 0)
    assert count(database) == 1


def test_times_come_back_in_utc(database: Database) -> None:
    assert database.now().tzinfo is UTC
    noon = datetime(2026, 9, 1, 12, tzinfo=UTC)
    with database.writing() as session:
        session.add(hospital("h"))
        session.flush()
        session.add(
            PerformedStep(
                hospital_id="h", sop_instance_uid="1", study_uid="1", status="COMPLETED", instances=[], updated_at=noon
            )
        )
    with database.reading() as session:
        assert session.scalars(select(PerformedStep.updated_at)).one() == noon


def test_writers_of_many_threads_all_get_through(database: Database) -> None:
    def add(number: int) -> None:
        with database.writing() as session:
            session.add(hospital(f"h{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 8


def test_sqlite_keeps_what_it_commits(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with database.reading() as session:
        values = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert values == ["wal", 2, 1]  # 2 is FULL


def test_postgres_commits_before_it_answers_and_reads_only(postgres_server: str) -> None:
    database = open_database(postgres_server.format("postgres"))
    with database.reading() as session:
        assert session.scalar(text("SHOW synchronous_commit")) == "on"
        assert session.scalar(text("SHOW transaction_read_only")) == "on"
    with database.writing() as session:
        assert session.scalar(text("SHOW transaction_read_only")) == "off"
    database.close()


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    database = open_database(f"postgresql://someone:secret-word@/none?host={tmp_path}")
    with pytest.raises(DatabaseAwayError) as caught, database.reading() as session:
        session.scalar(text("SELECT 1"))
    assert "secret-word" not in str(caught.value)


def test_a_connection_that_was_cut_is_told_and_the_next_one_works(postgres_server: str) -> None:
    database = open_database(postgres_server.format("postgres"))
    with pytest.raises(DatabaseAwayError), database.writing() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with database.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.close()


@pytest.mark.parametrize("url", ["mysql://a@b/c", "sqlite://", "sqlite:///:memory:", "no url", ""])
def test_other_databases_are_not_served(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^database: "):
        open_database(url)


def test_an_error_never_quotes_a_value(database: Database) -> None:
    def add(name: str) -> None:
        with database.writing() as session:
            session.execute(insert(Hospital).values(id="h", name=name, level="", alliances=[], issuer="some patient"))

    add("some patient")
    with pytest.raises(IntegrityError) as caught:
        add("another patient")
    assert "patient" not in str(caught.value)
