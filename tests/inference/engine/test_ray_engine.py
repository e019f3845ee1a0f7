"""What an engine on Ray says before it has reached any cluster, and how it reaches one that an administrator started."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from inference.engine.ray_engine import RayEngine
from inference.engine.section import EngineSection
from qc_models.errors import ConfigError, ServiceError
from tests.ray_processes import PATIENCE_S

JOINING = """
import sys
from inference.engine.ray_session import RaySession
from inference.engine.section import EngineSection
from qc_models.errors import ServiceError
section = EngineSection(kind="ray", address=sys.argv[1], least_examiners=1, most_examiners=1, cpus=1, wait_s=float(sys.argv[2]))
try:
    session = RaySession(section)
except ServiceError as error:
    sys.exit(str(error))
print(session.num_examiners(), "examiners")
session.leave()
"""


def test_a_head_that_does_not_answer_is_told_at_once() -> None:
    away = RayEngine(EngineSection(kind="ray", address="127.0.0.1:1"))
    with pytest.raises(ServiceError, match=r"Ray's head at 127\.0\.0\.1:1 does not answer; start it"):
        away._joined()
    assert away.health().reason == "Ray's head at 127.0.0.1:1 does not answer; start it"
    away.close()


def test_ray_without_authentication_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ConfigError, match="RAY_AUTH_MODE"):
        RayEngine(EngineSection(kind="ray"))


def test_addresses_are_those_of_sockets() -> None:
    for wrong in ("nowhere", "127.0.0.1:x", "::1"):
        away = RayEngine(EngineSection(kind="ray", address=wrong))
        with pytest.raises(ServiceError, match="does not answer"):
            away._joined()


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in its place, which whoever starts or joins Ray finds."""
    (tmp_path / "token").write_text("0f" * 32)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)


@contextmanager
def started_head(**environment: str) -> Iterator[str]:
    """The address of a head as an administrator starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = Path(sys.executable).with_name("ray")
    command = (ray, "start", "--head", "--port", f"{port}", "--num-cpus", "1", "--include-dashboard=false", "--block")
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ | environment) as head:
        try:
            until = time.monotonic() + PATIENCE_S
            while head.poll() is None and time.monotonic() < until:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            head.terminate()


def joined(address: str, wait_s: float = 120) -> subprocess.CompletedProcess[str]:
    """In a process of its own: Ray reads once whether it has to show a token."""
    return subprocess.run([sys.executable, "-c", JOINING, address, f"{wait_s}"], capture_output=True, text=True)


@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("token")
def test_a_head_that_is_named_is_shown_the_token() -> None:
    with started_head() as address:
        done = joined(address)
    assert (done.returncode, done.stdout) == (0, "1 examiners\n"), done.stderr


@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("token")
def test_a_head_that_was_started_without_the_token_is_told() -> None:
    with started_head(RAY_AUTH_MODE="disabled") as address:
        done = joined(address, 75)
    assert done.returncode == 1
    assert "do not reach this process; give it and all of them one token" in done.stderr
