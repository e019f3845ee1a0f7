"""UIDs: how they are written, and that each stands for one thing."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from qc_models.checks.metadata import uids
from qc_models.checks.metadata.uids import is_uid
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement
from qc_models.study import RepeatedInstance
from tests.written_dicom import axial_slices

SERIES = "1.2.826.0.1.3680043.8.498.1.1"


def by_quantity(evidence: Evidence) -> dict[str, Measurement]:
    return {found.metric.removeprefix("metadata.uids."): found for found in uids.measure(evidence)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.840.10008.1.2", True),
        ("2.25.0", True),
        ("1." + "3" * 62, True),
        ("1." + "3" * 63, False),  # 65 characters
        ("1.2.03", False),
        ("1.2..3", False),
        ("1.2.3.", False),
        ("1.2.x", False),
        ("", False),
    ],
)
def test_what_a_uid_is(text: str, expected: bool) -> None:
    assert is_uid(text) is expected


def test_a_sound_study_says_nothing(evidence_of: Callable[..., Evidence]) -> None:
    assert by_quantity(evidence_of(axial_slices(3))) == {}


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_malformed(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3)
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.003"}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"malformed"}
    assert (found["malformed"].value, found["malformed"].detail) == (1, {"attribute": "FrameOfReferenceUID"})
    assert found["malformed"].location == Location(SERIES, "1.2.3.4")


def test_repeated_files_agree_or_conflict(evidence_of: Callable[..., Evidence]) -> None:
    evidence = evidence_of(axial_slices(3))
    repeated = (RepeatedInstance(SERIES, "1.2.3.4", 2, True), RepeatedInstance(SERIES, "1.2.3.5", 3, False))
    found = by_quantity(replace(evidence, study=replace(evidence.study, repeated=repeated)))
    assert (found["repeated_files"].value, found["repeated_files"].location) == (2, Location(SERIES, "1.2.3.4"))
    assert (found["conflicting"].value, found["conflicting"].location) == (3, Location(SERIES, "1.2.3.5"))


def test_two_modalities_in_one_series(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(4)
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"modalities"}
    assert (found["modalities"].value, found["modalities"].detail) == (2, {"modalities": ["CT", "MR"]})
    assert found["modalities"].location.sop_instance_uid == "1.2.3.4"


def test_a_ct_image_that_says_it_is_mr(evidence_of: Callable[..., Evidence]) -> None:
    found = by_quantity(evidence_of(axial_slices(3, Modality="MR")))
    assert set(found) == {"modality_mismatch"}
    assert found["modality_mismatch"].value == 3


def test_file_meta_information_of_another_object(evidence_of: Callable[..., Evidence]) -> None:
    evidence = evidence_of(axial_slices(2))
    header = evidence.study.instances[0].header
    found = header._found | {
        "MediaStorageSOPInstanceUID": (b"UI", b"1.2.3"),
        "MediaStorageSOPClassUID": (b"UI", b"1.2"),
    }
    other = replace(evidence.study.instances[0], header=replace(header, _found=found))
    series = replace(evidence.study.series[0], instances=(other, evidence.study.instances[1]))
    measured = by_quantity(replace(evidence, study=replace(evidence.study, series=(series,))))
    assert {quantity: found.value for quantity, found in measured.items()} == {
        "sop_class_mismatch": 1,
        "sop_instance_mismatch": 1,
    }


def test_measurements_read_as_sentences(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(3, Modality="MR")
    slices[1] |= {"Modality": "PT"}
    found = by_quantity(evidence_of(slices))
    assert "PT" in sentences(uids, found["modalities"])[0]
    assert "Modality" in sentences(uids, found["modality_mismatch"])[0]


def test_real_studies_say_nothing(real_evidence: dict[str, Evidence]) -> None:
    assert {name: set(by_quantity(evidence)) for name, evidence in real_evidence.items()} == {
        name: set() for name in real_evidence
    }
