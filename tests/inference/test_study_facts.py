"""Dates, ages, requests and devices from headers."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from inference import study_facts
from qc_models.study import Study

Build = Callable[[list[dict[str, Any]]], Study]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260901", date(2026, 9, 1)),
        ("2026.09.01", date(2026, 9, 1)),
        ("20260231", None),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_dates_are_parsed_or_none(text: str | None, expected: date | None) -> None:
    assert study_facts.parse_date(text) == expected


def test_the_latest_date_of_any_instance_counts(study_of: Build) -> None:
    study = study_of([{"InstanceNumber": 1}, {"InstanceNumber": 2, "ContentDate": "20270101"}])
    assert study_facts.study_date(study) == date(2026, 9, 1)
    assert study_facts.latest_date(study) == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("keywords", "years"),
    [
        ({"PatientAge": "045Y"}, 45.0),
        ({"PatientAge": "006M"}, 0.5),
        ({"PatientAge": None, "PatientBirthDate": "20060901"}, 20.0),
        ({"PatientAge": None, "PatientBirthDate": None}, None),
        ({"PatientAge": None, "PatientBirthDate": "20300101"}, None),
    ],
)
def test_the_age_is_told_or_computed(study_of: Build, keywords: dict[str, Any], years: float | None) -> None:
    study = study_of([keywords])
    age = study_facts.age_years(study, date(2026, 9, 1))
    assert age == (None if years is None else pytest.approx(years, abs=0.01))


def test_the_request_gathers_codes_and_words(study_of: Build) -> None:
    code = [{"CodeValue": "CT-CHEST", "CodingSchemeDesignator": "99X", "CodeMeaning": "胸部CT平扫"}]
    said_by_the_console = {"BodyPartExamined": "HEAD"}
    study = study_of([{"RequestedProcedureCodeSequence": code, "StudyDescription": "chest ct", **said_by_the_console}])
    request = study_facts.request(study)
    assert request.codes == ("CT-CHEST",)
    assert request.texts == ("胸部CT平扫", "CHEST CT")


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("LEAKNAME^SECRET", "Leakname Secret lumbar", "LUMBAR"),
        ("张^三", "张三腰椎正侧位", "腰椎正侧位"),
        ("ANON^KNEE-MR", "KNEE", "KNEE"),
        ("LI^NA", "LINAC knee SIM0001 19800101", "LINAC KNEE"),
    ],
)
def test_the_request_leaves_out_what_names_the_patient(study_of: Build, name: str, text: str, kept: str) -> None:
    study = study_of([{"PatientName": name, "StudyDescription": text, "BodyPartExamined": None}])
    assert study_facts.request(study).texts == (kept,)


def test_a_device_is_a_digest_that_tells_devices_apart(study_of: Build) -> None:
    series = [{"DeviceSerialNumber": number, "SeriesInstanceUID": f"1.{number}"} for number in "122"]
    first, second = study_facts.devices(study_of(series))
    assert first != second
    assert {len(first), len(second)} == {16}
    assert "SIMULATED" not in first


def test_who_names_no_device_has_none(study_of: Build) -> None:
    names = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName")
    assert study_facts.devices(study_of([dict.fromkeys(names)])) == ()


def test_every_institution_is_named_once(study_of: Build) -> None:
    names = ["West", None, "East", "West"]
    made = study_of([{"InstitutionName": name, "SeriesInstanceUID": f"1.{at}"} for at, name in enumerate(names)])
    assert study_facts.institutions(made) == ("West", "East")


def test_who_names_no_institution_has_none(study_of: Build) -> None:
    assert study_facts.institutions(study_of([{"InstitutionName": None}])) == ()


def test_bedside_is_a_matter_of_radiographs(study_of: Build) -> None:
    assert study_facts.is_bedside(study_of([{"Modality": "DX", "SeriesDescription": "床旁胸片"}]))
