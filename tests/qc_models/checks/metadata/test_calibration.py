"""Pixel spacing: there, possible, and the same throughout."""

from collections.abc import Callable
from types import ModuleType

import pytest

from qc_models.checks.metadata import calibration
from qc_models.checks.metadata.calibration import field_of_view_mm, is_plausible, off_usual
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices

WIDE = {"Rows": 512, "Columns": 512, "pixels": [[0] * 512] * 512}
CR = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR", "PixelSpacing": None, **WIDE}


def by_quantity(evidence: Evidence) -> dict[str, Measurement]:
    return {found.metric.removeprefix("metadata.calibration."): found for found in calibration.measure(evidence)}


@pytest.mark.parametrize(
    ("modality", "spacing_mm", "rows", "columns", "expected"),
    [
        ("CT", (0.7, 0.7), 512, 512, True),
        ("CT", (0.1, 0.1), 512, 512, True),  # 51 mm: an ear
        ("CT", (1.3671875, 1.3671875), 512, 512, True),  # 700 mm: PET-CT
        ("CT", (7.0, 7.0), 512, 512, False),
        ("CT", (0.05, 0.05), 512, 512, False),  # 26 mm
        ("MR", (3.4375, 3.4375), 64, 64, True),  # echo-planar
        ("MR", (0.7, 0.2), 256, 256, False),
        ("XR", (0.143, 0.143), 2991, 2989, True),
        ("XR", (1.43, 1.43), 2991, 2989, False),
    ],
)
def test_what_a_scanner_can_make(
    modality: str, spacing_mm: tuple[float, float], rows: int, columns: int, expected: bool
) -> None:
    assert is_plausible(modality, spacing_mm, rows, columns) is expected


def test_field_of_view_is_the_longer_side() -> None:
    assert field_of_view_mm((0.5, 0.25), 100, 400) == 100.0


def test_spacings_off_the_usual_one() -> None:
    assert off_usual([(0.7, 0.7), (0.8, 0.8), (0.7, 0.7)]) == [1]
    assert off_usual([(0.292969, 0.292969), (0.292968, 0.292968)]) == []
    assert off_usual([(0.7, 0.7), (0.7, 0.75), (0.7, 0.7)]) == [1]


def test_a_sound_series_says_nothing(evidence_of: Callable[..., Evidence]) -> None:
    assert by_quantity(evidence_of(axial_slices(3, **WIDE, ReconstructionDiameter=358.4))) == {}


def test_absent(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3, **WIDE)
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "PixelSpacing": None}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"spacing_absent"}
    assert (found["spacing_absent"].value, found["spacing_absent"].location.sop_instance_uid) == (1, "1.2.3.4")
    assert by_quantity(evidence_of(axial_slices(2, **WIDE, PixelSpacing=None), role="LOC")) == {}


def test_implausible_and_conflicting(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(4, **WIDE, ReconstructionDiameter=358.4)  # 512 × 0.7 mm
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", "PixelSpacing": [7, 7]}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"spacing_implausible", "spacing_conflict", "field_of_view_conflict"}
    assert {measurement.location.sop_instance_uid for measurement in found.values()} == {"1.2.3.4"}
    assert (found["spacing_implausible"].value, found["spacing_conflict"].value) == (1, 1)
    assert found["spacing_conflict"].detail == {"spacing_mm": [7.0, 7.0], "usual_mm": [0.7, 0.7]}
    assert found["field_of_view_conflict"].value == pytest.approx(900)
    assert all(sentences(calibration, measurement) for measurement in found.values())


def test_stated_field_of_view(evidence_of: Callable[..., Evidence]) -> None:
    wrong = by_quantity(evidence_of(axial_slices(2, **WIDE, ReconstructionDiameter=250)))
    assert wrong["field_of_view_conflict"].value == pytest.approx(43.36)  # 358.4 mm beside 250 mm
    derived = axial_slices(2, **WIDE, ReconstructionDiameter=250, ImageType=["DERIVED", "PRIMARY", "MPR"])
    assert by_quantity(evidence_of(derived)) == {}


def test_another_matrix_or_orientation_may_have_another_spacing(evidence_of: Callable[..., Evidence]) -> None:
    sagittal = axial_slices(2, **WIDE, PixelSpacing=[0.5, 0.5], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    slices = axial_slices(2, **WIDE) + [image | {"InstanceNumber": 10 + i} for i, image in enumerate(sagittal)]
    assert by_quantity(evidence_of(slices)) == {}


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({}, {"spacing_absent": 1}),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, {"uncalibrated": 1}),
        ({"ImagerPixelSpacing": [0.15, 0.15], "PixelSpacing": [0.15, 0.15]}, {"uncalibrated": 1}),
        ({"ImagerPixelSpacing": [0.15, 0.15], "PixelSpacing": [0.13, 0.13]}, {}),
        (
            {
                "ImagerPixelSpacing": [0.15, 0.15],
                "PixelSpacing": [0.15, 0.15],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            {},
        ),
        ({"NominalScannedPixelSpacing": [0.17, 0.17]}, {}),
    ],
)
def test_radiographs(
    evidence_of: Callable[..., Evidence], keywords: dict[str, object], expected: dict[str, float]
) -> None:
    found = by_quantity(evidence_of([CR | {"InstanceNumber": 1} | keywords]))
    assert {quantity: measurement.value for quantity, measurement in found.items()} == expected


def test_real_studies_say_nothing(real_evidence: dict[str, Evidence]) -> None:
    assert {name: set(by_quantity(evidence)) for name, evidence in real_evidence.items()} == {
        name: set() for name in real_evidence
    }
