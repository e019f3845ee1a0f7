"""Prepared statements write and read what sessions read and write, and their errors are told as those of sessions."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, select, text, update

from serving.database.prepared import Prepared
from serving.database.sessions import Database, DatabaseAwayError
from serving.database.tables import Hospital, StudyRow
from tests.serving.made_rows import NOW, made_study


def prepared_change(database: Database) -> Prepared:
    values = {name: bindparam(name) for name in ("urgent", "modalities", "last_instance_at", "declared_instances")}
    return Prepared(database.engine, update(StudyRow).where(StudyRow.uid == bindparam("of")).values(values))


def test_values_of_every_kind_pass_both_ways(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        session.add_all([made_study(session, uid, hospitals[0]) for uid in ("1.2", "1.3")])
    values = {
        "urgent": True,
        "modalities": ["CT", "PT"],
        "last_instance_at": NOW + timedelta(1),
        "declared_instances": None,
    }
    asked = select(
        StudyRow.uid, StudyRow.urgent, StudyRow.modalities, StudyRow.last_instance_at, StudyRow.declared_instances
    )
    found = Prepared(database.engine, asked.where(StudyRow.hospital_id == bindparam("hospital")).order_by(StudyRow.uid))
    with database.writing_rows() as connection:
        prepared_change(database).run(connection, [{"of": uid, **values} for uid in ("1.2", "1.3")])
        rows = found.rows(connection, {"hospital": hospitals[0]})
    assert rows == [(uid, *values.values()) for uid in ("1.2", "1.3")]
    with database.reading() as session:
        assert [tuple(row) for row in session.execute(asked.order_by(StudyRow.uid))] == rows


def test_an_error_leaves_nothing(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        session.add(made_study(session, "1.2", hospitals[0]))
    change = prepared_change(database)
    values = {"of": "1.2", "urgent": True, "modalities": [], "last_instance_at": NOW, "declared_instances": 1}

    def fail() -> None:
        with database.writing_rows() as connection:
            change.run(connection, [values, {**values, "last_instance_at": None}])

    with pytest.raises(database.engine.dialect.loaded_dbapi.IntegrityError):
        fail()
    with database.reading() as session:
        assert session.scalars(select(StudyRow.urgent)).one() is False


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_does_not_answer_is_away(database: Database) -> None:
    found = Prepared(database.engine, select(Hospital.id).where(Hospital.id == bindparam("id")))
    with database.writing() as session:
        session.execute(text("ALTER TABLE hospital RENAME TO elsewhere"))
    with pytest.raises(DatabaseAwayError, match="no such table"), database.writing_rows() as connection:
        found.rows(connection, {"id": "h"})
