"""What tests of the service share: an empty database, on SQLite and on a PostgreSQL server of their own, and objects to send."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import click
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import create_engine

from benchmarks.private_postgres import private_server
from inference.reading import read_studies
from qc_models.report import QcReport
from qc_models.simulation.study_simulation import simulate_study
from qc_models.study import Study
from serving.archive import FolderArchive
from serving.database.sessions import Database, open_database
from serving.database.tables import Hospital, Table
from serving.replay_rules import Rules
from tests.serving.replaying import CATALOGUE, ITEMS, scored
from tests.written_dicom import instance

_numbers = count(1)
# what a test left behind may hold rows that the next one deletes
_OTHERS_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, without the name of a database; skips where none is installed.

    It listens on a socket in its own folder, and syncs nothing, since no test cuts the power.
    """
    settings = {
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_buffers": "32MB",
        "max_connections": "80",
    }
    with ExitStack() as stack:
        try:
            url = stack.enter_context(private_server(settings))
        except click.UsageError as error:
            pytest.skip(error.message)
        yield url


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: str) -> str:
    """The URL of a database with tables, which every test empties before it begins."""
    _at_server(postgres_server.format("postgres"), "CREATE DATABASE tables")
    url = postgres_server.format("tables")
    engine = create_engine(url)
    Table.metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with empty tables."""
    path = tmp_path_factory.mktemp("sqlite") / "tables.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    Table.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'touchstone.sqlite'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"test_{next(_numbers)}"
    _at_server(server.format("postgres"), f"CREATE DATABASE {name}")
    yield server.format(name)
    _at_server(server.format("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with empty tables, of each kind, for tests that open it in several processes."""
    if request.param == "sqlite":
        path = tmp_path / "touchstone.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_tables")
    emptied = [f'DELETE FROM "{table.name}"' for table in reversed(Table.metadata.sorted_tables)]
    _at_server(url, _OTHERS_END, "; ".join(emptied))
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with empty tables, of each kind. Set its `now` to a function to tell it the time."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    """An empty archive in a folder of its own."""
    return FolderArchive(tmp_path / "archive")


@pytest.fixture
def hospitals(database: Database) -> tuple[str, str]:
    """The ids of two hospitals, `city` and `county`, of an issuer each and of one alliance."""
    with database.writing() as session:
        for name, level in (("city", "tertiary_a"), ("county", "secondary_b")):
            session.add(Hospital(id=name, name=name, level=level, alliances=["region"], issuer=f"{name}-issuer"))
    return "city", "county"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[Study]:
    """Studies of an item, whole and without a component."""
    folder = tmp_path_factory.mktemp("simulated")
    for number, item_id in enumerate(item for item in CATALOGUE.items if item in ITEMS):
        item = CATALOGUE.item(item_id)
        simulate_study(item, folder / item_id, seed=number)
        simulate_study(item, folder / f"{item_id}-less", seed=number + 50, omit=[item.required[0]])
    return list(read_studies([folder]).studies)


@pytest.fixture(scope="session")
def reports(simulated: list[Study]) -> list[QcReport]:
    return scored(simulated)


@pytest.fixture
def judge_all(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after which nothing stands, and every study is matched and judged."""
    return lambda: monkeypatch.setattr(Rules, "differ_in_limits_from", lambda *_: False)


def object_bytes(**keywords: Any) -> bytes:
    """One small CT instance with its file meta information, as a sender would send it; see tests/written_dicom.py."""
    dataset = instance(**keywords)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _at_server(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
