"""The web application says whether it is alive and ready, tells errors without a patient's data, and loads nothing heavy."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import APIRouter
from sqlalchemy import text
from structlog.testing import capture_logs

from qc_models.errors import InputError, ServiceError
from serving.api import app as application
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service, Web

ROOT = Path(__file__).resolve().parents[3]
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_it_loads_neither_torch_nor_ray() -> None:
    code = (
        "import sys\n"
        "import serving.api.web_server, serving.serve_command\n"
        "from inference import reading\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'torch', 'ray', 'onnxruntime', 'monai'}))\n"
    ).replace("from inference import reading\n", "")
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert printed.strip() == ""


def test_it_is_alive_and_ready(web: Web) -> None:
    client = web.stranger()
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready"}


@on_sqlite
def test_it_is_not_ready_without_its_database_or_archive(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "READY_S", 0.0)
    client, opened = web.stranger(), web.service.opened
    with opened.database.writing() as session:
        session.execute(text("ALTER TABLE hospital RENAME TO elsewhere"))
    assert client.get("/ready").status_code == 503
    with opened.database.writing() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO hospital"))
    assert client.get("/ready").status_code == 200
    opened.config.archive_folder.rename(opened.config.state_folder / "moved")
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert client.get("/health").status_code == 200


@on_sqlite
def test_strangers_who_ask_often_cost_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "READY_S", 3600.0)
    client, folder = web.stranger(), web.service.opened.config.archive_folder
    assert client.get("/ready").status_code == 200
    folder.rename(folder.with_name("moved"))
    assert client.get("/ready").status_code == 200
    assert client.get("/health").status_code == 200


@on_sqlite
def test_errors_are_told_by_their_kind(
    service: Service, serve_web: Callable[[Service], Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()
    errors = {
        "ours": ServiceError("the disk is away"),
        "theirs": InputError("the study is none"),
        "mistake": ValueError("SECRET^NAME is no number"),
    }

    @router.get("/raise/{name}")
    def fail(name: str, number: int = 0) -> None:
        raise errors[name]

    monkeypatch.setattr(application, "ROUTERS", (router,))
    client = serve_web(service).stranger()
    with capture_logs() as logs:
        answers = {name: client.get(f"/raise/{name}", params={"number": 1}) for name in errors}
        wrong = client.get("/raise/ours", params={"number": "SECRET^NAME"})
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "ours": 503,
        "theirs": 422,
        "mistake": 500,
    }
    assert answers["ours"].json() == {"detail": "the disk is away"}
    assert wrong.status_code == 400
    assert wrong.json()["detail"][0]["loc"] == ["query", "number"]
    assert "SECRET" not in repr(([answer.text for answer in answers.values()], wrong.text, logs))
    assert [line["reason"].partition(" at ")[0] for line in logs if line["event"] == "request failed"] == ["ValueError"]
    requests = [line for line in logs if line["event"] == "request"]
    assert [(line["route"], line["code"]) for line in requests][-1] == ("/raise/{name}", 400)


@on_sqlite
def test_it_describes_itself_and_shows_no_page_of_another_host(web: Web) -> None:
    client = web.stranger()
    assert "/dicom-web/studies" in client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 404


@on_sqlite
def test_no_query_and_no_patient_gets_into_a_log(web: Web) -> None:
    client = web.client()
    with capture_logs() as logs:
        client.get("/dicom-web/studies", params={"PatientName": "SECRET^NAME"})
        client.get("/dicom-web/studies/1.2.3.4.5/metadata")
        client.get("/SECRET^NAME")
        client.post("/dicom-web/studies", content=object_bytes(PatientName="SECRET^NAME"))
    assert "SECRET" not in repr(logs)
    assert [line["route"] for line in logs if line["event"] == "request"] == [
        "/dicom-web/studies",
        "/dicom-web/studies/{study_uid}/metadata",
        "none",
        "/dicom-web/studies",
    ]
