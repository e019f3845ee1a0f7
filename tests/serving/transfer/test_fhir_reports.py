"""Reports come in by FHIR: who may send them, what is answered, and that nothing of a patient gets into a log or an address."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from serving.database.tables import RadiologyReport
from serving.transfer import fhir_reports
from serving.transfer.stow import MOST_OF_CALLER
from tests.serving.conftest import object_bytes
from tests.serving.sent_reports import diagnostic_report, patient
from tests.serving.transfer.conftest import Web
from tests.serving.transfer.test_stow import body, store

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATH = "/fhir/DiagnosticReport"
TYPE = "application/fhir+json"


def post(client: httpx.Client, content: Any, content_type: str = TYPE) -> httpx.Response:
    return client.post(PATH, content=content, headers={"Content-Type": content_type})


def issue(response: httpx.Response) -> dict[str, Any]:
    """The one issue of an OperationOutcome."""
    assert response.headers["content-type"] == TYPE
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (found,) = outcome["issue"]
    return dict(found)


def kept(web: Web) -> list[RadiologyReport]:
    with web.service.opened.database.reading() as session:
        return list(session.scalars(select(RadiologyReport).order_by(RadiologyReport.id)))


def test_a_report_is_kept_before_its_study_and_after_it(web: Web) -> None:
    client = web.client()
    first = post(client, diagnostic_report("1.2.3"))
    (row,) = kept(web)
    assert (first.status_code, first.headers["location"]) == (201, f"{web.url}{PATH}/{row.id}")
    assert issue(first) == {
        "severity": "information",
        "code": "informational",
        "diagnostics": "the report is kept; it waits for its study",
    }
    assert (row.hospital_id, row.study_uid) == ("city", "1.2.3")
    store(client, body(object_bytes(StudyInstanceUID="1.2.3")))
    again = post(client, diagnostic_report("1.2.3"), f"{TYPE}; charset=utf-8")
    assert (again.status_code, again.headers["location"]) == (200, first.headers["location"])
    assert issue(again)["diagnostics"] == "the report was kept before; nothing is changed"
    changed = post(client, diagnostic_report("1.2.3", status="preliminary"), "application/json")
    assert (changed.status_code, changed.headers["location"]) == (200, first.headers["location"])
    taken_back = post(client, diagnostic_report("1.2.3", status="entered-in-error"))
    assert (taken_back.status_code, "location" in taken_back.headers) == (200, False)
    assert kept(web) == []


@on_sqlite
def test_a_hospital_never_hears_of_the_study_of_another(web: Web) -> None:
    store(web.client(), body(object_bytes(StudyInstanceUID="1.2.3")))
    response = post(web.client("county"), diagnostic_report("1.2.3"))
    assert issue(response)["diagnostics"] == "the report is kept; it waits for its study"


@on_sqlite
@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        pytest.param(diagnostic_report()[:-5], TYPE, 400, "structure", id="cut"),
        pytest.param(json.dumps(patient()).encode(), TYPE, 400, "invalid", id="another resource"),
        pytest.param(diagnostic_report(status="x"), TYPE, 400, "value", id="no status"),
        pytest.param(diagnostic_report(imagingStudy=None), TYPE, 422, "required", id="of no study"),
        pytest.param(diagnostic_report(), "text/xml", 415, "not-supported", id="another type"),
        pytest.param(b"<DiagnosticReport/>", "application/fhir+xml", 415, "not-supported", id="XML"),
        pytest.param(b"", "", 415, "not-supported", id="nothing"),
        pytest.param(b" " * (fhir_reports.LARGEST + 1), TYPE, 413, "too-long", id="too large"),
    ],
)
def test_what_is_refused_and_how(web: Web, content: bytes, content_type: str, status: int, code: str) -> None:
    response = post(web.client(), content, content_type)
    assert response.status_code == status
    assert (issue(response)["severity"], issue(response)["code"]) == ("error", code)
    assert kept(web) == []


@on_sqlite
def test_a_large_document_may_be_attached(web: Web) -> None:
    attached = [{"contentType": "application/pdf", "data": "JVBERi0x" * 500_000}]
    assert post(web.client(), diagnostic_report(conclusion=None, presentedForm=attached)).status_code == 201
    (row,) = kept(web)
    assert row.form["empty"] is False
    assert len(json.dumps(row.form)) < 1000


@on_sqlite
def test_who_may_send(web: Web) -> None:
    content = diagnostic_report()
    refused = [
        (post(web.stranger(), content), 401, "login"),
        (post(web.stranger(Authorization="Bearer x"), content), 401, "login"),
        (post(web.client(role="doctor"), content), 403, "forbidden"),
        (post(web.client(hospital_id=None), content), 403, "forbidden"),
    ]
    assert [(one.status_code, issue(one)["code"]) for one, _, _ in refused] == [(to, code) for _, to, code in refused]
    assert kept(web) == []


@on_sqlite
def test_nobody_holds_all_places(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import ExitStack

    client = web.client()
    read = fhir_reports._body

    async def slowly(request: Any) -> bytes:
        with ExitStack() as places:
            for _ in range(MOST_OF_CALLER - 1):
                places.enter_context(request.app.state.uploads.place("key:1"))
            with pytest.raises(Exception, match="too many"):
                places.enter_context(request.app.state.uploads.place("key:1"))
            return await read(request)

    monkeypatch.setattr(fhir_reports, "_body", slowly)
    assert post(client, diagnostic_report()).status_code == 201


@on_sqlite
def test_nothing_of_the_patient_or_the_findings_gets_into_logs_addresses_and_answers(
    web: Web, capfd: pytest.CaptureFixture[str]
) -> None:
    client = web.client()
    secrets = ("张三", "SIM0001", "1980", "R-1", "未见异常", "李四")
    answers = [
        post(client, content)
        for content in (
            diagnostic_report(),
            diagnostic_report(issued="张三"),
            diagnostic_report(张三="SIM0001"),
            diagnostic_report()[:-10],
        )
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 400, 400]
    told = "".join(answer.text + str(answer.headers) for answer in answers) + "".join(capfd.readouterr())
    assert not [secret for secret in secrets if secret in told]
    (row,) = kept(web)
    assert not [
        secret for secret in ("R-1", "未见异常", "李四", "胸部") if secret in json.dumps(row.form, ensure_ascii=False)
    ]
