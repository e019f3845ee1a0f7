"""Studies over HTTP: lists, one study's state, its report and its page; and nothing of another hospital."""

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import select

from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import simulate_study
from serving import verdicts
from serving.database.tables import StudyRow
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.api.conftest import Person
from tests.serving.made_rows import NOW, made_instance, made_report, made_study, made_verdict
from tests.serving.scored_studies import scored
from tests.serving.transfer.conftest import Web

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def uids(answer: dict[str, object]) -> list[str]:
    studies = answer["studies"]
    assert isinstance(studies, list)
    return [one["uid"] for one in studies]


@pytest.fixture
def many(web: Web) -> Web:
    """Five studies of the city and one of the county."""
    with web.service.opened.database.writing() as session:
        for number, says in enumerate(("pass", "reject", "review"), 1):
            study = made_study(
                session,
                f"1.{number}",
                state="scored",
                study_date=date(2026, 9, number),
                last_instance_at=NOW + timedelta(minutes=number),
            )
            items = [{"id": "CT-CHEST", "verdict": says, "total": 90.0, "grade": "B"}]
            row = made_verdict(session, study, verdict=says, items=items, grade="B" if says == "pass" else "D")
            study.verdict_id = row.id
        made_study(session, "1.4", state="arriving", urgent=True, modalities=["MR"], last_instance_at=NOW)
        made_study(session, "1.5", modalities=["MR", "CT"], last_instance_at=NOW)
        made_study(session, "2.1", hospital_id="county", last_instance_at=NOW)
    return web


def test_a_list_is_asked_for_by_what_a_person_looks_for(many: Web) -> None:
    client = many.client(None, "reviewer")
    for query, expected in (
        ({}, ["1.3", "1.2", "1.1", "2.1", "1.5", "1.4"]),
        ({"order": "waiting"}, ["1.4", "1.5", "2.1", "1.1", "1.2", "1.3"]),
        ({"state": "arriving"}, ["1.4"]),
        ({"verdict": "review"}, ["1.3"]),
        ({"grade": "D"}, ["1.3", "1.2"]),
        ({"item": "CT-CHEST", "verdict": "pass"}, ["1.1"]),
        ({"item": "CT-CHES"}, []),
        ({"modality": "MR"}, ["1.5", "1.4"]),
        ({"hospital": "county"}, ["2.1"]),
        ({"since": "2026-09-02", "until": "2026-09-03"}, ["1.3", "1.2"]),
    ):
        answer = client.get("/api/studies", params=query)
        assert answer.status_code == 200, answer.text
        assert uids(answer.json()) == expected, query
    for wrong in (
        {"state": "lost"},
        {"item": '"%'},
        {"hospital": "a\0b"},
        {"since": "today"},
        {"limit": 0},
        {"cursor": "x"},
        {"cursor": "W10"},
    ):
        assert client.get("/api/studies", params=wrong).status_code == 400, wrong


@pytest.mark.parametrize("order", ["newest", "waiting"])
def test_pages_follow_each_other(many: Web, order: str) -> None:
    client = many.client(None, "lead")
    whole = uids(client.get("/api/studies", params={"order": order}).json())
    found, cursor = [], ""
    while cursor is not None:
        query = {"order": order, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/studies", params=query).json()
        assert len(page["studies"]) == 2
        found += uids(page)
        cursor = page["next"]
    assert found == whole
    other = client.get("/api/studies", params={"order": order, "limit": 1}).json()["next"]
    wrong = {"order": "waiting" if order == "newest" else "newest", "cursor": other}
    assert client.get("/api/studies", params=wrong).status_code == 400


@on_sqlite
def test_a_hospital_sees_its_own_and_who_its_patients_are(many: Web, person: Person) -> None:
    county, reviewer = person("hospital", "county"), person("reviewer")
    assert uids(county.get("/api/studies").json()) == ["2.1"]
    with many.service.opened.database.reading() as session:
        ids = {study.uid: study.id for study in session.scalars(select(StudyRow))}
    for path in ("", "/report", "/page"):
        assert county.get(f"/api/studies/{ids['1.1']}{path}").status_code == 404
        assert county.get(f"/api/studies/{1 << 70}{path}").status_code == 400
    own = county.get(f"/api/studies/{ids['2.1']}").json()
    assert own["patient"]["name"] == "张^三"
    told = reviewer.get(f"/api/studies/{ids['2.1']}")
    assert told.json()["patient"] is None
    assert "张" not in told.text
    assert county.get("/api/counts").json()["states"] == {}


@on_sqlite
def test_a_patient_is_searched_for_by_a_body_alone(many: Web) -> None:
    with many.service.opened.database.writing() as session:
        made_study(session, "1.6", patient_id="8", accession_number="A17", last_instance_at=NOW)
    client = many.client("city", "hospital")
    for body, expected in (
        ({"accession_number": "A17"}, ["1.6"]),
        ({"patient_id": "7", "issuer": "city-issuer"}, ["1.3", "1.2", "1.1", "1.5", "1.4"]),
        ({"patient_id": "7", "issuer": "county-issuer"}, []),
        ({"study_uid": "2.1"}, []),  # of the county
    ):
        answer = client.post("/api/studies/search", json=body)
        assert answer.status_code == 200, answer.text
        assert uids(answer.json()) == expected, body
    for wrong in ({}, {"issuer": "city-issuer"}, {"patient_id": "\0"}, {"patient_id": "7", "name": "x"}):
        assert client.post("/api/studies/search", json=wrong).status_code == 400, wrong


@on_sqlite
def test_what_still_arrives_says_so_and_warns(web: Web) -> None:
    with web.service.opened.database.writing() as session:
        study = made_study(
            session,
            state="arriving",
            generation=0,
            close_at=NOW + timedelta(minutes=1),
            close_evidence={"ledger": []},
            declared_instances=3,
        )
        for number in (1, 2):
            made_instance(session, study, number)
        made_instance(session, study, 1, conflicting=True, digest="other")
        report = made_report({"XR-HAND": "review"})
        assert verdicts.record(session, study, 1, "first_look", report, NOW) is not None
    state = web.client("city", "hospital").get(f"/api/studies/{study.id}").json()
    assert (state["state"], state["verdict"], state["declared_instances"]) == ("arriving", None, 3)
    assert state["first_look"]["verdict"] == "review"
    assert state["first_look"]["reasons"] == ["artifacts.motion.share", "adequacy.cnr"]
    (series,) = state["series"]
    assert (series["num_instances"], series["num_conflicting"], series["modality"]) == (3, 1, "CT")
    report_body = web.client("city", "hospital").get(f"/api/studies/{study.id}/report")
    assert report_body.json()["study_instance_uid"] == "1.2.3"


@on_sqlite
def test_a_scored_study_is_told_whole_with_its_page(web: Web, person: Person, tmp_path: Path) -> None:
    opened = web.service.opened
    hand = simulate_study(load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND"), tmp_path / "hand")
    study_id = scored(opened.database, opened.archive, hand.files)
    client = person("reviewer")
    state = client.get(f"/api/studies/{study_id}").json()
    assert state["verdict"]["verdict"] == "pass"
    assert state["close_evidence"]["ledger"]
    assert 0 < state["close_confidence"] <= 1
    assert [job["state"] for job in state["jobs"] if job["kind"] == "score"] == ["done"]
    assert [(one["item_id"], one["state"]) for one in state["pool"]] == [
        ("XR-HAND", "expired")
    ]  # of the day of simulation
    assert [one["kind"] for one in state["history"]] == ["full"]
    report = client.get(f"/api/studies/{study_id}/report", params={"verdict": state["verdict"]["id"]}).json()
    assert report["items"][0]["item"] == "XR-HAND"
    assert client.get(f"/api/studies/{study_id}/report", params={"verdict": 77}).status_code == 404
    page = client.get(f"/api/studies/{study_id}/page")
    assert page.status_code == 200, page.text
    assert page.text.count("data:image/jpeg") >= 2
    assert "sandbox" in page.headers["content-security-policy"]
    with opened.database.writing() as session:
        session.get_one(StudyRow, study_id).last_instance_at = opened.database.now()
    counted = client.get("/api/counts").json()
    assert (counted["states"], counted["verdicts"], counted["dead_jobs"]) == ({"scored": 1}, {"pass": 1}, 0)
    with opened.database.writing() as session:  # an image that the report does not know
        made_instance(session, session.get_one(StudyRow, study_id), 9, archive_key=_copy(web, hand.files[0]))
    assert client.get(f"/api/studies/{study_id}/page").status_code == 422


def _copy(web: Web, path: Path) -> str:
    """The key of an image in the archive, as of another series."""
    dataset = pydicom.dcmread(path)
    dataset.SeriesInstanceUID = "1.2.3.4.5"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5.6"
    stream = BytesIO()
    dataset.save_as(stream)
    with web.service.opened.archive.stage() as staged:
        staged.write(stream.getvalue())
        return staged.keep("city/1.2.3").key
