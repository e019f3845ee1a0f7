"""The steps of the database's shape: they end in the tables of the code, keep what is in them, and lead back."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from qc_models.errors import ConfigError, ServiceError
from serving.database import schema
from serving.database.sessions import open_database
from serving.database.tables import Hospital, StudyRow, Table


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
