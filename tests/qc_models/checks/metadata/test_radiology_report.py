"""A radiologist's report beside the images: signed, in time, of this patient, part and side; or a note where nobody can tell."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from qc_models.checks.metadata import radiology_report
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import RegionLabel
from qc_models.findings import NOWHERE, Measurement
from qc_models.study import Study
from serving.fhir_report import read_report
from tests.judged_facts import facts, item
from tests.serving.sent_reports import diagnostic_report, patient
from tests.written_dicom import axial_slices

SR, PDF = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1"
CHEST = RegionLabel(("chest",), 1.0)
ITEM: ExamItem = item("CT-CHEST", "chest", ("plain",))


def code(value: str, meaning: str) -> list[dict[str, Any]]:
    return [{"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": meaning}]


def report(**changes: Any) -> dict[str, Any]:
    """A signed report of the morning of the examination, about a CT of the chest."""
    heading = {"ValueType": "TEXT", "ConceptNameCodeSequence": code("121065", "Procedure"), "TextValue": "胸部CT平扫"}
    no_image = dict.fromkeys(("Rows", "Columns", "ImagePositionPatient", "BodyPartExamined", "ImageType"))
    return no_image | {
        "SOPClassUID": SR,
        "SOPInstanceUID": "1.2.9.1",
        "SeriesInstanceUID": "1.2.9",
        "Modality": "SR",
        "ContentDate": "20260901",
        "ContentTime": "113000",
        "ConceptNameCodeSequence": code("18748-4", "Diagnostic imaging report"),
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "VERIFIED",
        "VerifyingObserverSequence": [{"VerifyingObserverName": "李^四", "VerificationDateTime": "20260901114000"}],
        "ContentSequence": [heading],
        **changes,
    }


@pytest.fixture(autouse=True)
def at_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place whose clock is UTC, to which times with an offset are turned."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def said(evidence_of: Callable[..., Evidence]) -> Callable[..., dict[str, Measurement]]:
    """A function from changes of the report, and fields of the stacks, to what is measured but for its day."""

    def measured(fields: dict[str, Any] | None = None, **changes: Any) -> dict[str, Measurement]:
        evidence = evidence_of([*axial_slices(2), report(**changes)], **({"region": CHEST} | (fields or {})))
        found = {one.metric.rpartition(".")[2]: one for one in radiology_report.measure(evidence)}
        found.pop("day", None)
        found.pop("reports", None)
        return found

    return measured


def test_a_report_in_order_says_nothing(said: Callable[..., dict[str, Measurement]]) -> None:
    assert said() == {}


def test_without_a_report_nothing_is_measured(evidence_of: Callable[..., Evidence]) -> None:
    assert list(radiology_report.measure(evidence_of(axial_slices(2)))) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"VerificationFlag": "UNVERIFIED"}, "unsigned"),
        ({"CompletionFlag": "PARTIAL"}, "unsigned"),
        ({"CompletionFlag": None}, "unsigned"),
        ({"VerifyingObserverSequence": None}, "unsigned"),
        ({"ContentDate": None}, "undated"),
        ({"ContentDate": "20260831"}, "before_study"),
        ({"ContentTime": "101459"}, "before_study"),
        ({"PatientID": "SIM0002"}, "other_patient"),
        ({"PatientBirthDate": "19810101"}, "other_patient"),
        ({"PatientName": "王^五"}, "other_patient"),
        ({"DocumentTitle": "头颅CT", "ContentSequence": [{"ValueType": "TEXT", "TextValue": "x"}]}, "region_mismatch"),
        ({"ContentSequence": [{"ValueType": "TEXT", "TextValue": "肺部未见异常"}]}, "place_untold"),
    ],
)
def test_what_is_wrong_is_named(
    said: Callable[..., dict[str, Measurement]], changes: dict[str, Any], expected: str
) -> None:
    found = said(**changes)
    assert set(found) == {expected}
    assert found[expected].value == 1
    assert found[expected].location.sop_instance_uid == "1.2.9.1"


@pytest.mark.parametrize(
    "changes",
    [
        {"ContentDate": "20260902", "ContentTime": "010000"},
        {"ContentTime": None},
        {"PatientID": "other", "IssuerOfPatientID": "ELSEWHERE"},
        {"PatientID": None, "PatientName": None, "PatientSex": "O"},
        {"DocumentTitle": "胸部CT"},
    ],
)
def test_what_may_well_be_is_not(said: Callable[..., dict[str, Measurement]], changes: dict[str, Any]) -> None:
    assert said(**changes) == {}


@pytest.mark.parametrize(("title", "expected"), [("左膝关节MR", {"side_mismatch"}), ("右膝关节MR", set())])
def test_the_side(said: Callable[..., dict[str, Measurement]], title: str, expected: set[str]) -> None:
    knee = {"region": RegionLabel(("knee",), 1.0), "laterality": "R"}
    assert set(said(knee, DocumentTitle=title, ContentSequence=[{"ValueType": "TEXT", "TextValue": "x"}])) == expected


def test_a_document_does_not_tell_whether_it_is_signed(said: Callable[..., dict[str, Measurement]]) -> None:
    document = {"SOPClassUID": PDF, "DocumentTitle": "胸部CT报告", "MIMETypeOfEncapsulatedDocument": "application/pdf"}
    assert set(said(**document, EncapsulatedDocument=b"not a pdf at all")) == {"signature_untold"}
    assert set(said(**document, EncapsulatedDocument=b"", EncapsulatedDocumentLength=0)) == {
        "signature_untold",
        "empty",
    }


@pytest.mark.parametrize("title", ["126000", "113701", "113010"])
def test_measurements_doses_and_key_images_are_no_report(evidence_of: Callable[..., Evidence], title: str) -> None:
    other = report(ConceptNameCodeSequence=code(title, "x"), VerificationFlag=None)
    assert list(radiology_report.measure(evidence_of([*axial_slices(2), other]))) == []


def test_a_report_alone_and_one_of_endless_depth_harm_nothing(evidence_of: Callable[..., Evidence]) -> None:
    nested: dict[str, Any] = {"ValueType": "CONTAINER"}
    for _ in range(30):
        nested = {"ValueType": "CONTAINER", "ContentSequence": [nested]}
    found = radiology_report.measure(evidence_of([report(ContentSequence=[nested] * 5)]))
    assert {one.metric.rpartition(".")[2] for one in found} == {"reports", "day"}


def test_a_report_of_tomorrow() -> None:
    day = Measurement("metadata.radiology_report.day", date(2026, 9, 3).toordinal(), "day")
    known = facts(measurements=(day,))
    (found,) = radiology_report.relate(known, ITEM, date(2026, 9, 1))
    assert (found.metric, found.value) == ("metadata.radiology_report.future_days", 2)
    assert list(radiology_report.relate(known, ITEM, date(2026, 9, 3))) == []


KNEE = {"region": RegionLabel(("knee",), 1.0), "laterality": "R"}
TEXT = [{"ValueType": "TEXT", "TextValue": "x"}]


@pytest.mark.parametrize(
    ("structured", "fhir", "fields"),
    [
        ({}, {}, {}),
        ({"VerificationFlag": "UNVERIFIED"}, {"status": "preliminary"}, {}),
        ({"CompletionFlag": "PARTIAL"}, {"status": "partial"}, {}),
        ({"VerifyingObserverSequence": None}, {"resultsInterpreter": None}, {}),
        ({"ContentSequence": None, "DocumentTitle": "胸部CT"}, {"conclusion": None}, {}),
        ({"ContentDate": None}, {"issued": None}, {}),
        ({"ContentDate": "20260831"}, {"issued": "2026-08-31T11:30:00+00:00", "effectiveDateTime": None}, {}),
        ({"ContentTime": "101459"}, {"issued": "2026-09-01T10:14:59+00:00"}, {}),
        ({"PatientID": "SIM0002"}, {"contained": [patient(identifier=[{"value": "SIM0002"}])]}, {}),
        ({"PatientBirthDate": "19810101"}, {"contained": [patient(birthDate="1981-01-01")]}, {}),
        ({"PatientName": "王^五"}, {"contained": [patient(name=[{"family": "王", "given": ["五"]}])]}, {}),
        ({"PatientSex": "F"}, {"contained": [patient(gender="female")]}, {}),
        ({"DocumentTitle": "头颅CT", "ContentSequence": TEXT}, {"code": {"text": "头颅CT"}}, {}),
        ({"ContentSequence": TEXT}, {"code": {"text": "诊断报告"}}, {}),
        ({"DocumentTitle": "左膝关节MR", "ContentSequence": TEXT}, {"code": {"text": "左膝关节MR"}}, KNEE),
        ({"DocumentTitle": "右膝关节MR", "ContentSequence": TEXT}, {"code": {"text": "右膝关节MR"}}, KNEE),
    ],
)
def test_the_same_report_says_the_same_whatever_it_came_as(
    evidence_of: Callable[..., Evidence], structured: dict[str, Any], fhir: dict[str, Any], fields: dict[str, Any]
) -> None:
    evidence = evidence_of([*axial_slices(2), report(**structured)], **({"region": CHEST} | fields))
    by_images = list(radiology_report.measure(evidence))
    form = read_report(diagnostic_report(**fhir), "CQ-HOSPITAL-01").form
    assert form is not None
    images = tuple(series for series in evidence.study.series if series.modality == "CT")
    by_fhir = list(radiology_report.measure(replace(evidence, study=Study("1.2.3", images, reports=(form,)))))
    assert by_fhir == [replace(one, location=NOWHERE) for one in by_images]
    assert {one.metric.rpartition(".")[2] for one in by_fhir} >= {"reports"}


def test_a_report_that_contradicts_its_own_time_of_the_examination(evidence_of: Callable[..., Evidence]) -> None:
    form = read_report(diagnostic_report(effectiveDateTime="2026-09-02"), "").form
    assert form is not None
    evidence = evidence_of(axial_slices(2), region=CHEST)
    beside = replace(evidence, study=replace(evidence.study, reports=(form, form)))
    found = {one.metric.rpartition(".")[2]: one.value for one in radiology_report.measure(beside)}
    assert found == {"reports": 2, "before_study": 2, "day": date(2026, 9, 1).toordinal()}
