"""What each kind of image must carry, and how badly it is missed."""

from collections.abc import Callable
from types import ModuleType

import pytest

from qc_models.checks.metadata import required_attributes
from qc_models.checks.metadata.required_attributes import IODS, MODULES, Module, iod, lacking
from qc_models.dicom.attributes import ATTRIBUTES
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices

# What a CT image of PS3.3 A.3 needs beyond the defaults of written instances.
COMPLETE = {
    "RescaleIntercept": -1024,
    "RescaleSlope": 1,
    "KVP": 120,
    "AcquisitionNumber": 1,
    "SeriesNumber": 2,
    "ReferringPhysicianName": "",
    "StudyID": "",
    "AccessionNumber": "",
    "PositionReferenceIndicator": "",
}


def by_attribute(evidence: Evidence) -> dict[str, tuple[str, float]]:
    return {
        found.detail["attribute"]: (found.metric.removeprefix("metadata.required_attributes."), found.value)
        for found in required_attributes.measure(evidence)
    }


def test_every_attribute_is_one_that_the_reader_keeps() -> None:
    named = {
        attribute
        for module in MODULES.values()
        for attribute in (*module.essential, *module.essential_if_placed, *module.type1, *module.type2)
    }
    assert named <= set(ATTRIBUTES)
    assert {name for modules in IODS.values() for name in modules} == set(MODULES)


@pytest.mark.parametrize(
    ("sop_class_uid", "modality", "expected"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "CT", "CT"),
        ("1.2.840.10008.5.1.4.1.1.4.1", "MR", "Enhanced MR"),
        ("1.2.840.10008.5.1.4.1.1.1.1", "DX", "DX"),
        ("1.2.840.10008.5.1.4.1.1.7", "CT", "other"),  # a secondary capture is no CT image, whatever it says
        ("", "MR", "MR"),
        ("", "US", "other"),
    ],
)
def test_kind_of_image(sop_class_uid: str, modality: str, expected: str) -> None:
    assert iod(sop_class_uid, modality) == expected


def test_empty_is_absent_for_type_1_alone(evidence_of: Callable[..., Evidence]) -> None:
    header = evidence_of(axial_slices(1, KVP="", ImageType="")).study.instances[0].header
    module = Module("", essential=("Rows",), type1=("ImageType",), type2=("KVP", "AcquisitionNumber"))
    assert list(lacking(header, module, placed=True)) == [("type1", "ImageType"), ("type2", "AcquisitionNumber")]


def test_a_complete_ct_lacks_nothing(evidence_of: Callable[..., Evidence]) -> None:
    assert by_attribute(evidence_of(axial_slices(3, **COMPLETE))) == {}


def test_one_measurement_for_each_attribute(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(4, **COMPLETE | {"RescaleSlope": None, "ImageType": None, "KVP": None})
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", "ImagePositionPatient": None}
    evidence = evidence_of(slices)
    assert by_attribute(evidence) == {
        "RescaleSlope": ("essential", 4),
        "ImagePositionPatient": ("essential", 1),
        "ImageType": ("type1", 4),
        "KVP": ("type2", 4),
    }
    found = next(m for m in required_attributes.measure(evidence) if m.detail["attribute"] == "ImagePositionPatient")
    assert found.location.sop_instance_uid == "1.2.3.4"
    assert "ImagePositionPatient (Image Plane, PS3.3 C.7.6.2)" in sentences(required_attributes, found)[0]


@pytest.mark.parametrize(
    ("keywords", "facts", "quantity"),
    [
        ({}, {}, "essential"),
        ({}, {"role": "LOC"}, "type1"),
        ({"ImageType": ["DERIVED", "SECONDARY", "VRT"]}, {}, "type1"),
    ],
)
def test_scouts_and_renderings_need_no_place(
    evidence_of: Callable[..., Evidence], keywords: dict[str, object], facts: dict[str, str], quantity: str
) -> None:
    slices = axial_slices(2, **COMPLETE | {"ImageOrientationPatient": None} | keywords)
    for image in slices:
        image |= {"ImagePositionPatient": None}
    assert by_attribute(evidence_of(slices, **facts)) == {
        "ImagePositionPatient": (quantity, 2),
        "ImageOrientationPatient": (quantity, 2),
    }


def test_a_derived_slice_between_placed_ones_needs_its_place(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3, **COMPLETE, ImageType=["DERIVED", "SECONDARY", "M", "FILTERED"])
    slices[1] |= {"ImagePositionPatient": None}
    assert by_attribute(evidence_of(slices)) == {"ImagePositionPatient": ("essential", 1)}


def test_a_radiograph_is_asked_for_its_own(evidence_of: Callable[..., Evidence]) -> None:
    cr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR", "BodyPartExamined": "", "ViewPosition": None}
    found = by_attribute(evidence_of([COMPLETE | cr | {"ImagePositionPatient": None, "InstanceNumber": 1}]))
    assert found == {"ViewPosition": ("type2", 1)}


def test_real_studies_lack_nothing_that_matters(
    real_evidence: dict[str, Evidence], level_of: Callable[[Measurement], str | None]
) -> None:
    for name, evidence in real_evidence.items():
        assert {level_of(found) for found in required_attributes.measure(evidence)} <= {"note"}, name
