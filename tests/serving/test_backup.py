"""A backup of a running service brings back all that was acknowledged; a broken one is told before anything is written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from qc_models.errors import InputError, ServiceError
from serving import audit, backup, service_config
from serving.archive import FolderArchive
from serving.archive_check import ArchiveCheck
from serving.command_line import touchstone
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import AuditLine, Hospital, InstanceRow
from serving.deliver import signing_keys
from serving.intake import Intake, Limits, Refused
from serving.opened_service import open_service
from serving.recording import Sender
from serving.retention import Purge
from serving.retention_settings import Retention
from serving.service_config import ServiceConfig, load_service_config
from tests.serving.conftest import _at_server, object_bytes

CITY = Sender("city", "dimse", "CITY_CT")
HOSPITALS = [{"id": "city", "name": "city", "level": "tertiary_a", "peers": ["CITY_CT"]}]


@dataclass(frozen=True)
class Running:
    """A service that takes objects."""

    config: ServiceConfig
    database: Database
    archive: FolderArchive

    def take(self, number: int) -> None:
        content = object_bytes(InstanceNumber=number, SOPInstanceUID=f"1.2.{number}")
        Intake(self.database, self.archive, Limits()).take(content, CITY)

    def rows(self) -> list[tuple[str, str]]:
        with self.database.reading() as session:
            found = session.execute(
                select(InstanceRow.sop_instance_uid, InstanceRow.archive_key).order_by(InstanceRow.id)
            )
            return [(uid, key) for uid, key in found]

    def content(self, key: str) -> bytes:
        with self.archive.open(key) as stream:
            return stream.read()


def config_of(state: Path, url: str) -> ServiceConfig:
    content = {
        "state": str(state),
        "hospitals": HOSPITALS,
        "database": {"url": "" if url.startswith("sqlite") else url},
    }
    return ServiceConfig.model_validate(content)


@pytest.fixture
def make_running(tmp_path: Path) -> Iterator[Callable[[str, str], Running]]:
    """A function from a name and the URL of a database without tables to a service on it."""
    opened: list[Database] = []

    def make(name: str, url: str) -> Running:
        config = config_of(tmp_path / name, url)
        config.state_folder.mkdir()
        database = open_database(config.database_url({}))
        opened.append(database)
        return Running(config, database, FolderArchive(config.archive_folder))

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def running(make_running: Callable[[str, str], Running], empty_database_url: str) -> Running:
    """A service with two objects, one that is broken, and a line in the audit chain."""
    made = make_running("before", empty_database_url)
    schema.upgrade(made.database)
    with made.database.writing() as session:
        session.add(Hospital(id="city", name="city", level="tertiary_a", alliances=[], issuer="c"))
        audit.append(session, "service", "began", "service", {"名": 1})
    made.take(1)
    made.take(2)
    with pytest.raises(Refused):
        Intake(made.database, made.archive, Limits()).take(b"no DICOM", CITY)
    return made


@pytest.fixture
def empty(
    make_running: Callable[[str, str], Running],
    running: Running,
    empty_database_url: str,
    request: pytest.FixtureRequest,
) -> Iterator[Running]:
    """A service that holds nothing, on a database of the same kind."""
    if not running.database.is_postgres:
        yield make_running("after", "sqlite://")
        return
    server = request.getfixturevalue("postgres_server")
    _at_server(server.format("postgres"), "CREATE DATABASE restored")
    made = make_running("after", server.format("restored"))
    yield made
    made.database.close()
    _at_server(server.format("postgres"), "DROP DATABASE restored WITH (FORCE)")


def back_up(running: Running, folder: Path) -> tuple[Path, backup.Manifest]:
    return backup.back_up(running.config, running.database, running.archive, folder)


def restore(running: Running, state: Path) -> backup.Manifest:
    return backup.restore(running.config, running.database, running.archive, state)


def test_all_that_was_acknowledged_comes_back_and_the_service_starts(
    running: Running, empty: Running, tmp_path: Path
) -> None:
    (running.config.state_folder / "secret_key").write_text("k" * 32)
    state, manifest = back_up(running, tmp_path / "backup")
    assert (manifest.objects, manifest.lacking, manifest.revision) == (3, 0, schema.newest())
    rows = running.rows()
    running.take(3)  # after the backup: not in it
    assert restore(empty, state) == manifest
    assert empty.rows() == rows
    for _, key in rows:
        assert empty.content(key) == running.content(key)
    assert list(ArchiveCheck(empty.database, empty.archive).faults(digests=True)) == []
    with empty.database.reading() as session:
        checked = audit.verify(session)
        assert session.scalars(select(AuditLine)).one().detail == {"名": 1}
    assert (checked.faults, checked.tip) == ((), (manifest.audit_lines, manifest.audit_digest))
    service = open_service(empty.config, {})
    assert service.secrets.key == "k" * 32
    empty.take(4)
    assert len(empty.rows()) == 3
    service.database.close()


def test_only_new_objects_are_copied_again_and_old_states_are_forgotten(running: Running, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    first, _ = back_up(running, folder)
    copies = {path: path.stat().st_ino for path in (folder / "archive").rglob("*") if path.is_file()}
    running.take(3)
    Purge(running.database, running.archive, Retention()).erase(1, "asked for", "command")
    running.take(3)
    (folder / "2020-01-01T00-00-00-dead").mkdir()  # a backup that was killed
    second, manifest = back_up(running, folder)
    assert backup.states(folder) == [first, second]
    assert manifest.objects == 2
    assert {path.stat().st_ino for path in copies} == set(copies.values())
    assert backup.forget(folder, keep=1) == 2
    assert backup.states(folder) == [second]
    kept = {
        path.relative_to(folder / "archive").as_posix() for path in (folder / "archive").rglob("*") if path.is_file()
    }
    assert len(kept) == 2
    assert kept >= {key for _, key in running.rows()}


def test_what_is_purged_while_it_is_copied_is_not_missed(
    running: Running, empty: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = Purge(running.database, running.archive, Retention())
    copied = backup._copied

    def meanwhile(*arguments: object) -> bool:
        monkeypatch.setattr(backup, "_copied", copied)
        purge.erase(1, "asked for", "command")
        return copied(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_copied", meanwhile)
    state, manifest = back_up(running, tmp_path / "backup")
    assert (manifest.objects, manifest.lacking) == (1, 0)
    restore(empty, state)
    assert empty.rows() == []


def test_what_the_archive_lost_is_counted_and_the_rest_comes_back(
    running: Running, empty: Running, tmp_path: Path
) -> None:
    (_, lost), (_, kept) = running.rows()
    running.archive.delete(lost)
    state, manifest = back_up(running, tmp_path / "backup")
    assert (manifest.objects, manifest.lacking) == (3, 1)
    restore(empty, state)
    assert empty.content(kept) == running.content(kept)
    assert [fault.key for fault in ArchiveCheck(empty.database, empty.archive).faults(digests=False)] == [lost]


def test_a_broken_backup_is_told_and_leaves_no_database(running: Running, empty: Running, tmp_path: Path) -> None:
    state, manifest = back_up(running, tmp_path / "backup")
    an_object = tmp_path / "backup" / "archive" / running.rows()[1][1]
    for broken, told in (
        (state / manifest.database, "changed since"),
        (state / "objects.txt", "changed since"),
        (an_object, "changed since"),
        (state / "manifest.json", "no state of a backup"),
    ):
        whole = broken.read_bytes()
        broken.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(InputError, match=told):
            restore(empty, state)
        broken.write_bytes(whole)
    whole = (state / "manifest.json").read_bytes()
    (state / "manifest.json").write_text(json.dumps(json.loads(whole) | {"revision": "v9999"}))
    with pytest.raises(ServiceError, match="of a newer version"):
        restore(empty, state)
    if empty.database.is_postgres:
        with empty.database.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    else:
        assert not Path(str(empty.config.database_url({}).database)).exists()
    (state / "manifest.json").write_bytes(whole)
    restore(empty, state)  # what the broken ones brought does no harm
    assert empty.rows() == running.rows()


def test_a_service_that_holds_something_is_left_alone(running: Running, tmp_path: Path) -> None:
    state, _ = back_up(running, tmp_path / "backup")
    with pytest.raises(ServiceError, match=r"restore into an empty"):
        restore(running, state)  # its database has tables
    running.take(3)
    with pytest.raises(ServiceError, match="archive holds objects"):
        restore(running, state)


def test_the_commands(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    service = open_service(load_service_config(state=before), {})
    service.intake.take(object_bytes(), Sender("example-city", "dimse", "CITY_CT"))
    service.database.close()

    def call(*words: str) -> str:
        answer = CliRunner().invoke(touchstone, [*words], prog_name="touchstone")
        return f"{answer.exit_code} {answer.output}"

    folder = str(tmp_path / "backup")
    assert call("restore", str(tmp_path), "--state", str(after)).startswith("3 touchstone: ")
    assert "1 objects of" in call("backup", folder, "--state", str(before))
    assert call("backup", folder, "--state", str(before), "--keep", "1").endswith("1 older states deleted\n")
    assert call("restore", folder, "--state", str(after)).startswith("0 1 objects, ")
    assert call("archive", "check", "--state", str(after)).startswith("0 0 objects missing")
    assert call("restore", folder, "--state", str(after)).startswith("1 touchstone: ")
    assert "holds the states" in call("restore", folder, "--state", str(after), "--of", "yesterday")


def test_every_secret_that_a_trial_keeps_is_copied() -> None:
    assert set(backup.TRIAL_SECRETS) == {service_config._KEY_FILE, signing_keys._TRIAL_FILE}
