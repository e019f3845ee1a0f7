"""What a process opens: an embedded service makes what it lacks, a centre's must be there."""

from pathlib import Path

import pytest

from qc_models.errors import ServiceError
from serving.opened_service import open_service
from serving.recording import Sender
from serving.service_config import DatabaseSection, load_service_config
from tests.serving.conftest import object_bytes


def test_an_embedded_service_is_made_by_whoever_comes_first(tmp_path: Path) -> None:
    config = load_service_config(state=tmp_path / "state", environ={})
    services = [open_service(config, {}) for _ in range(2)]
    content = object_bytes()
    outcomes = [
        service.intake.take(content, Sender("example-city", "dimse", "CITY_CT")).outcome for service in services
    ]
    assert outcomes == ["new", "same"]
    assert services[0].secrets.key == services[1].secrets.key
    for service in services:
        service.database.close()


def test_an_archive_that_is_not_mounted_is_not_begun_anew(tmp_path: Path) -> None:
    config = load_service_config(state=tmp_path / "state", environ={})
    service = open_service(config, {})
    service.intake.take(object_bytes(), Sender("example-city", "dimse", "CITY_CT"))
    config.archive_folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ServiceError, match="mount"):
        open_service(config, {})
    assert not config.archive_folder.exists()
    service.database.close()


def test_a_centre_must_have_the_tables_of_this_version(tmp_path: Path, postgres_server: str) -> None:
    config = load_service_config(state=tmp_path, environ={})
    section = DatabaseSection(url=postgres_server.format("postgres"))
    with pytest.raises(ServiceError, match="touchstone database upgrade"):
        open_service(config.model_copy(update={"database": section}), {})
