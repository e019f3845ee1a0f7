"""The processes of a service, its database server and its Ray node, to be killed without warning and started again."""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from qc_models.errors import ServiceError
from serving.database.sessions import Database
from serving.started_service import Prepared

_START_S = 120.0
_LANES = 3  # threads of a worker beside its first
_JOINS_S = 20.0  # that a Ray node needs until it works


class Killable(Protocol):
    """Something that may be killed."""

    name: str

    def kill(self) -> None:
        """Kills it, by SIGKILL; returns once it is gone."""
        ...

    def start(self) -> None:
        """Starts it again."""
        ...

    def is_ready(self) -> bool:
        """Whether it is at work."""
        ...


class ServiceProcess:
    """One process of a service."""

    def __init__(self, prepared: Prepared, name: str, log: Path) -> None:
        self.name = name
        self._prepared = prepared
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def kill(self) -> None:
        """Kills it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        """Starts it."""
        self._process = self._prepared.start(self._log, self.name)

    def is_ready(self) -> bool:
        """Whether web or receive answers, or the worker has begun its lanes; one that found no database is started again."""
        if not self.lives():
            self.start()
        assert self._process is not None
        config = self._prepared.config
        try:
            if self.name == "worker":
                return len(os.listdir(f"/proc/{self._process.pid}/task")) > _LANES
            port = config.web.port if self.name == "web" else config.dimse.port
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        """Asks it to end, and waits for that."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


class PostgresServer:
    """A PostgreSQL server that somebody else started in a folder; it is started again as it was."""

    name = "database"

    def __init__(self, data: Path, database: Database) -> None:
        self._data = data
        self._database = database
        program, *options = shlex.split((data / "postmaster.opts").read_text())
        without_folder = [word for word in options if word not in ("-D", str(data))]
        self._start = [str(Path(program).with_name("pg_ctl")), "start", "-D", str(data), "-w", "-l"]
        self._start += [str(data.parent / "again.log"), "-o", shlex.join(without_folder)]

    def kill(self) -> None:
        """Kills the server; its children end by themselves."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        _until(lambda: _state(pid) == "Z", "the database did not end")

    def start(self) -> None:
        """Starts the server, as soon as the children of the one before have ended; returns once it takes connections."""
        who: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            nobody = pwd.getpwnam("nobody")
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

        def begun() -> bool:
            call = subprocess.run(
                self._start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._data.parent, **who
            )
            return call.returncode == 0

        _until(begun, "the database does not start again")

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with self._database.reading() as session:
                return session.scalar(select(1)) == 1
        except ServiceError:
            return False


class RayNode:
    """A node of a Ray cluster on this machine that is not its head; the examiners on it die with it."""

    name = "ray node"

    def __init__(self, ray: Path, address: str, cpus: int) -> None:
        self._command = (str(ray), "start", "--address", address, "--num-cpus", str(cpus), "--block")
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self.start()

    def kill(self) -> None:
        """Kills the node with all that runs on it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def start(self) -> None:
        """Starts a node, which joins the cluster."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a group to be killed as one
        )
        self._started_at = time.monotonic()

    def is_ready(self) -> bool:
        """Whether it had the time to join."""
        return time.monotonic() - self._started_at > _JOINS_S


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


def _until(there: Callable[[], bool], told: str) -> None:
    until = time.monotonic() + _START_S
    while not there():
        if time.monotonic() > until:
            raise ServiceError(told)
        time.sleep(0.05)
