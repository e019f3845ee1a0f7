"""A whole service started for a while, as a process of its own: by the demonstration, and by benchmarks that send to it.

It runs `touchstone serve` on a configuration that is written into its state folder, at ports that nobody else listens at.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
READY_S = 60.0
END_S = 60.0


class StartedService:
    """A service that runs; `log` holds its lines of JSON."""

    def __init__(self, process: subprocess.Popen[bytes], config: ServiceConfig, log: Path) -> None:
        self.process = process
        self.config = config
        self.log = log
        self.url = f"http://{config.web.host}:{config.web.port}"

    def wait_until_ready(self, timeout_s: float = READY_S) -> None:
        """Returns once web and DICOM answer; ServiceError where they do not in time."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.1)
        raise ServiceError(f"the service did not start; see {self.log}")

    def _answers(self) -> bool:
        try:
            if httpx.get(f"{self.url}/ready", timeout=5).status_code != httpx.codes.OK:
                return False
            socket.create_connection((self.config.dimse.host, self.config.dimse.port), 5).close()
        except (OSError, httpx.HTTPError):
            return False
        return True

    def open_database(self) -> Database:
        """Its database, to be closed by the caller."""
        return open_database(self.config.database_url(), pool_size=2)

    def children(self) -> dict[int, str]:
        """Its processes by their ids: web, receive, worker."""
        try:
            pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:
            return {}
        found = {}
        for pid in pids:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            if len(words) > 1:
                found[int(pid)] = words[-2].decode()
        return found


@contextmanager
def started(
    content: Mapping[str, Any], state: Path, environ: Mapping[str, str] = os.environ
) -> Iterator[StartedService]:
    """Runs a service by the content of a configuration file, on state that may be there already; ends it at the end.

    Ports that somebody listens at are replaced by free ones.
    """
    state.mkdir(parents=True, exist_ok=True)
    settings = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    for section, usual in (("web", 8080), ("dimse", 11112)):
        settings.setdefault(section, {})["port"] = _free(settings.get(section, {}).get("port", usual))
    path = state / _CONFIG
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
    config = load_service_config(path, state=state)
    log = state / _LOG
    command: Sequence[str] = (*_TOUCHSTONE, "serve", "--config", str(path.absolute()), "--state", str(state.absolute()))
    ended_with = {**environ, SUPERVISOR: str(os.getpid())}
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=ended_with
        )
    try:
        yield StartedService(process, config, log)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
