"""The database of one moment in a file, and back: by SQLite's online backup, or by pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, inspect, select, text

from qc_models.errors import InputError, ServiceError
from serving.archive import Stored
from serving.database import schema
from serving.database.sessions import Database
from serving.database.tables import AuditLine, InstanceRow, QuarantineRow
from serving.service_config import ServiceConfig

SQLITE, POSTGRES = "database.sqlite", "database.dump"
DUMPS = (SQLITE, POSTGRES)
_OBJECTS = "named.txt"  # what the dump names, while the backup is made


@dataclass(frozen=True, slots=True)
class Dumped:
    """A database of one moment: its file, the revision of its tables, the last line of its audit chain."""

    path: Path
    revision: str
    audit_tip: tuple[int, str]

    def objects(self) -> Iterator[Stored]:
        """What it names of the archive, each once."""
        with (self.path.parent / _OBJECTS).open() as stream:
            for line in stream:
                digest, size, key = line.rstrip("\n").split(" ", 2)
                yield Stored(key, digest, int(size))


def dump(config: ServiceConfig, database: Database, folder: Path) -> Dumped:
    """Writes the database of this moment into a folder; ServiceError where that cannot be done."""
    if database.is_postgres:
        return _dump_postgres(config.database_url(), database, folder)
    path = folder / SQLITE
    try:
        with (
            closing(sqlite3.connect(str(config.database_url().database))) as source,
            closing(sqlite3.connect(path)) as copy,
        ):
            source.backup(copy)  # in one piece, so of one moment
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, and no other beside it
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    except sqlite3.Error as error:
        raise ServiceError(f"the database cannot be copied ({type(error).__name__}); see to its disk") from error
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            return _described(connection, path)
    finally:
        engine.dispose()


def _dump_postgres(url: URL, database: Database, folder: Path) -> Dumped:
    """The dump and what it names are of one moment: pg_dump sees the snapshot of the transaction that asks."""
    path = folder / POSTGRES
    engine = database.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # as long as pg_dump takes
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-acl", f"--snapshot={snapshot}", f"--file={path}")
        return _described(connection, path)


def _described(connection: Connection, path: Path) -> Dumped:
    """Notes what a database names, and how far its audit chain goes."""
    with (path.parent / _OBJECTS).open("w") as stream:
        for row in (InstanceRow, QuarantineRow):
            columns = select(row.archive_key, row.digest, row.size_bytes).order_by(row.id)
            for key, digest, size in connection.execution_options(yield_per=1000).execute(columns):
                stream.write(f"{digest} {size} {key}\n")
    last = connection.execute(
        select(AuditLine.number, AuditLine.digest).order_by(AuditLine.number.desc()).limit(1)
    ).one_or_none()
    revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    return Dumped(path, revision, (last.number, last.digest) if last is not None else (0, ""))


def load(config: ServiceConfig, database: Database, path: Path, revision: str, before: Callable[[], None]) -> None:
    """Brings a dump into a database that has no tables; `before` is done once that is sure, and before any row is there.

    InputError for a dump of the other kind; ServiceError for tables of a newer version, or where the database has tables.
    """
    if path.name != (POSTGRES if database.is_postgres else SQLITE):
        kind = "PostgreSQL" if path.name == POSTGRES else "SQLite"
        raise InputError(f"{path}: is of {kind}; name a configuration with such a database")
    schema.require_known(revision)
    url = config.database_url()
    if database.is_postgres:
        with database.engine.connect() as connection:
            if inspect(connection).get_table_names():
                raise ServiceError("the database has tables; restore into an empty one")
        before()
        _run(
            "pg_restore",
            url,
            "--no-owner",
            "--no-acl",
            "--exit-on-error",
            "--single-transaction",
            str(path),
            target=True,
        )
        return
    target = Path(str(url.database))
    if target.exists():
        raise ServiceError(f"{target}: is there; restore into an empty state folder")
    before()
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(path, part)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.rename(target)


def _run(program: str, url: URL, *arguments: str, target: bool = False) -> None:
    """Runs a program of PostgreSQL's on a database; ServiceError with the last line that it says."""
    found = shutil.which(program)
    if found is None:
        raise ServiceError(f"{program} is not installed; install PostgreSQL's client programs of the server's version")
    password = {"PGPASSWORD": url.password} if url.password else {}
    where = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [found, *arguments, f"--dbname={where}"]
    ended = subprocess.run(command, env={**os.environ, **password}, capture_output=True, text=True, errors="replace")
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise ServiceError(f"{program} failed ({said[-1][:200] if said else ended.returncode}); see to the database")
