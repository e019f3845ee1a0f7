"""Orientation of hand-made studies: directions, planes by name, mirror images, order and position."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from qc_models.checks.body_part import orientation
from qc_models.checks.body_part.orientation import angle_deg, off_orthonormal, out_of_order, planes_named
from qc_models.evidence import Evidence
from qc_models.facts import RegionLabel, ViewLabel
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices

AXIAL, CORONAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]
RADIOGRAPH = {
    "Modality": "DX",
    "ImageOrientationPatient": None,
    "ImagePositionPatient": None,
    "FrameOfReferenceUID": None,
}
CHEST = RegionLabel(("chest",), 1.0)
EvidenceOf = Callable[..., Evidence]
Sentences = Callable[[ModuleType, Measurement], tuple[str, ...]]


def measured(evidence: Evidence) -> dict[str, float]:
    return {found.metric.rpartition(".")[2]: found.value for found in orientation.measure(evidence)}


@pytest.mark.parametrize(
    ("directions", "off"),
    [
        ([1, 0, 0, 0, 1, 0], 0.0),
        ([1, 0, 0, 0, 0.9, 0], 0.1),
        ([1, 0, 0, 0.6, 0.8, 0], 0.6),
        ([0, 0, 0, 0, 0, 0], 1.0),
    ],
)
def test_directions_are_unit_vectors_at_right_angles(directions: list[float], off: float) -> None:
    assert off_orthonormal(directions) == pytest.approx(off)


@pytest.mark.parametrize(("degrees"), [0.0, 30.0, 90.0, 180.0])
def test_angles_are_in_degrees(degrees: float) -> None:
    turned = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0)
    assert angle_deg((1.0, 0.0, 0.0), turned) == pytest.approx(degrees, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "planes"),
    [
        ("T2_TSE_TRA_FS", {"axial"}),
        ("SAG PD / COR PD", {"sagittal", "coronal"}),
        ("腰椎矢状位T2", {"sagittal"}),
        ("CORONARY CTA", set()),
        ("EXTRA SERIES", set()),
    ],
)
def test_planes_are_named_by_whole_words(text: str, planes: set[str]) -> None:
    assert planes_named(text) == planes


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [([1, 2, 3, 4], 0), ([4, 3, 2, 1], 0), ([1, 1, 1], 0), ([1, 2, 9, 3, 4], 1), ([1, 3, 5, 2, 4, 6], 2), ([], 0)],
)
def test_numbers_out_of_order_are_those_that_must_go(numbers: list[int], wrong: int) -> None:
    assert out_of_order(numbers) == wrong


@pytest.mark.parametrize("directions", [AXIAL, CORONAL, SAGITTAL])
def test_a_usual_stack_says_nothing(evidence_of: EvidenceOf, directions: list[float]) -> None:
    slices = [
        {"InstanceNumber": i, "ImageOrientationPatient": directions, "ImagePositionPatient": [5 * i, 5 * i, 5 * i]}
        for i in range(3)
    ]
    described = {tuple(AXIAL): "AX", tuple(CORONAL): "COR", tuple(SAGITTAL): "SAG"}[tuple(directions)]
    assert measured(evidence_of([{**one, "Modality": "MR", "SeriesDescription": described} for one in slices])) == {}


def test_directions_that_are_none_are_told(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    (found,) = orientation.measure(evidence_of(axial_slices(3, ImageOrientationPatient=[1, 0, 0, 0, 0.9, 0])))
    assert (found.metric, found.value) == ("body_part.orientation.not_orthonormal", pytest.approx(0.1))
    assert all(sentences(orientation, found))


@pytest.mark.parametrize(
    ("keywords", "source"),
    [
        ({"SeriesDescription": "T2 SAG", "Modality": "MR"}, "SeriesDescription"),
        ({"SeriesDescription": "T2", "ProtocolName": "SAG T2", "Modality": "MR"}, "ProtocolName"),
    ],
)
def test_a_plane_that_the_text_names_wrongly_is_told(
    evidence_of: EvidenceOf, sentences: Sentences, keywords: dict[str, Any], source: str
) -> None:
    (found,) = orientation.measure(evidence_of(axial_slices(3, **keywords)))
    assert (found.metric, found.value) == ("body_part.orientation.plane_conflict", pytest.approx(90.0))
    assert found.detail == {"source": source, "plane": "sagittal"}
    assert all(sentences(orientation, found))


def test_an_original_ct_that_calls_itself_axial_stands_upright(evidence_of: EvidenceOf) -> None:
    slices = [
        {"ImageOrientationPatient": CORONAL, "ImagePositionPatient": [0, 5 * i, 0], "InstanceNumber": i}
        for i in range(3)
    ]
    assert measured(evidence_of(slices)) == {"plane_conflict": pytest.approx(90.0)}
    reformat = [{**one, "ImageType": ["DERIVED", "SECONDARY", "AXIAL"]} for one in slices]
    assert measured(evidence_of(reformat, derived=True)) == {}


@pytest.mark.parametrize(
    "fields",
    [{"region": RegionLabel(("wrist",), 1.0)}, {"role": "LOC"}, {"derived": True, "region": RegionLabel(("foot",))}],
)
def test_limbs_and_localizers_are_not_asked_for_their_plane(evidence_of: EvidenceOf, fields: dict[str, Any]) -> None:
    assert measured(evidence_of(axial_slices(3, Modality="MR", SeriesDescription="SAG"), **fields)) == {}


def test_a_derived_stack_may_keep_the_protocol_of_its_source(evidence_of: EvidenceOf) -> None:
    slices = axial_slices(3, Modality="MR", SeriesDescription="MPR", ProtocolName="SAG T1 MPRAGE")
    assert measured(evidence_of(slices, derived=True)) == {}


def test_cor_of_a_heart_is_no_plane(evidence_of: EvidenceOf) -> None:
    assert measured(evidence_of(axial_slices(3, SeriesDescription="CARDIAC COR 0.6"))) == {}


def test_attributes_that_say_the_opposite_tell_a_mirror_image(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    (found,) = orientation.measure(evidence_of(axial_slices(3, PatientOrientation=["R", "P"])))
    assert (found.metric, found.value) == ("body_part.orientation.mirrored", pytest.approx(180.0))
    assert found.detail == {"said": "R\\P", "found": "L\\P"}
    assert all(sentences(orientation, found))


@pytest.mark.parametrize("said", [["L", "P"], ["L", "PH"], ["LA", "PL"], ["L"], ["", ""]])
def test_attributes_that_agree_or_say_nothing_are_silent(evidence_of: EvidenceOf, said: list[str]) -> None:
    assert measured(evidence_of(axial_slices(3, PatientOrientation=said))) == {}


@pytest.mark.parametrize(
    ("directions", "seen_from"), [([-1, 0, 0, 0, 1, 0], "the head"), ([-1, 0, 0, 0, 0, -1], "behind")]
)
def test_a_view_from_the_other_side_is_told(
    evidence_of: EvidenceOf, sentences: Sentences, directions: list[float], seen_from: str
) -> None:
    slices = [
        {
            "Modality": "MR",
            "ImageOrientationPatient": directions,
            "ImagePositionPatient": [0, i, i],
            "InstanceNumber": i,
        }
        for i in range(3)
    ]
    (found,) = orientation.measure(evidence_of(slices))
    assert found.metric == "body_part.orientation.against_convention"
    assert found.detail["seen_from"] == seen_from
    assert all(sentences(orientation, found))


def test_a_prone_patient_seen_from_the_feet_is_within_convention(evidence_of: EvidenceOf) -> None:
    prone = axial_slices(3, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0], PatientPosition="HFP")
    assert measured(evidence_of(prone)) == {}


def test_numbers_against_position_are_counted(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    slices = axial_slices(5)
    slices[1]["InstanceNumber"], slices[2]["InstanceNumber"] = 3, 2
    (found,) = orientation.measure(evidence_of(slices))
    assert (found.metric, found.value) == ("body_part.orientation.reversed_order", 1.0)
    assert all(sentences(orientation, found))


def test_several_times_at_one_position_have_no_one_order(evidence_of: EvidenceOf) -> None:
    times = [{**one, "InstanceNumber": 10 * (i % 2) + i} for i, one in enumerate(axial_slices(4) + axial_slices(4))]
    assert measured(evidence_of(times)) == {}


def test_a_patient_on_the_side_is_told(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    (found,) = orientation.measure(evidence_of(axial_slices(3, PatientPosition="HFDL")))
    assert (found.metric, found.value, found.detail["positions"]) == ("body_part.orientation.decubitus", 1.0, ["HFDL"])
    assert all(sentences(orientation, found))


@pytest.mark.parametrize(
    ("view", "said", "quantities"),
    [
        ("PA", ["L", "F"], set()),
        ("PA", ["F", "L"], {"against_convention"}),
        ("PA", ["R", "F"], {"against_convention"}),
        ("LAT", ["A", "F"], set()),
        ("PA", ["A", "F"], {"view_conflict"}),
        ("LAT", ["L", "F"], {"view_conflict"}),
        ("OBL", ["A", "F"], set()),
        ("PA", ["A", "A"], set()),
        (None, ["A", "F"], set()),
    ],
)
def test_a_radiographs_orientation_fits_its_view(
    evidence_of: EvidenceOf, sentences: Sentences, view: str | None, said: list[str], quantities: set[str]
) -> None:
    evidence = evidence_of([{**RADIOGRAPH, "PatientOrientation": said}], view=ViewLabel(view, 1.0), region=CHEST)
    found = list(orientation.measure(evidence))
    assert {measurement.metric.rpartition(".")[2] for measurement in found} == quantities
    for measurement in found:
        assert measurement.location.sop_instance_uid
        assert all(sentences(orientation, measurement))


def test_a_breast_is_seen_from_above(evidence_of: EvidenceOf) -> None:
    breast = RegionLabel(("breast",), 1.0)
    image = {**RADIOGRAPH, "Modality": "MG", "PatientOrientation": ["A", "L"]}
    assert measured(evidence_of([image], view=ViewLabel("CC", 1.0), region=breast)) == {}


def test_a_hand_lies_as_it_likes(evidence_of: EvidenceOf) -> None:
    hand = RegionLabel(("hand",), 1.0)
    evidence = evidence_of([{**RADIOGRAPH, "PatientOrientation": ["A", "F"]}], view=ViewLabel("PA", 1.0), region=hand)
    assert measured(evidence) == {}


@pytest.mark.parametrize(
    "name", ["abdpel-ct", "brain-mr-pd", "chest-ct", "head-ct", "heart-mr", "knee-mr", "lspine-mr-3t", "wrist-mr"]
)
def test_real_studies_lie_as_they_say(real_evidence: Callable[[str], Evidence], name: str) -> None:
    assert measured(real_evidence(name)) == {}


def test_tilted_blocks_of_a_real_study_stay_near_the_plane_of_their_name(
    real_evidence: Callable[[str], Evidence],
) -> None:
    assert {name: round(value) for name, value in measured(real_evidence("lspine-ct")).items()} == {
        "plane_conflict": 27
    }
