"""Studies, series and instances are found by what the database keeps of them, and a hospital finds its own."""

from datetime import date
from typing import Any

import httpx
import pytest

from serving.recording import Sender
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Web

CHEST, HEAD, ELSEWHERE = "1.2.826.1", "1.2.826.2", "1.2.826.3"


@pytest.fixture
def filled(web: Web) -> Web:
    """Two studies of the city, one of the county under a UID that the city has too, and one of its own."""

    def take(hospital: str, study: str, series: str, number: int, **keywords: Any) -> None:
        content = object_bytes(
            StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.{series}",
            SOPInstanceUID=f"{study}.{series}.{number}",
            SeriesNumber=int(series),
            InstanceNumber=number,
            **keywords,
        )
        web.service.opened.intake.take(content, Sender(hospital, "stow", "x"))

    chest = {"PatientName": "ZHANG^SAN=张^三", "PatientID": "C_1", "StudyDate": "20260901", "StudyDescription": "Chest"}
    head = {
        "PatientName": "LI^SI",
        "PatientID": "C%1",
        "StudyDate": "20260910",
        "AccessionNumber": "A7",
        "Modality": "MR",
    }
    for number in (1, 2):
        take("city", CHEST, "1", number, SeriesDescription="thin", **chest)
    take("city", CHEST, "2", 1, **chest)
    take("city", HEAD, "1", 1, **head)
    take("county", CHEST, "1", 1, PatientName="WANG^WU", PatientID="K1")
    take("county", ELSEWHERE, "1", 1, PatientName="WANG^WU", PatientID="K1")
    return web


def found(client: httpx.Client, path: str, tag: str = "0020000D", **query: Any) -> list[Any]:
    """The first value of a tag in each answer."""
    response = client.get(f"/dicom-web/{path}", params=query)
    assert response.status_code == 200, response.text
    return [answer[tag].get("Value", [None])[0] for answer in response.json()]


def test_a_study_says_what_is_kept_of_it(filled: Web) -> None:
    (answer,) = filled.client().get("/dicom-web/studies", params={"StudyInstanceUID": CHEST}).json()
    assert {tag: element.get("Value") for tag, element in answer.items()} == {
        "0020000D": [CHEST],
        "00080020": ["20260901"],
        "00080050": None,
        "00080056": ["ONLINE"],
        "00080061": ["CT"],
        "00081030": ["Chest"],
        "00081190": [f"{filled.url}/dicom-web/studies/{CHEST}"],
        "00100010": [{"Alphabetic": "ZHANG^SAN", "Ideographic": "张^三"}],
        "00100020": ["C_1"],
        "00100021": ["CQ-HOSPITAL-01"],
        "00100030": ["19800101"],
        "00100040": ["M"],
        "00201206": [2],
        "00201208": [3],
    }


STUDY_QUERIES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, [HEAD, CHEST]),
    ({"PatientID": "C_1"}, [CHEST]),
    ({"00100020": "C_1"}, [CHEST]),
    ({"PatientID": "C%1"}, [HEAD]),  # neither is a pattern
    ({"PatientID": "C?1"}, [HEAD, CHEST]),
    ({"PatientID": "C_*"}, [CHEST]),
    ({"PatientName": "zhang*"}, [CHEST]),
    ({"PatientName": "*三*"}, [CHEST]),
    ({"PatientName": "LI^SI"}, [HEAD]),
    ({"StudyDate": "20260901"}, [CHEST]),
    ({"StudyDate": "20260902-20260930"}, [HEAD]),
    ({"StudyDate": "-20260901"}, [CHEST]),
    ({"StudyDate": "20260901-"}, [HEAD, CHEST]),
    ({"StudyDate": "20260901-20260909", "ModalitiesInStudy": "CT"}, [CHEST]),
    ({"ModalitiesInStudy": "MR"}, [HEAD]),
    ({"ModalitiesInStudy": "MR,CT"}, [HEAD, CHEST]),
    ({"AccessionNumber": "A7"}, [HEAD]),
    ({"StudyDescription": "CHEST"}, [CHEST]),
    ({"StudyInstanceUID": f"{CHEST},{HEAD}"}, [HEAD, CHEST]),
    ({"StudyInstanceUID": f"{CHEST}\\{ELSEWHERE}"}, [CHEST]),
    ({"PatientID": "K1"}, []),  # of another hospital
    ({"PatientID": "' OR 1=1 --"}, []),
    ({"PatientID": ""}, [HEAD, CHEST]),
    ({"limit": 1}, [HEAD]),
    ({"limit": 1, "offset": 1}, [CHEST]),
    ({"offset": 2}, []),
    ({"limit": 0}, []),
    ({"includefield": "all", "fuzzymatching": "false"}, [HEAD, CHEST]),
]


def test_studies_are_found_by(filled: Web) -> None:
    client = filled.client()
    for query, studies in STUDY_QUERIES:
        assert found(client, "studies", **query) == studies, query


SERIES_QUERIES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("series", {}, [f"{CHEST}.1", f"{CHEST}.2", f"{HEAD}.1"]),
    ("series", {"Modality": "MR"}, [f"{HEAD}.1"]),
    ("series", {"SeriesNumber": "2"}, [f"{CHEST}.2"]),
    ("series", {"SeriesDescription": "THIN"}, [f"{CHEST}.1"]),
    ("series", {"StudyDate": "20260910"}, [f"{HEAD}.1"]),
    (f"studies/{CHEST}/series", {}, [f"{CHEST}.1", f"{CHEST}.2"]),
    (f"studies/{CHEST}/series", {"SeriesInstanceUID": f"{CHEST}.2"}, [f"{CHEST}.2"]),
    (f"studies/{ELSEWHERE}/series", {}, []),
]


def test_series_are_found_by(filled: Web) -> None:
    client = filled.client()
    for path, query, uids in SERIES_QUERIES:
        assert found(client, path, "0020000E", **query) == uids, (path, query)


INSTANCE_QUERIES: list[tuple[str, dict[str, Any], list[str]]] = [
    (f"studies/{CHEST}/instances", {}, [f"{CHEST}.1.1", f"{CHEST}.1.2", f"{CHEST}.2.1"]),
    (f"studies/{CHEST}/instances", {"InstanceNumber": "1"}, [f"{CHEST}.1.1", f"{CHEST}.2.1"]),
    (f"studies/{CHEST}/series/{CHEST}.1/instances", {"limit": 1, "offset": 1}, [f"{CHEST}.1.2"]),
    ("instances", {"SOPInstanceUID": f"{HEAD}.1.1"}, [f"{HEAD}.1.1"]),
    ("instances", {"SOPClassUID": "1.2.3"}, []),
]


def test_instances_are_found_by(filled: Web) -> None:
    client = filled.client()
    for path, query, uids in INSTANCE_QUERIES:
        assert found(client, path, "00080018", **query) == uids, (path, query)


def test_what_series_and_instances_say(filled: Web) -> None:
    client = filled.client()
    first, _ = client.get(f"/dicom-web/studies/{CHEST}/series").json()
    assert (first["00080060"]["Value"], first["0008103E"]["Value"], first["00200011"]["Value"]) == (
        ["CT"],
        ["thin"],
        [1],
    )
    assert first["00201209"]["Value"] == [2]
    instance = client.get(f"/dicom-web/studies/{CHEST}/series/{CHEST}.1/instances").json()[1]
    assert instance["00280010"]["Value"] == [16]
    assert instance["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    url = instance["00081190"]["Value"][0]
    assert url == f"{filled.url}/dicom-web/studies/{CHEST}/series/{CHEST}.1/instances/{CHEST}.1.2"


def test_the_centre_finds_all_and_a_stranger_nothing(filled: Web) -> None:
    assert sorted(found(filled.client(None, "reviewer"), "studies")) == [CHEST, CHEST, HEAD, ELSEWHERE]
    assert found(filled.client("county"), "studies") == [ELSEWHERE, CHEST]
    assert filled.stranger().get("/dicom-web/studies").status_code == 401


WRONG_QUERIES: list[dict[str, str]] = [
    {"ReferringPhysicianName": "X"},
    {"PatientSize": "1"},
    {"Modality": "CT"},  # of series, not of studies
    {"FFFFFFFF": "1"},
    {"StudyDate": "yesterday"},
    {"StudyDate": "20260901-20260931"},
    {"limit": "-1"},
    {"offset": "1e9"},
    {"limit": "9" * 30},
    {"PatientID": "x" * 1001},
    {"PatientID": "a\0b"},
]


def test_a_query_that_cannot_be_is_refused_and_not_quoted(filled: Web) -> None:
    client = filled.client()
    for query in WRONG_QUERIES:
        response = client.get("/dicom-web/studies", params=query)
        assert response.status_code == 400, query
        assert not any(value in response.text for value in query.values() if value not in ("1", "X", "CT"))


def test_more_than_is_answered_is_told(filled: Web) -> None:
    client = filled.client()
    assert "there are more" in client.get("/dicom-web/studies", params={"limit": 1}).headers["warning"]
    assert "warning" not in client.get("/dicom-web/studies").headers
    literal = client.get("/dicom-web/studies", params={"PatientName": "LI^SI", "fuzzymatching": "true"})
    assert "only literal matching" in literal.headers["warning"]
    assert literal.json()[0]["00080020"]["Value"] == [date(2026, 9, 10).strftime("%Y%m%d")]
