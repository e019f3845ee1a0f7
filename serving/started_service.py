"""A whole service started for a while, as a process of its own: by the demonstration, and by benchmarks that send to it.

It runs `touchstone serve` on a configuration that is written into its state folder, at ports that nobody else listens at.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from sqlalchemy import select

from qc_models.errors import ServiceError
from serving.auth.accounts import Place, create_key, revoke_key
from serving.database.sessions import Database, open_database
from serving.database.tables import ApiKey
from serving.service_config import ServiceConfig, load_service_config
from serving.supervisor import SUPERVISOR

_TOUCHSTONE = (sys.executable, "-c", "from serving.command_line import main; main()")
_CONFIG, _LOG = "service.yaml", "service.log"
_ROOT = Path(__file__).resolve().parents[1]
READY_S = 120.0
END_S = 60.0


class StartedService:
    """A service that runs; `log` holds its lines of JSON."""

    def __init__(self, process: "subprocess.Popen[bytes]", prepared: "Prepared", log: Path) -> None:
        self.process = process
        self.config = prepared.config
        self.log = log
        self.url = prepared.url

    def wait_until_ready(self) -> None:
        """Returns once web and DICOM answer; ServiceError where they do not in time."""
        wait_until_ready(self.config, self.url, lambda: self.process.poll() is None, self.log)

    def open_database(self) -> Database:
        """Its database, to be closed by the caller."""
        return open_database(self.config.database_url(), pool_size=2)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration that was written for a service, and how its processes are started."""

    config: ServiceConfig
    path: Path

    def command(self, *process: str) -> tuple[str, ...]:
        """The words that start the whole service, or one of its processes."""
        return (*_TOUCHSTONE, "serve", "--config", str(self.path), "--state", self.config.state, *process)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.config.web.host}:{self.config.web.port}"

    def start(self, log: Path, *process: str) -> "subprocess.Popen[bytes]":
        """Starts it, or one of its processes, which ends with this process; what it says is added to a file."""
        environment = {**os.environ, SUPERVISOR: str(os.getpid())}
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.command(*process),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment,
            )


def prepare(content: Mapping[str, Any], state: Path) -> Prepared:
    """Writes a configuration into a state folder, which may be there already; ports that somebody listens at become free ones."""
    state = state.absolute()
    state.mkdir(parents=True, exist_ok=True)
    settings = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    for section, usual in (("web", 8080), ("dimse", 11112)):
        settings.setdefault(section, {})["port"] = _free(settings.get(section, {}).get("port", usual))
    path = state / _CONFIG
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return Prepared(load_service_config(path, state=state), path)


@contextmanager
def started(content: Mapping[str, Any], state: Path) -> Iterator[StartedService]:
    """Runs a service by the content of a configuration file; ends it at the end."""
    prepared = prepare(content, state)
    log = Path(prepared.config.state) / _LOG
    process = prepared.start(log)
    try:
        yield StartedService(process, prepared, log)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(config: ServiceConfig, url: str, lives: Callable[[], bool], log: Path) -> None:
    """Returns once web and DICOM answer; ServiceError where they do not in time."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until and lives():
        with suppress(OSError, httpx.HTTPError):
            if httpx.get(f"{url}/ready", timeout=5).status_code == httpx.codes.OK:
                socket.create_connection((config.dimse.host, config.dimse.port), 5).close()
                return
        time.sleep(0.1)
    raise ServiceError(f"the service did not start; see {log}")


def make_key(database: Database, name: str, role: str, hospital_id: str | None = None) -> str:
    """A key for a program; one of this name, role and hospital that was made before serves no more."""
    place = Place(role, hospital_id)
    with database.writing() as session:
        for old in session.scalars(
            select(ApiKey).where(
                ApiKey.name == name, ApiKey.role == role, ApiKey.hospital_id.is_not_distinct_from(hospital_id)
            )
        ):
            if old.active:
                revoke_key(session, "service", old)
        return create_key(session, "service", database.now(), name, place)[1]


def _free(port: int) -> int:
    """The port, or a free one where somebody listens at it."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may still be ending
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError("no port is free; end what listens on this machine")
