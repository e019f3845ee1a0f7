"""Whose images they are: patients by issuer and id, names in many writings, placeholders."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pydicom
import pytest

from inference.reading import read_studies
from qc_models.checks.metadata import patient_identity
from qc_models.checks.metadata.patient_identity import is_placeholder, name_letters, names_contradict, patients
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices

A, B = ("HOSPITAL-1", "P1"), ("HOSPITAL-2", "P1")


def by_quantity(evidence: Evidence) -> dict[str, list[Measurement]]:
    found: dict[str, list[Measurement]] = {}
    for measurement in patient_identity.measure(evidence):
        found.setdefault(measurement.metric.removeprefix("metadata.patient_identity."), []).append(measurement)
    return found


def test_patients_are_told_by_issuer_and_id() -> None:
    assert patients([A, A, A]) == [[0, 1, 2]]
    assert patients([B, A, A]) == [[1, 2], [0]]
    assert patients([("", "P1"), ("", "P2"), ("", "P2")]) == [[1, 2], [0]]


def test_an_absent_issuer_or_id_makes_no_second_patient() -> None:
    assert patients([A, ("", "P1"), A]) == [[0, 1, 2]]
    assert patients([A, ("", ""), A]) == [[0, 1, 2]]
    assert patients([("", ""), ("HOSPITAL-1", "")]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ZHANG^SAN", "zhang^san^"),
        ("ZHANG^SAN", "Zhang San"),
        ("ZHANG^SAN", "San Zhang"),
        ("张^三", "张三"),
        ("Zhang^San=张^三", "张^三"),
        ("Zhang^San=张^三", "ZHANG^SAN"),
        ("ZHANG^SAN", "张^三"),  # nothing says that these are two people
        ("MÜLLER^JÜRGEN", "Muller^Jurgen"),
        ("MÜLLER^JÖRG", "Mueller^Joerg"),
        ("Lü^Bu", "Lv^Bu"),
        ("LU\u0308^BU", "lyu^bu"),
        ("Smith^John^^Dr", "Smith^John"),
        ("Smith^John^^Dr^Jr", "SMITH JOHN"),
        ("歐陽^明", "欧阳^明"),
        ("張^偉", "张伟"),
        ("Zhang^San", "Zhang^San F 45Y"),
        ("Zhang^San", "ZHANG SAN_045Y_M"),
        ("ADAM 45Y", "ADAM"),
        ("张三", "张三 男 45岁"),
        ("张三", "张三女6月"),
        ("", "ZHANG^SAN"),
    ],
)
def test_writings_of_one_name_agree(one: str, other: str) -> None:
    assert not names_contradict(one, other)
    assert not names_contradict(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ZHANG^SAN", "LI^SI"),
        ("张^三", "李^四"),
        ("Zhang^San=张^三", "Li^Si=李^四"),
        ("ZHANG^SAN", "ZHANG^SANFENG"),
        ("張^三", "章^三"),
        ("MÜLLER^JÖRG", "MOELLER^JOERG"),
        ("ZHANG^SAN 45Y", "LI^SI 45Y"),
        ("SMITH^JOHN^^DR", "SMITH^JANE^^DR"),
    ],
)
def test_two_names_contradict(one: str, other: str) -> None:
    assert names_contradict(one, other)
    assert names_contradict(other, one)


def test_letters_of_a_name_by_script() -> None:
    assert name_letters("Li^Si=李^四") == {"latin": {"iils"}, "han": {"四李"}}


@pytest.mark.parametrize(
    ("attribute", "value", "deidentified", "expected"),
    [
        ("PatientName", "TEST^PATIENT", False, True),
        ("PatientName", "TESTA^MARIA", False, False),
        ("PatientName", "无名氏", False, True),
        ("PatientName", "测试患者", False, True),
        ("PatientName", "UNKNOWN", False, True),
        ("PatientName", "ANON^HEAD-CT", False, True),
        ("PatientName", "ANON^HEAD-CT", True, False),
        ("PatientName", "TEST^PATIENT", True, True),
        ("PatientName", "ZHANG^SAN", False, False),
        ("PatientID", "0000", False, True),
        ("PatientID", "000107", False, False),
        ("PatientID", "TEST_01", False, True),
    ],
)
def test_placeholders(attribute: str, value: str, deidentified: bool, expected: bool) -> None:
    assert is_placeholder(attribute, value, deidentified) is expected


def test_one_slice_of_another_patient_is_named(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(6)
    slices[4] |= {"SOPInstanceUID": "1.2.3.4", "PatientID": "OTHER-7", "PatientName": "LI^SI"}
    (found,) = by_quantity(evidence_of(slices))["patients"]
    assert found.value == 2
    assert found.location.sop_instance_uid == "1.2.3.4"
    assert found.location.series_instance_uid == "1.2.826.0.1.3680043.8.498.1.1"
    assert found.detail == {"instances": 1, "sop_instance_uids": ["1.2.3.4"]}


def test_one_id_given_by_two_hospitals_to_two_people_is_two_patients(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(4)
    slices[0] |= {"SOPInstanceUID": "1.2.3.4", "IssuerOfPatientID": "CQ-HOSPITAL-99", "PatientName": "李^四"}
    (found,) = by_quantity(evidence_of(slices))["patients"]
    assert (found.value, found.location.sop_instance_uid) == (2, "1.2.3.4")


@pytest.mark.parametrize(
    ("attribute", "usual", "other"),
    [
        ("PatientID", "1207", "0001207"),
        ("PatientID", "0001207", "1207"),
        ("PatientID", "A 17", "a17"),
        ("IssuerOfPatientID", "CQ-HOSPITAL-01", "CQ-HOSPITAL-99"),
    ],
)
def test_another_form_of_one_patients_id_is_reviewed(
    evidence_of: Callable[..., Evidence],
    level_of: Callable[[Measurement], str | None],
    attribute: str,
    usual: str,
    other: str,
) -> None:
    slices = axial_slices(4, **{attribute: usual})
    slices[1] |= {"PatientID": None}  # counts with the usual patient, and stands for nobody
    slices[3] |= {"SOPInstanceUID": "1.2.3.4", attribute: other, "PatientName": "張^三"}
    found = by_quantity(evidence_of(slices))
    assert "patients" not in found
    (contradiction,) = found["contradictions"]
    assert (contradiction.value, contradiction.detail["attribute"]) == (1, attribute)
    assert contradiction.location.sop_instance_uid == "1.2.3.4"
    assert level_of(contradiction) == "review"


@pytest.mark.parametrize(
    "changed",
    [
        {"PatientID": "0001207", "PatientName": "李^四"},
        {"PatientID": "0001207", "PatientSex": "F"},
        {"PatientID": "0001207", "PatientBirthDate": "19800102"},
        {"PatientID": "0001207", "PatientBirthDate": None},
        {"PatientID": "0001207", "PatientName": "ZHANG^SAN"},  # another script: nothing says that they are one
        {"PatientID": "12070"},
    ],
)
def test_an_id_in_another_form_is_another_patient_unless_the_person_agrees(
    evidence_of: Callable[..., Evidence], level_of: Callable[[Measurement], str | None], changed: dict[str, str | None]
) -> None:
    slices = axial_slices(4, PatientID="1207")
    slices[3] |= changed
    (found,) = by_quantity(evidence_of(slices))["patients"]
    assert (found.value, level_of(found)) == (2, "reject")


@pytest.mark.parametrize(
    ("attribute", "value"), [("PatientName", "LI^SI=李^四"), ("PatientSex", "F"), ("PatientBirthDate", "19810101")]
)
def test_a_contradiction_under_one_id_is_named(
    evidence_of: Callable[..., Evidence], attribute: str, value: str
) -> None:
    slices = axial_slices(5)
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", attribute: value}
    found = by_quantity(evidence_of(slices))
    assert "patients" not in found
    (contradiction,) = found["contradictions"]
    assert (contradiction.value, contradiction.detail["attribute"]) == (1, attribute)
    assert contradiction.location.sop_instance_uid == "1.2.3.4"


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
@pytest.mark.parametrize(
    ("attribute", "value"),
    [("PatientName", "张三^"), ("PatientSex", "O"), ("PatientSex", None), ("PatientBirthDate", "1980.01.01")],
)
def test_other_words_for_the_same_are_no_contradiction(
    evidence_of: Callable[..., Evidence], attribute: str, value: str | None
) -> None:
    slices = axial_slices(3)
    slices[1] |= {attribute: value}
    assert "contradictions" not in by_quantity(evidence_of(slices))


def test_an_instance_without_id_is_compared_with_the_rest(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3)
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "PatientID": None, "PatientName": "李^四"}
    found = by_quantity(evidence_of(slices))
    assert found["id_absent"][0].location.sop_instance_uid == "1.2.3.4"
    assert found["contradictions"][0].location.sop_instance_uid == "1.2.3.4"
    assert "patients" not in found


def test_a_sound_study_says_nothing(evidence_of: Callable[..., Evidence]) -> None:
    assert by_quantity(evidence_of(axial_slices(3))) == {}


def test_measurements_hold_no_patient_data_and_read_as_sentences(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(30, PatientName="TEST^QUIXOTE", PatientID="SECRET-1", IssuerOfPatientID=None)
    slices[0] |= {"PatientID": "SECRET-2"}
    slices[1] |= {"PatientID": None, "PatientBirthDate": "19440424"}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"patients", "contradictions", "placeholder", "id_absent", "issuer_absent"}
    for measurement in (measurement for group in found.values() for measurement in group):
        said = str(measurement) + " ".join(sentences(patient_identity, measurement))
        assert not any(secret in said for secret in ("SECRET", "QUIXOTE", "1944", "SIM0001"))
        assert len(measurement.detail["sop_instance_uids"]) <= 20


def test_real_studies_lack_no_more_than_the_issuer(real_evidence: dict[str, Evidence]) -> None:
    for name, evidence in real_evidence.items():
        assert set(by_quantity(evidence)) == {"issuer_absent"}, name


def test_a_real_slice_of_another_patient_is_rejected_by_name(
    shared_data: Path, tmp_path: Path, level_of: Callable[[Measurement], str | None]
) -> None:
    wrist = sorted((shared_data / "studies" / "wrist-mr").rglob("*.dcm"))
    for path in wrist:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    home = pydicom.dcmread(wrist[0], stop_before_pixels=True)
    stranger = pydicom.dcmread(sorted((shared_data / "studies" / "heart-mr").rglob("*.dcm"))[3])
    stranger.StudyInstanceUID, stranger.SeriesInstanceUID = home.StudyInstanceUID, home.SeriesInstanceUID
    stranger.save_as(tmp_path / "stranger.dcm")
    (study,) = read_studies([tmp_path]).studies
    (found,) = by_quantity(Evidence(study, (), ()))["patients"]
    assert level_of(found) == "reject"
    assert found.detail["sop_instance_uids"] == [stranger.SOPInstanceUID]
    assert found.location.sop_instance_uid == stranger.SOPInstanceUID
