"""A FHIR report is read into the form that is checked; what is no report, or of no study, is refused without quoting it."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from qc_models import report_form
from qc_models.report_form import Person, ReportForm, Written
from serving.fhir_report import HEADING_LENGTH, MOST_HEADINGS, MOST_IDS, UnfitReportError, read_report
from tests.serving.sent_reports import diagnostic_report, patient, study_identifier

DAY = date(2026, 9, 1)
SNOMED = "http://snomed.info/sct"


@pytest.fixture(autouse=True)
def in_china(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service whose place is eight hours before UTC."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def form(**changes: Any) -> ReportForm:
    read = read_report(diagnostic_report(**changes), "city-issuer").form
    assert read is not None
    return read


def test_a_report_in_order() -> None:
    read = read_report(diagnostic_report("1.2.3", "1.2.4"), "city-issuer")
    assert read.study_uids == ("1.2.3", "1.2.4")
    assert read.form == ReportForm(
        signed=True,
        empty=False,
        written=Written(DAY, 19.5 * 3600),
        examined=Written(DAY),
        regions=("chest",),
        sides=(),
        persons=(Person("SIM0001", "CQ-HOSPITAL-01", "张三", "M", "1980-01-01"),),
    )


@pytest.mark.parametrize(
    ("status", "signed"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("appended", True),
        ("preliminary", False),
        ("partial", False),
        ("registered", False),
        ("unknown", None),
    ],
)
def test_who_signed(status: str, signed: bool | None) -> None:
    assert form(status=status).signed is signed


def test_a_report_of_nobody_is_not_signed() -> None:
    assert form(resultsInterpreter=None).signed is False
    assert form(resultsInterpreter=None, performer=[{"display": "李四"}]).signed is True


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_report_that_is_taken_back(status: str) -> None:
    assert read_report(diagnostic_report(status=status), "").form is None


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("2026-09-01T20:00:00Z", Written(date(2026, 9, 2), 4 * 3600.0)),
        ("2026-09-01T03:30:05.25+08:00", Written(DAY, 3.5 * 3600 + 5)),
        ("2026-09-01T23:59:60Z", None),  # a second that no clock of ours has
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
    ],
)
def test_when_it_was_written_by_the_clock_of_the_place(said: str | None, written: Written | None) -> None:
    assert form(issued=said).written == written


def test_when_it_says_that_the_examination_was() -> None:
    period = {"start": "2026-08-31T16:00:00Z", "end": "2026-09-01T10:00:00Z"}
    assert form(effectiveDateTime=None, effectivePeriod=period).examined == Written(DAY, 0.0)
    assert form(effectiveDateTime=None).examined is None
    assert form(effectiveDateTime="2026-09").examined is None


def test_it_holds_something() -> None:
    assert form(conclusion=None).empty
    assert form(conclusion=None, presentedForm=[{"title": "报告"}]).empty
    assert not form(conclusion=None, presentedForm=[{"contentType": "application/pdf", "data": "JVBERg=="}]).empty
    assert not form(conclusion=None, result=[{"reference": "Observation/1"}]).empty


def coded(value: str, system: str = SNOMED) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": value}]}


@pytest.mark.parametrize(
    ("changes", "regions", "sides"),
    [
        ({"code": {"text": "诊断报告"}}, (), ()),
        (
            {"code": {"coding": [{"system": "http://loinc.org", "code": "24627-2", "display": "CT Chest"}]}},
            ("chest",),
            (),
        ),
        ({"code": {"text": "x"}, "presentedForm": [{"title": "左膝关节MR"}]}, ("knee",), ("L",)),
        ({"code": coded("72696002")}, ("knee",), ()),
        ({"code": coded("72696002", "urn:oid:1.2")}, (), ()),  # the number is another scheme's
        (
            {
                "code": {"text": "MR"},
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/bodySite",
                        "valueCodeableConcept": {"text": "右膝"},
                    }
                ],
            },
            ("knee",),
            ("R",),
        ),
        (
            {
                "code": {"text": "MR"},
                "contained": [
                    {
                        "resourceType": "ImagingStudy",
                        "id": "study",
                        "status": "available",
                        "subject": {"display": "x"},
                        "series": [
                            {
                                "uid": "1.2.3.1",
                                "modality": {"code": "MR"},
                                "bodySite": {"system": SNOMED, "code": "72696002"},
                                "laterality": {"system": SNOMED, "code": "7771000"},
                            }
                        ],
                    }
                ],
            },
            ("knee",),
            ("L",),
        ),
    ],
)
def test_part_and_side(changes: dict[str, Any], regions: tuple[str, ...], sides: tuple[str, ...]) -> None:
    read = form(**changes)
    assert (read.regions, read.sides) == (regions, sides)


def test_of_long_and_very_many_headings_and_ids_only_so_much_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr(report_form, "regions_in", lambda text: looked_at.append(text) or ("chest",))
    monkeypatch.setattr(report_form, "laterality_in", lambda _: None)
    concept = {"text": "T" * 1_000_000, "coding": [{"display": f"{number} 膝"} for number in range(4000)]}
    titles = [{"title": "胸部CT"}, {"title": "胸部CT"}, {"title": "左膝" * 100_000}]
    many = patient(identifier=[{"value": str(number)} for number in range(4000)])
    read = form(code=concept, presentedForm=titles, contained=[many])
    assert looked_at[:3] == ["胸部CT", ("左膝" * 100_000)[:HEADING_LENGTH], "T" * HEADING_LENGTH]
    assert looked_at[-1] == f"{MOST_HEADINGS - 4} 膝"
    assert len(looked_at) == MOST_HEADINGS
    assert len(read.persons) == MOST_IDS


@pytest.mark.parametrize(
    ("identifier", "known_as"),
    [
        ({"value": "7"}, ("city-issuer", "7")),
        ({"system": "urn:city:mrn", "value": "7", "type": {"coding": [{"code": "MR"}]}}, ("city-issuer", "7")),
        ({"system": "urn:oid:2.16.156.10011.1.3", "value": "500101198001010011"}, ("", "")),  # a state's
        ({"system": "urn:state", "value": "5", "type": {"coding": [{"code": "NI"}]}}, ("", "")),
        ({"system": "urn:touchstone:issuer:county", "value": "9"}, ("county", "9")),
    ],
)
def test_by_which_id_it_knows_the_patient(identifier: dict[str, Any], known_as: tuple[str, str]) -> None:
    (person,) = form(subject={"identifier": identifier}).persons
    assert (person.issuer, person.patient_id, person.name) == (*known_as, "")


def test_a_patient_of_several_ids_and_names() -> None:
    mixed = patient(
        identifier=[{"value": "7"}, {"value": "8"}],
        name=[{"text": "张三"}, {"family": "Zhang", "given": ["San"]}],
        birthDate="1980",
        gender="unknown",
    )
    assert form(contained=[mixed]).persons == (
        Person("7", "city-issuer", "张三=Zhang San"),
        Person("8", "city-issuer", "张三=Zhang San"),
    )
    assert form(contained=[mixed], subject={"reference": "Patient/1"}).persons == (Person(),)


def test_which_studies_it_is_about() -> None:
    own = [{"system": "urn:city", "value": "R-1"}, study_identifier("1.2.5")]
    assert read_report(diagnostic_report(imagingStudy=None, identifier=own), "").study_uids == ("1.2.5",)
    assert read_report(diagnostic_report("1.2.3", identifier=own), "").study_uids == ("1.2.3",)
    by_accession = [
        {"identifier": {"system": "urn:city:accession", "value": "A1"}}
    ]  # which tells of no study by itself
    assert read_report(diagnostic_report(identifier=own, imagingStudy=by_accession), "").study_uids == ("1.2.5",)
    by_reference = [{"reference": "urn:oid:1.2.6"}]
    assert read_report(diagnostic_report(imagingStudy=by_reference, identifier=own), "").study_uids == ("1.2.6",)
    contained = {"resourceType": "ImagingStudy", "id": "s", "status": "available", "subject": {"display": "x"}}
    study = {**contained, "identifier": [study_identifier("1.2.7")]}
    content = diagnostic_report(imagingStudy=[{"reference": "#s"}], contained=[study])
    assert read_report(content, "").study_uids == ("1.2.7",)


def test_versions_of_a_report_have_one_key() -> None:
    key = read_report(diagnostic_report(), "").key
    assert read_report(diagnostic_report(status="amended", conclusion="改"), "").key == key
    other = [{"system": "urn:county:reports", "value": "R-1"}]
    assert read_report(diagnostic_report(identifier=other), "").key != key
    nameless = read_report(diagnostic_report(identifier=None), "").key
    assert read_report(diagnostic_report(identifier=None, meta={"versionId": "2"}, id="x"), "").key == nameless
    assert read_report(diagnostic_report(identifier=None, conclusion="改"), "").key != nameless


SECRET = "张三500101"
WHOLE = diagnostic_report()


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        pytest.param(b"", "structure", "DiagnosticReport", id="nothing"),
        pytest.param(WHOLE[:-20], "structure", "DiagnosticReport", id="cut"),
        pytest.param(b"\xff\xfe\x00", "structure", "DiagnosticReport", id="no text"),
        pytest.param(
            b'{"resourceType": "DiagnosticReport", "a": ' + b"[" * 9_000, "structure", "DiagnosticReport", id="deep"
        ),
        pytest.param(b'{"a": [' + b"{}," * 30_000, "too-costly", "DiagnosticReport", id="many parts"),
        pytest.param(b"[]", "invalid", "DiagnosticReport", id="a list"),
        pytest.param(
            json.dumps(patient(name=[{"text": SECRET}])).encode(), "invalid", "DiagnosticReport", id="a patient"
        ),
        pytest.param(diagnostic_report(code=None), "required", "DiagnosticReport.code", id="no code"),
        pytest.param(diagnostic_report(status=None), "value", "DiagnosticReport.status", id="no status"),
        pytest.param(diagnostic_report(status=SECRET), "value", "DiagnosticReport.status", id="no such status"),
        pytest.param(diagnostic_report(issued=SECRET), "value", "DiagnosticReport.issued", id="no time"),
        pytest.param(diagnostic_report(code=SECRET), "value", "DiagnosticReport.code", id="no concept"),
        pytest.param(diagnostic_report(**{SECRET: 1}), "structure", "DiagnosticReport", id="unknown element"),
        pytest.param(
            diagnostic_report(subject={SECRET: 1}), "structure", "DiagnosticReport.subject", id="unknown element inside"
        ),
        pytest.param(diagnostic_report(contained=[SECRET]), "value", "DiagnosticReport.contained.0", id="no resource"),
        pytest.param(
            diagnostic_report(contained=[{"resourceType": SECRET}]),
            "structure",
            "DiagnosticReport",
            id="unknown resource",
        ),
        pytest.param(
            diagnostic_report(imagingStudy=[{"reference": "ImagingStudy/1"}]),
            "required",
            "DiagnosticReport.imagingStudy",
            id="of no study",
        ),
        pytest.param(diagnostic_report("../../etc"), "value", "DiagnosticReport.imagingStudy", id="no UID"),
        pytest.param(diagnostic_report("1" * 65), "value", "DiagnosticReport.imagingStudy", id="too long a UID"),
        pytest.param(
            diagnostic_report(*(f"1.{number}" for number in range(11))),
            "too-long",
            "DiagnosticReport.imagingStudy",
            id="too many studies",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_without_quoting_it(content: bytes, code: str, place: str) -> None:
    with pytest.raises(UnfitReportError) as refused:
        read_report(content, "")
    assert (refused.value.code, refused.value.place) == (code, place)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
