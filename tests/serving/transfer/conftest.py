"""What tests of transfers share: a service of two hospitals that listens on this machine, and ways to send to it."""

import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from sqlalchemy import select

from serving.api.web_server import make_server
from serving.archive import FolderArchive
from serving.auth.accounts import digest_of_key
from serving.database.sessions import Database, utc_now
from serving.database.tables import ApiKey, InstanceRow, QuarantineRow, StudyRow
from serving.intake import Intake, Limits
from serving.opened_service import OpenedService
from serving.service_config import Secrets, ServiceConfig
from serving.transfer.dimse import Receiver


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Service:
    """A service, and what it holds."""

    opened: OpenedService

    @property
    def instances(self) -> list[InstanceRow]:
        with self.opened.database.reading() as session:
            return list(session.scalars(select(InstanceRow).order_by(InstanceRow.id)))

    @property
    def studies(self) -> list[StudyRow]:
        with self.opened.database.reading() as session:
            return list(session.scalars(select(StudyRow).order_by(StudyRow.id)))

    @property
    def quarantined(self) -> list[QuarantineRow]:
        with self.opened.database.reading() as session:
            return list(session.scalars(select(QuarantineRow).order_by(QuarantineRow.id)))

    def content(self, row: InstanceRow) -> bytes:
        with self.opened.archive.open(row.archive_key) as stream:
            return stream.read()


@pytest.fixture
def make_service(tmp_path: Path, database: Database, hospitals: tuple[str, str]) -> Callable[..., Service]:
    """A function from sections of a configuration that differ to a service on an empty database."""

    def make(**sections: Any) -> Service:
        content: dict[str, Any] = {
            "state": str(tmp_path),
            "hospitals": [
                {"id": "city", "name": "city", "level": "tertiary_a", "peers": ["CITY_CT"]},
                {"id": "county", "name": "county", "level": "secondary_b", "peers": ["COUNTY_CT"]},
            ],
        }
        for name, section in sections.items():
            content[name] = {**content.get(name, {}), **section} if isinstance(section, dict) else section
        content["web"] = {"port": free_port(), **content.get("web", {})}
        content["dimse"] = {"port": free_port(), "timeout_s": 20, **content.get("dimse", {})}
        config = ServiceConfig.model_validate(content)
        archive = FolderArchive(config.archive_folder)
        intake = Intake(database, archive, Limits(config.intake.largest_mib << 20, wait_s=5))
        return Service(OpenedService(config, Secrets("k" * 32), database, archive, intake))

    return make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """A service with the usual settings."""
    return make_service()


@pytest.fixture
def receive(service: Service) -> Iterator[Receiver]:
    """The service, listening for devices."""
    receiver = Receiver(service.opened)
    yield receiver
    receiver.close()


@dataclass(frozen=True)
class Web:
    """The web application of a service, at its address; `client` calls it with a key of a role and a hospital, or with none."""

    service: Service
    url: str
    clients: list[httpx.Client]

    def stranger(self, **headers: str) -> httpx.Client:
        """A client without a key."""
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        self.clients.append(client)
        return client

    def client(self, hospital_id: str | None = "city", role: str = "sender") -> httpx.Client:
        key = secrets.token_urlsafe(24)
        with self.service.opened.database.writing() as session:
            session.add(
                ApiKey(
                    name=f"key of {hospital_id}",
                    digest=digest_of_key(key),
                    role=role,
                    hospital_id=hospital_id,
                    created_at=utc_now(),
                )
            )
        return self.stranger(Authorization=f"Bearer {key}")


@pytest.fixture
def serve_web() -> Iterator[Callable[[Service], Web]]:
    """A function that serves the web application of a service by a real server on this machine."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []
    clients: list[httpx.Client] = []

    def serve(service: Service) -> Web:
        server, listening = make_server(service.opened)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        return Web(service, f"http://127.0.0.1:{listening.getsockname()[1]}", clients)

    yield serve
    for client in clients:
        client.close()
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def web(service: Service, serve_web: Callable[[Service], Web]) -> Web:
    """The web application of the usual service."""
    return serve_web(service)


@pytest.fixture
def connect() -> Iterator[Callable[..., Association]]:
    """A function that opens an association to a receiver, with contexts of (SOP class, transfer syntaxes)."""
    opened: list[tuple[Association, socket.socket | None]] = []

    def associate(
        receiver: Receiver, *contexts: tuple[str, list[str]], title: str = "CITY_CT", **options: Any
    ) -> Association:
        ae = AE(title)
        for sop_class, syntaxes in contexts:
            ae.add_requested_context(sop_class, syntaxes)
        host, port = receiver.address
        association = ae.associate(host, port, ae_title=options.pop("called", "TOUCHSTONE"), **options)
        opened.append((association, association.dul.socket and association.dul.socket.socket))
        return association

    yield associate
    for association, connection in opened:
        if association.is_established:
            association.abort()
        association._kill = True  # `kill` may wait for ever
        association.dul.kill_dul()
        if connection is not None:  # pynetdicom leaves one open that the other side has closed
            connection.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and the key and certificate of two sides that it signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(*new, "-x509", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("service", "device"):
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
        run(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        run("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    return folder


def status_of(answer: Dataset) -> tuple[int, str]:
    """Status and comment of an answer."""
    return answer.Status, answer.get("ErrorComment", "")
