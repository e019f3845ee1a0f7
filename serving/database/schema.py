"""Brings the tables of a database to the shape that this version expects, and back; steps lie in `migrations/versions`.

All steps of one call are one transaction: it ends in the new shape or in the old one, also where several processes start at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from qc_models.errors import ConfigError, ServiceError
from serving.database.sessions import Database, DatabaseAwayError

HEAD, BASE = "head", "base"
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_391_004  # of PostgreSQL's advisory locks: one migration at a time


def upgrade(database: Database, revision: str = HEAD) -> None:
    """Takes every step that is missing up to `revision`; nothing where there is none. ConfigError for an unknown revision."""
    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    """Takes steps back down to `revision`, or to none by `base`, which drops every table and all that is in them."""
    _run(database, lambda config: command.downgrade(config, revision))


def current(database: Database) -> str | None:
    """The revision that the database has; None where it has no tables yet."""
    with _connected(database) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that this version expects."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head() or BASE


def require_known(revision: str) -> None:
    """ServiceError for a revision of a newer version."""
    try:
        ScriptDirectory(str(_MIGRATIONS)).get_revision(revision)
    except CommandError as error:
        raise ServiceError(f"revision {revision} of the tables is of a newer version; install that one") from error


def require_newest(database: Database) -> None:
    """ServiceError where the database has another shape than this version expects."""
    found = current(database)
    if found != newest():
        raise ServiceError(
            f"the database has revision {found or 'none'}, this version expects {newest()}; "
            "run `touchstone database upgrade` with the newest version"
        )


def _run(database: Database, step: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _connected(database) as connection:
        config.attributes["connection"] = connection
        try:
            step(config)
        except CommandError as error:
            raise ConfigError(f"database: {error}") from error
        if not database.is_postgres and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
            raise ServiceError(
                f"database: after the step a row of {broken[0]} names one that is absent; nothing was changed"
            )


@contextmanager
def _connected(database: Database) -> Iterator[Connection]:
    """A connection in a transaction that no other migration can be in; SQLite checks foreign keys at its end instead."""
    try:
        with database.engine.connect() as connection:
            if database.is_postgres:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                yield connection
                connection.commit()
                return
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")  # has no effect once a transaction has begun
            try:
                with connection.execution_options(touchstone_writing=True).begin():
                    yield connection
            finally:
                driver.execute("PRAGMA foreign_keys=ON")
    except OperationalError as error:
        raise DatabaseAwayError(f"the database does not answer ({type(error.orig).__name__}); see to it") from error
