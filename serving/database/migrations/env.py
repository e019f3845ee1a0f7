"""What Alembic runs for every step: on the connection that `serving.database.schema` hands over, and never on its own."""

from alembic import context

from serving.database.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transaction_per_migration=False,
)
context.run_migrations()
