"""Receivers in the configuration: what is written wrong stops the start, and who is told of what."""

from typing import Any

import pytest
from pydantic import ValidationError

from serving.database.tables import StudyRow, VerdictRow
from serving.deliver.receivers import Receiver, deliveries_of
from serving.service_config import ServiceConfig

HOOK = {"url": "https://his.example/hook"}
PACS = {"host": "pacs.example", "title": "PACS"}


def receiver(**fields: Any) -> Receiver:
    return Receiver.model_validate({"name": "his", **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "has no address"),
        ({"webhook": {"url": "ftp://his"}}, "is no URL"),
        ({"webhook": {"url": "https:///hook"}}, "is no URL"),
        ({"webhook": {"url": "https://me:secret@his/hook"}}, "secrets stand in the environment"),
        ({"webhook": {"url": "https://his:99999/hook"}}, "Port out of range"),
        ({"webhook": HOOK, "name": "His"}, "name"),
        ({"webhook": HOOK, "verdicts": ["good"]}, "verdicts"),
        ({"webhook": HOOK, "verdicts": []}, "verdicts"),
        ({"webhook": HOOK, "key": "x"}, "Extra inputs"),
        ({"dicom": PACS | {"title": "x" * 17}}, "title"),
        ({"dicom": PACS, "dicomweb": {"url": "https://pacs.example"}}, "divide `documents`"),
    ],
)
def test_what_cannot_be_is_told(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        receiver(**fields)


def test_names_and_hospitals_of_receivers_are_known() -> None:
    hospital = {"id": "city", "name": "city", "level": "tertiary_a"}
    one = {"name": "his", "webhook": HOOK}
    with pytest.raises(ValidationError, match="receivers: his is named twice"):
        ServiceConfig.model_validate({"hospitals": [hospital], "receivers": [one, one]})
    with pytest.raises(ValidationError, match="there is no hospital county"):
        ServiceConfig.model_validate({"hospitals": [hospital], "receivers": [one | {"hospitals": ["county"]}]})


def test_secrets_come_from_the_environment_alone() -> None:
    one = Receiver.model_validate({"name": "city-his", "webhook": HOOK})
    assert one.secret("KEY", {"TOUCHSTONE_RECEIVER_CITY_HIS_KEY": "k"}) == "k"
    assert one.secret("TOKEN", {}) == ""


def wanted(one: Receiver, hospital: str, verdict: str, kind: str = "full") -> list[str]:
    study, row = StudyRow(hospital_id=hospital), VerdictRow(verdict=verdict, kind=kind)
    return [delivery.kind for delivery in deliveries_of([one]) if delivery.wants(study, row)]


def test_each_is_told_what_it_wants() -> None:
    everything = receiver(
        webhook=HOOK, dicom=PACS | {"documents": ["sr"]}, dicomweb={"url": "https://p", "documents": ["ko"]}, fhir=HOOK
    )
    assert wanted(everything, "city", "pass") == ["webhook", "sr", "fhir"]
    assert wanted(everything, "city", "reject") == ["webhook", "sr", "ko", "fhir"]
    assert wanted(everything, "city", "reject", "first_look") == []
    warned = receiver(webhook=HOOK, dicom=PACS, first_looks=True)
    assert wanted(warned, "city", "review", "first_look") == ["webhook"]
    some = receiver(webhook=HOOK, dicom=PACS, hospitals=["county"], verdicts=["pass", "review"])
    assert wanted(some, "city", "pass") == []
    assert wanted(some, "county", "pass") == ["webhook", "sr"]
    assert wanted(some, "county", "reject") == []
