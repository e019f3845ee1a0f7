"""What tests of deliveries share: a service whose clock a test moves, judged studies, and receivers that listen by HTTP."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import simulate_study
from serving.database.sessions import Database
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.deliver.judged_studies import START, Judged, examined, passed
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import make_service, serve_web, service, web

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
