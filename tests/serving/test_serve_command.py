"""`touchstone serve` runs the whole service: what is killed comes back, nothing acknowledged is lost, and it ends when told to."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from serving.auth.accounts import digest_of_key
from serving.database.sessions import open_database, utc_now
from serving.database.tables import ApiKey
from serving.service_config import load_service_config
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from serving.command_line import main; main()", "serve"]
CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """The configuration of a small centre; its studies close after a second."""
    (tmp_path / "gateway").mkdir()
    hospital = {
        "id": "city",
        "name": "City",
        "level": "tertiary_a",
        "peers": ["CITY_CT"],
        "watched_folders": [str(tmp_path / "gateway")],
    }
    content = {
        "hospitals": [hospital],
        "web": {"port": free_port()},
        "dimse": {"port": free_port()},
        "closing": {"quiet_s": 0.5, "settle_s": 0},
        "worker": {"pixels": False, "models": False},
    }
    path = tmp_path / "service.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


class Running:
    """A service that runs."""

    def __init__(self, process: subprocess.Popen[bytes], config_file: Path, log: Path) -> None:
        self.process = process
        self.config = load_service_config(config_file, state=config_file.parent / "state")
        self.log = log
        self.url = f"http://127.0.0.1:{self.config.web.port}"

    def children(self) -> dict[int, str]:
        """The processes below it, by their ids."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        words = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in listed}
        return {pid: command[-2].decode() for pid, command in words.items() if len(command) > 1}  # or it has just ended

    def until(self, asked: Any) -> Any:
        """What a question answers, once that is not nothing."""
        for _ in range(2400):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if answer := asked():
                    return answer
            except (OSError, httpx.TransportError):
                pass
            threading.Event().wait(0.05)
        raise AssertionError(self.log.read_text())

    def store(self, content: bytes) -> bool:
        """Whether a device's object was acknowledged."""
        ae = AE("CITY_CT")
        ae.add_requested_context(CT, ExplicitVRLittleEndian)
        association = ae.associate("127.0.0.1", self.config.dimse.port, ae_title="TOUCHSTONE")
        if not association.is_established:
            return False
        status = association.send_c_store(dcmread(BytesIO(content)))
        association.release()
        return "Status" in status and status.Status == 0x0000


@pytest.fixture
def running(config_file: Path, tmp_path: Path) -> Iterator[Running]:
    """The whole service, as a process."""
    log = tmp_path / "log"
    with log.open("wb") as stream:
        options = ["--config", str(config_file), "--state", str(tmp_path / "state")]
        process = subprocess.Popen([*COMMAND, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=stream)
    yield Running(process, config_file, log)
    process.kill()
    process.communicate()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pynetdicom leaves a socket that nobody answered
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_whole_service(running: Running, tmp_path: Path) -> None:
    with httpx.Client(base_url=running.url, timeout=60) as client:
        running.until(lambda: client.get("/ready").status_code == 200)
        first = object_bytes(InstanceNumber=1)
        running.until(lambda: running.store(first))
        before = running.children()
        assert sorted(before.values()) == ["receive", "web", "worker"]
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        running.until(lambda: len(running.children()) == 3 and not before.keys() & running.children().keys())
        running.until(lambda: client.get("/ready").status_code == 200)
        running.until(lambda: running.store(object_bytes(InstanceNumber=2)))
        (tmp_path / "gateway" / "3.dcm").write_bytes(object_bytes(InstanceNumber=3))
        database = open_database(running.config.database_url({}))
        with database.writing() as session:
            key = ApiKey(
                name="x", digest=digest_of_key("secret"), role="sender", hospital_id="city", created_at=utc_now()
            )
            session.add(key)
        database.close()
        client.headers["Authorization"] = "Bearer secret"

        def studies() -> list[Any]:
            found: list[Any] = client.get("/dicom-web/studies").json()
            return found

        running.until(lambda: studies()[0]["00201208"]["Value"] == [3])
    running.process.send_signal(signal.SIGTERM)
    printed, _ = running.process.communicate(timeout=120)
    assert running.process.returncode == 0
    assert printed.decode().splitlines() == [
        f"web    {running.url}",
        f"DICOM  TOUCHSTONE at 127.0.0.1:{running.config.dimse.port}",
    ]
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert {line["process"] for line in lines} >= {"serve", "web"}
    assert [line for line in lines if line["level"] == "error" and line["event"] != "process ended"] == []


@pytest.mark.parametrize(
    ("process", "content", "told"),
    [
        ([], "hospitals: []", "hospitals: Tuple should have at least 1 item"),
        (["receive"], "hospitals: [{id: city, name: City, level: tertiary_a}]", "there is nothing to receive"),
        (["web"], "mode: production\nhospitals: [{id: city, name: City, level: tertiary_a}]", "TOUCHSTONE_SECRET_KEY"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_2(tmp_path: Path, process: list[str], content: str, told: str) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(content)
    call = [*COMMAND, "--config", str(path), "--state", str(tmp_path / "state"), *process]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")}
    ended = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert told in ended.stderr
