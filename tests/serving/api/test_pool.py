"""The pool over HTTP: a doctor looks up, answers, and is counted; nobody asks for another hospital."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from qc_models.policy import load_policy
from serving import pool
from serving.database.tables import AuditLine, OutboxRow, PoolEntry, Review, StudyRow
from tests.serving.api.conftest import Person
from tests.serving.made_rows import made_report, made_study, made_verdict
from tests.serving.transfer.conftest import Web

PATIENT = {"issuer": "city-issuer", "id": "7"}
PERSON = {"name": "Zhang^San=张^三", "birth_date": "1980-01-01", "sex": "M"}
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def entry(web: Web) -> PoolEntry:
    """A chest CT of the city in the pool, made yesterday."""
    opened = web.service.opened
    now = opened.database.now()
    with opened.database.writing() as session:
        study = made_study(session, state="scored", study_date=now.astimezone().date() - timedelta(days=1))
        verdict = made_verdict(session, study)
        study.verdict_id = verdict.id
        key = pool.person_key(opened.secrets.key)
        person = pool.person_digest(key, study.patient_name, study.patient_birth_date, study.patient_sex)
        (made,) = pool.offer(session, study, verdict, made_report({"CT-CHEST": "pass"}), person, now)
        return made


def asked(patient: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"patient": patient, "item": "CT-CHEST"} | fields


def test_a_doctor_finds_takes_and_is_counted(web: Web, person: Person, entry: PoolEntry) -> None:
    doctor = person("doctor", "county")
    for patient in (PATIENT, PERSON, PATIENT | PERSON):
        answer = doctor.post("/api/pool/lookup", json=asked(patient))
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()["eligible"]
        assert (found["entry_id"], found["state"], found["acceptance"]) == (entry.id, "active", "always")
    with web.service.opened.database.reading() as session:
        (look,) = session.scalars(select(AuditLine).where(AuditLine.action == "looked"))
    assert (look.subject, look.detail) == (f"study:{entry.study_id}", {"at": "lookup"})
    answer = doctor.post(f"/api/pool/entries/{entry.id}/answer", json={"accepted": True})
    assert answer.status_code == 201, answer.text
    refusal = {"accepted": False, "reason": "quality_insufficient", "comment": "moved"}
    assert person("doctor", "city").post(f"/api/pool/entries/{entry.id}/answer", json=refusal).status_code == 201
    statistics = person("lead").get("/api/pool/statistics").json()
    assert (statistics["repeats_avoided"], statistics["refused"]) == (1, 1)
    assert {"producer": "city", "item_id": "CT-CHEST", "accepted": True, "reason": "", "times": 1} in statistics[
        "counts"
    ]
    assert person("hospital", "county").get("/api/pool/statistics").json()["counts"] == []
    reasons = doctor.get("/api/pool/reasons").json()
    assert {one["reason"] for one in reasons} == set(load_policy().refusal_reasons)


@on_sqlite
def test_what_is_not_eligible_says_why(web: Web, person: Person, entry: PoolEntry) -> None:
    doctor = person("doctor", "county")
    late = asked(PATIENT, on=(entry.valid_until + timedelta(days=1)).isoformat())
    (other,) = doctor.post("/api/pool/lookup", json=late).json()["others"]
    assert (other["state"], [reason["reason"] for reason in other["reasons"]]) == ("expired", ["expired"])
    assert other["reasons"][0]["zh"] == "已超过互认时限"
    lead = person("lead")
    answer = lead.post(f"/api/studies/{entry.study_id}/withdrawal", json={"reason": "the patient objects"})
    assert [one["state"] for one in answer.json()["entries"]] == ["withdrawn"]
    (other,) = doctor.post("/api/pool/lookup", json=asked(PATIENT)).json()["others"]
    assert (other["state"], [reason["en"] for reason in other["reasons"]]) == ("withdrawn", ["it was withdrawn"])
    assert doctor.post(f"/api/pool/entries/{entry.id}/answer", json={"accepted": True}).status_code == 422
    with web.service.opened.database.reading() as session:
        assert session.scalars(select(OutboxRow)).all() == []  # nobody is to be told here


@on_sqlite
def test_what_is_asked_wrongly_is_told_without_the_patient(web: Web, person: Person, entry: PoolEntry) -> None:
    doctor = person("doctor", "county")
    with capture_logs() as logs:
        for body, code in (
            ({}, 400),
            (asked({"issuer": "city-issuer"}), 400),
            (asked({"name": "SECRET^NAME", "sex": "M"}), 400),
            (asked({"id": "SECRET\0NAME"}), 400),
            (asked({"id": "SECRET\ud800NAME"}), 400),
            (asked({"id": "SECRETNAME", "sex": "X"}), 400),
            (asked({"id": "SECRETNAME"}, item="CT-SECRET"), 422),
            (asked({"id": "SECRETNAME"}, hospital="city"), 403),
            (asked({"id": "SECRETNAME"}, hospital="county", more=1), 400),
        ):
            json_type = {"content-type": "application/json"}
            answer = doctor.post("/api/pool/lookup", content=json.dumps(body), headers=json_type)
            assert answer.status_code == code, (body, answer.text)
            assert "SECRET" not in answer.text
        for body, code in (
            ({"accepted": False}, 422),
            ({"accepted": False, "reason": "because"}, 422),
            ({"accepted": False, "reason": "other", "comment": " "}, 422),
            ({"accepted": True, "comment": "\0"}, 400),
            ({"accepted": True, "hospital": "city"}, 403),
        ):
            assert doctor.post(f"/api/pool/entries/{entry.id}/answer", json=body).status_code == code, body
        assert doctor.post("/api/pool/entries/99/answer", json={"accepted": True}).status_code == 422
    assert "SECRET" not in repr(logs)
    lead = person("lead")
    assert lead.post("/api/pool/lookup", json=asked(PATIENT)).status_code == 422
    assert lead.post("/api/pool/lookup", json=asked(PATIENT, hospital="county")).json()["eligible"]
    assert lead.post("/api/pool/lookup", json=asked(PATIENT, hospital="nowhere")).status_code == 422
    for wrong in (
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"until": date.max.isoformat()},
        {"since": "0001-01-01"},
    ):
        assert lead.get("/api/pool/statistics", params=wrong).status_code == 400, wrong
    assert lead.get("/api/pool/statistics", params={"until": "0001-01-02"}).status_code in (200, 400)


@on_sqlite
def test_a_key_answers_for_the_doctors_of_its_hospital(web: Web, entry: PoolEntry) -> None:
    workstation = web.client("county", "doctor")
    assert workstation.post("/api/pool/lookup", json=asked(PATIENT)).json()["eligible"]
    for _ in range(2):
        assert workstation.post(f"/api/pool/entries/{entry.id}/answer", json={"accepted": True}).status_code == 201
    assert web.client(None, "lead").get("/api/pool/statistics").json()["repeats_avoided"] == 1  # tried again


@on_sqlite
def test_a_lead_lifts_a_withdrawal_and_an_administrator_does_not(web: Web, person: Person, entry: PoolEntry) -> None:
    lead, where = person("lead"), f"/api/studies/{entry.study_id}/withdrawal"
    assert lead.delete(where).status_code == 422  # there is none
    assert lead.post(where, json={"reason": "images of another patient"}).status_code == 200
    (shown,) = lead.get(f"/api/studies/{entry.study_id}").json()["pool"]
    assert (shown["state"], shown["reasons"]) == ("withdrawn", ["withdrawn"])
    assert person("admin").delete(where).status_code == 403
    assert lead.delete(where).status_code == 204
    with web.service.opened.database.reading() as session:
        assert session.get_one(StudyRow, entry.study_id).withdrawn_at is None
        assert [one.kind for one in session.scalars(select(Review))] == ["review"]


@on_sqlite
def test_what_is_judged_anew_is_neither_found_nor_taken(web: Web, person: Person, entry: PoolEntry) -> None:
    with web.service.opened.database.writing() as session:
        session.get_one(StudyRow, entry.study_id).state = "arriving"
    doctor = person("doctor", "county")
    found = doctor.post("/api/pool/lookup", json=asked(PATIENT)).json()
    assert found["eligible"] == []
    assert [reason["reason"] for reason in found["others"][0]["reasons"]] == ["arriving"]
    assert doctor.post(f"/api/pool/entries/{entry.id}/answer", json={"accepted": True}).status_code == 422
    (shown,) = person("hospital", "city").get(f"/api/studies/{entry.study_id}").json()["pool"]
    assert (shown["state"], shown["reasons"]) == ("active", ["arriving"])
