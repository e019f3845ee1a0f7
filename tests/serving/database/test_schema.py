"""The steps of the database's shape: they end in the tables of the code, keep what is in them, and lead back."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, select

from qc_models.errors import ConfigError, ServiceError
from serving.database import schema
from serving.database.sessions import open_database
from serving.database.tables import Hospital, PoolEntry, StudyRow, Table
from tests.serving.every_table import Row, fill, read


def test_steps_lead_to_the_tables_of_the_code_and_back(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    assert schema.current(database) is None
    with pytest.raises(ServiceError, match="touchstone database upgrade"):
        schema.require_newest(database)

    schema.upgrade(database)
    assert schema.current(database) == schema.newest()
    schema.require_newest(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == [], "write a step into serving/database/migrations/versions"

    now = database.now()
    with database.writing() as session:
        session.add(Hospital(id="h", name="医院", level="primary", alliances=[], issuer=""))
        session.flush()
        study = {"first_instance_at": now, "last_instance_at": now, "modalities": ["CT"]}
        session.add(StudyRow(hospital_id="h", uid="1.2", state="arriving", **study))
    schema.upgrade(database)  # nothing is missing
    with database.reading() as session:
        assert session.get_one(Hospital, "h").name == "医院"

    schema.downgrade(database, schema.BASE)
    assert schema.current(database) is None
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    schema.upgrade(database)
    with database.reading() as session:
        assert session.get(Hospital, "h") is None
    with pytest.raises(ConfigError, match="nowhere"):
        schema.upgrade(database, "nowhere")
    database.close()


Shape = dict[str, dict[str, Any]]


def shape(connection: Connection) -> Shape:
    """Columns, constraints and indexes of every table, as the database tells them."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            },
            "indexes": sorted(str(index) for index in inspector.get_indexes(table)),
            "unique": sorted(str(constraint["column_names"]) for constraint in inspector.get_unique_constraints(table)),
            "foreign": sorted(
                str((key["constrained_columns"], key["referred_table"])) for key in inspector.get_foreign_keys(table)
            ),
        }
        for table in inspector.get_table_names()
    }


def reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def told_the_same(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> None:
    """No row is lost, and no value of a column that both shapes have; where nothing stood a step may put something."""
    for table in before.keys() & after.keys():
        assert len(before[table]) == len(after[table]), table
        for old, new in zip(before[table], after[table], strict=True):
            kept = old.keys() & new.keys()
            assert {column: new[column] for column in kept if old[column] is not None} == {
                column: old[column] for column in kept if old[column] is not None
            }, table


def test_every_step_down_and_up_again_keeps_what_is_in_the_tables(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    schema.upgrade(database)
    with database.engine.begin() as connection:
        fill(connection, Table.metadata, 1)
        fill(connection, Table.metadata, 2, sparse=True)
        before, shaped = read(connection, reflected(connection)), shape(connection)
    assert {len(rows) for rows in before.values()} == {2}
    steps = [
        step for step in ScriptDirectory(str(schema._MIGRATIONS)).walk_revisions() if step.down_revision is not None
    ]
    for step in steps:
        schema.downgrade(database, str(step.down_revision))
        with database.engine.connect() as connection:
            below, shaped_below = read(connection, reflected(connection)), shape(connection)
        told_the_same(before, below)
        schema.upgrade(database, step.revision)
        with database.engine.connect() as connection:
            assert shape(connection) == shaped, f"{step.revision}: down and up again leads elsewhere"
            told_the_same(below, read(connection, reflected(connection)))
        schema.downgrade(database, str(step.down_revision))
        before, shaped = below, shaped_below
    schema.upgrade(database)  # all of them at once, with what is there
    with database.engine.connect() as connection:
        told_the_same(before, read(connection, reflected(connection)))
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
    database.close()


def test_the_device_of_an_entry_becomes_a_list_and_the_first_of_it_a_device_again(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    schema.upgrade(database, "v0007")
    with database.engine.begin() as connection:
        for number in (1, 2, 3):
            fill(connection, reflected(connection), number)
        for number, device in ((1, "abc"), (2, None), (3, "")):
            table = reflected(connection).tables["pool_entry"]
            connection.execute(table.update().where(table.c.id == number).values(device=device))
    schema.upgrade(database)
    with database.writing() as session:
        assert [entry.devices for entry in session.scalars(select(PoolEntry).order_by(PoolEntry.id))] == [
            ["abc"],
            None,
            None,
        ]
        session.get_one(PoolEntry, 1).devices = ["abc", "def"]
        session.get_one(PoolEntry, 2).devices = []
    schema.downgrade(database, "v0007")
    with database.engine.connect() as connection:
        rows = read(connection, reflected(connection))["pool_entry"]
    assert [row["device"] for row in rows] == ["abc", None, None]
    database.close()
