"""The database of the service, SQLite or PostgreSQL: one object that hands out sessions for reading and for writing.

What is committed survives a power cut on both. A process opens its own `Database`; a child process never shares its parent's.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session

from qc_models.errors import ConfigError, ServiceError

WAIT_S = 20  # for a connection of the pool, and for another process that writes to the same SQLite file
CONNECT_TIMEOUT_S = 5
_WRITING = "touchstone_writing"


class DatabaseAwayError(ServiceError):
    """The database cannot be reached, or cannot keep what it was given; nothing of the transaction holds."""


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Database:
    """Sessions of one database. Objects stay readable after their session ends; DatabaseAwayError where the database is away.

    SQLite takes one writer at a time: `writing` begins by taking that turn, so that no transaction fails half-way for want of it.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self.engine = engine
        self.is_postgres = engine.dialect.name == "postgresql"
        self.now = clock
        # all that one session reads is of one moment, as on SQLite
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(**(snapshot if self.is_postgres else {}))
        self._writer = engine.execution_options(**{_WRITING: True})
        self._turn = threading.Lock()  # SQLite's own waiting is a sleep: threads of one process hand over faster

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees the database as it was at its first statement, and changes nothing."""
        with self._told(), Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits at its end, and rolls back where an error leaves it. Never one inside another in a thread."""
        with self._in_turn(), self._told(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def writing_rows(self) -> Iterator[Connection]:
        """As `writing`, without a session, in a third of its time; the driver below the connection may be used too."""
        with self._in_turn(), self._told(), self._writer.begin() as connection:
            yield connection

    def insert_once(self, table: type[DeclarativeBase], values: Mapping[str, Any], unique: Sequence[str]) -> Insert:
        """An insert that does nothing, and returns no id, where a row with these `unique` columns is there."""
        if self.is_postgres:
            at_postgres = postgresql.insert(table).values(**values)
            return at_postgres.on_conflict_do_nothing(index_elements=unique).returning(table.__table__.c.id)
        at_sqlite = sqlite.insert(table).values(**values)
        return at_sqlite.on_conflict_do_nothing(index_elements=unique).returning(table.__table__.c.id)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self.is_postgres:
            yield
            return
        if not self._turn.acquire(timeout=WAIT_S):
            raise DatabaseAwayError(f"the database was busy for {WAIT_S} seconds; see to the disk, and try again")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Says in our words that the database is away; what is wrong with a statement or a value stays what it is."""
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            told = f"the database does not answer ({_cause(error.orig)}); see to it, and try again"
            raise DatabaseAwayError(told) from error
        except (driver.OperationalError, driver.InterfaceError) as error:
            raise DatabaseAwayError(
                f"the database does not answer ({_cause(error)}); see to it, and try again"
            ) from error
        except PoolTimeoutError as error:
            raise DatabaseAwayError(f"every connection was in use for {WAIT_S} seconds; try again") from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise DatabaseAwayError(
                f"the database went away ({_cause(error.orig)}); see to it, and try again"
            ) from error

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self.engine.dispose()


def open_database(url: str | URL, *, clock: Callable[[], datetime] = utc_now, pool_size: int = 10) -> Database:
    """Opens `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`; connects when first used.

    ConfigError where the URL names another kind; errors and logs never hold the password or a value.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("database: the URL is none; write sqlite:///FILE or postgresql://USER@HOST/NAME") from error
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return Database(_postgres(parsed.set(drivername="postgresql+psycopg"), pool_size), clock)
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return Database(_sqlite(parsed.set(drivername="sqlite+pysqlite"), pool_size), clock)
    raise ConfigError(f"database: {kind} is not served; write sqlite:///FILE or postgresql://USER@HOST/NAME")


def _postgres(url: URL, pool_size: int) -> Engine:
    options = "-c synchronous_commit=on -c lock_timeout=20s -c idle_in_transaction_session_timeout=120s"
    connect = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "options": options,
        "keepalives_idle": 30,
        "tcp_user_timeout": 30000,
    }
    try:
        return create_engine(
            url,
            connect_args=connect,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=WAIT_S,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigError("database: the driver psycopg is not installed; install psycopg[binary]") from error


def _sqlite(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": WAIT_S, "check_same_thread": False},
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=WAIT_S,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise ServiceError("database: SQLite needs a local disk here; choose another place or PostgreSQL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING)
        driver: Any = (
            connection.connection.driver_connection
        )  # at once: SQLAlchemy takes longer to say this than SQLite
        driver.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _cause(error: BaseException | None) -> str:
    """The kind of a failure and the first line of its reason, which names hosts and files, and no value."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
