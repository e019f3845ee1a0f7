"""What tests of deliveries share: a service whose clock a test moves, judged studies, and receivers that listen by HTTP."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import simulate_study
from serving.database.sessions import Database
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.deliver.judged_studies import START, Judged, examined, passed
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import free_port, make_service, serve_web, service, web

ORTHANC_PLUGINS = (
    Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    Path("/usr/lib/orthanc/libOrthancDicomWeb.so"),
)
__all__ = ["make_service", "serve_web", "service", "web"]


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(START)
    database.now = told
    return told


@pytest.fixture(scope="session")
def small_hand(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A study that is rejected: both views of a hand, of few pixels."""
    item = load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND")
    return examined(simulate_study(item, tmp_path_factory.mktemp("hand"), size="small").folder)


@pytest.fixture(scope="session")
def hand(small_hand: Judged) -> Judged:
    """The same study, as if it had enough of them."""
    return passed(small_hand)


@dataclass
class Listening:
    """A receiver by HTTP: what it was sent, and what it answers next."""

    url: str
    status: int = 200
    location: str = ""
    waits: threading.Event | None = None
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def listen() -> Iterator[Callable[[], Listening]]:
    """A function that starts a real HTTP server on this machine."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start() -> Listening:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listening.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                if listening.waits is not None:
                    listening.waits.wait(30)
                self.send_response(listening.status)
                if listening.location:
                    self.send_header("Location", listening.location)
                self.send_header("Content-Length", "6")
                self.end_headers()
                self.wfile.write(b"SECRET")

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        listening = Listening(f"http://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return listening

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Orthanc:
    """A real PACS on this machine, with its DICOMweb plug-in; `http` asks it."""

    dicom_port: int
    http: httpx.Client

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")


@pytest.fixture(scope="session")
def orthanc() -> Iterator[Orthanc]:
    """Orthanc, in a folder and at ports of its own; skips where it is not installed."""
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    plugin = next((path for path in ORTHANC_PLUGINS if path.exists()), None)
    if not Path(program).exists() or plugin is None:
        pytest.skip("Orthanc and its DICOMweb plug-in are not installed")
    folder = Path(tempfile.mkdtemp(prefix="touchstone-orthanc-"))
    dicom_port, http_port = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": "CITY_PACS",
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = (folder / "log").open("wb")
    environment = {**os.environ, "TCP_NODELAY": "1"}
    process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log, env=environment)
    client = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=20, trust_env=False)
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                client.get("/system").raise_for_status()
                break
            except httpx.TransportError:
                threading.Event().wait(0.05)
        yield Orthanc(dicom_port, client)
    finally:
        client.close()
        process.terminate()
        process.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
