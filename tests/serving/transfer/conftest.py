"""What tests of transfers share: a service of two hospitals that listens on this machine, and ways to send to it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from sqlalchemy import select

from serving.archive import FolderArchive
from serving.database.sessions import Database
from serving.database.tables import InstanceRow, QuarantineRow, StudyRow
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


@pytest.fixture
def connect() -> Iterator[Callable[..., Association]]:
    """A function that opens an association to a receiver, with contexts of (SOP class, transfer syntaxes)."""
    opened: list[Association] = []

    def associate(
        receiver: Receiver, *contexts: tuple[str, list[str]], title: str = "CITY_CT", **options: Any
    ) -> Association:
        ae = AE(title)
        for sop_class, syntaxes in contexts:
            ae.add_requested_context(sop_class, syntaxes)
        host, port = receiver.address
        association = ae.associate(host, port, ae_title=options.pop("called", "TOUCHSTONE"), **options)
        opened.append(association)
        return association

    yield associate
    for association in opened:
        if association.is_established:
            association.abort()


def status_of(answer: Dataset) -> tuple[int, str]:
    """Status and comment of an answer."""
    return answer.Status, answer.get("ErrorComment", "")
