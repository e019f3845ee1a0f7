"""The FHIR transaction: valid by the library's models and schemas, about the study and nobody else, and the same every time."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jsonschema
import pytest
from fhir.resources.R4B import get_fhir_model_class

from qc_models.report import QcReport
from serving import verdicts
from serving.database.tables import StudyRow
from serving.deliver.channels import make_lanes
from serving.deliver.fhir_bundle import bundle_of
from serving.deliver.receivers import deliveries_of
from serving.deliver.told_verdict import ToldVerdict
from tests.serving.deliver.conftest import Listening
from tests.serving.deliver.judged_studies import POLICY, Judged, judge, told
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
QC = "https://qc.example"


def made(found: ToldVerdict, **systems: str) -> dict[str, Any]:
    """A bundle as a server receives it, valid: by the models, when it was made, and by their schemas."""
    bundle: dict[str, Any] = json.loads(bundle_of(found, QC, systems).model_dump_json(exclude_none=True))
    for entry in bundle["entry"]:
        kind = entry["resource"]["resourceType"]
        content = {name: value for name, value in entry["resource"].items() if name != "resourceType"}
        jsonschema.validate(content, schema_of(kind))
    return bundle


@cache
def schema_of(kind: str) -> dict[str, Any]:
    """The schema that the library has of a resource."""
    schema: dict[str, Any] = get_fhir_model_class(kind).model_json_schema()
    return schema


def of_kind(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def reviewed(judged: Judged) -> Judged:
    """The study as one that a person is asked about."""
    return Judged(judged.files, QcReport({**judged.report.content, "verdict": "review"}))


def test_it_tells_study_verdict_findings_and_that_it_was_said(
    service: Service, clock: Clock, small_hand: Judged
) -> None:
    found = judge(service.opened, small_hand)
    bundle = made(found)
    (study,) = of_kind(bundle, "ImagingStudy")
    assert study["identifier"] == [{"system": "urn:dicom:uid", "value": f"urn:oid:{found.study.uid}"}]
    assert (study["numberOfSeries"], study["numberOfInstances"], study["started"]) == (2, 2, "2026-09-01")
    assert {series["bodySite"]["code"] for series in study["series"]} == {"85562004"}
    verdict, *findings = of_kind(bundle, "Observation")
    assert verdict["valueCodeableConcept"]["coding"][0]["code"] == "111235"
    assert verdict["status"] == "final"
    scores = {
        one["code"]["coding"][0]["code"]: one["valueQuantity"]["value"]
        for one in verdict["component"]
        if "valueQuantity" in one
    }
    assert scores["score.total"] == small_hand.report.content["score"]
    assert set(scores) >= {
        f"score.{name}" for name in ("completeness", "metadata", "body_part", "artifacts", "adequacy")
    }
    assert findings[0]["valueCodeableConcept"]["coding"][1]["code"] == "adequacy.resolution.pixel_pitch_mm"
    assert findings[0]["component"][0]["valueQuantity"]["unit"] == "mm"
    urls = {entry["resource"]["resourceType"]: entry["fullUrl"] for entry in bundle["entry"]}
    assert {one["derivedFrom"][0]["reference"] for one in (verdict, *findings)} == {urls["ImagingStudy"]}
    assert len(verdict["hasMember"]) == len(findings) == 4
    (event,) = of_kind(bundle, "AuditEvent")
    assert event["recorded"] == "2026-09-10T08:00:00Z"


def test_the_patient_is_an_issuer_and_an_id_alone(service: Service, clock: Clock, small_hand: Judged) -> None:
    found = judge(service.opened, small_hand)
    issuer = found.study.patient_issuer
    bundle = made(found, **{issuer: "https://city.example/patients"})
    subjects = [one["subject"] for one in of_kind(bundle, "Observation") + of_kind(bundle, "ImagingStudy")]
    expected = {"system": "https://city.example/patients", "value": found.study.patient_id}
    assert [one["identifier"] for one in subjects] == [expected] * len(subjects)
    assert made(found)["entry"][0]["resource"]["subject"]["identifier"]["system"] == f"urn:touchstone:issuer:{issuer}"
    for secret in (found.study.patient_name.split("^")[0], found.study.accession_number):
        assert secret
        assert secret not in json.dumps(bundle, ensure_ascii=False)
    nobody = replace(found, study=StudyRow(uid="1.2", patient_issuer="", patient_id="", modalities=[]))
    assert of_kind(made(nobody), "ImagingStudy")[0]["subject"] == {"type": "Patient", "display": "not identified"}


def test_sent_again_it_changes_nothing(service: Service, clock: Clock, small_hand: Judged, hand: Judged) -> None:
    first = judge(service.opened, small_hand)
    bundle, again = made(first), made(told(service.opened, first.verdict.id))
    other = made(judge(service.opened, hand))
    for one, same in zip(bundle["entry"], again["entry"], strict=True):
        assert (one["request"], one["fullUrl"]) == (same["request"], same["fullUrl"])
        assert one["request"].get("ifNoneExist") or "?identifier=" in one["request"]["url"]
    known = [[entry["request"]["ifNoneExist"] for entry in made["entry"]] for made in (bundle, other)]
    assert len(set(known[0])) == len(known[0])
    assert set(known[0]) & set(known[1]) == {f"identifier=urn:dicom:uid|urn:oid:{first.study.uid}"}


def test_a_verdict_names_the_one_that_it_replaces(
    service: Service, clock: Clock, small_hand: Judged, hand: Judged
) -> None:
    first = of_kind(made(judge(service.opened, small_hand)), "Observation")[0]
    second = of_kind(made(judge(service.opened, hand)), "Observation")[0]
    assert "extension" not in first
    assert second["extension"] == [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/observation-replaces",
            "valueReference": {"type": "Observation", "identifier": first["identifier"][0]},
        }
    ]
    assert second["identifier"] != first["identifier"]


def test_a_review_that_is_wanted_is_a_task_until_a_person_has_decided(
    service: Service, clock: Clock, small_hand: Judged
) -> None:
    base = judge(service.opened, reviewed(small_hand))
    assert base.review is not None
    entry = made(base)["entry"][-2]
    assert entry["request"] == {"method": "PUT", "url": f"Task?identifier={QC}/reviews|{base.review.id}"}
    assert (entry["resource"]["status"], entry["resource"]["intent"]) == ("requested", "order")
    assert of_kind(made(base), "Observation")[0]["status"] == "preliminary"
    with service.opened.database.writing() as session:
        study = session.get_one(StudyRow, base.study.id)
        final = verdicts.record_final(
            session, study, base.verdict, "pass", POLICY, base.review.id, "account:1", clock()
        )
        assert final is not None
        verdicts.make_current(session, study, final)
    done = made(told(service.opened, final.id))["entry"][-2]
    assert done["request"] == entry["request"]
    assert done["resource"]["status"] == "completed"


def test_a_server_gets_it_and_again(
    make_service: Callable[..., Service], clock: Clock, small_hand: Judged, listen: Callable[[], Listening]
) -> None:
    server = listen()
    opened = make_service(receivers=[{"name": "fhir", "fhir": {"url": server.url}}]).opened
    judge(opened, small_hand, deliveries_of(opened.config.receivers))
    (lane,) = make_lanes(opened)
    server.status = 503
    assert not lane.step()
    server.status = 200
    clock.seconds += 3600
    assert lane.step()
    (_, headers, first), (_, _, second) = server.requests
    assert headers["content-type"] == "application/fhir+json"
    assert first == second
    assert json.loads(second)["type"] == "transaction"
