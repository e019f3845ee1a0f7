"""MR studies: sequence parameters, b-values in each vendor's place, dynamic times, planes, coverage."""

from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from configs.strict import HERE
from qc_models.exam_item import load_catalogue
from qc_models.simulation.study_simulation import SimulatedStudy

SmallStudy = Callable[..., SimulatedStudy]
CATALOGUE = load_catalogue(HERE / "exam_items")

# PS3.3 A.4 with C.7 and C.8.3.1.
TYPE_1 = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality FrameOfReferenceUID ImageType SamplesPerPixel
PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation PixelData PixelSpacing
ImageOrientationPatient ImagePositionPatient ScanningSequence SequenceVariant PatientPosition""".split()
TYPE_2 = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber
SeriesNumber Manufacturer PositionReferenceIndicator InstanceNumber SliceThickness ScanOptions MRAcquisitionType EchoTime
EchoTrainLength RepetitionTime""".split()


def heads(study: SimulatedStudy, what: str) -> list[Dataset]:
    series = next(series for series in study.series if series.what == what)
    return [pydicom.dcmread(path) for path in series.files]


def normal_of(head: Dataset) -> np.ndarray:
    return np.cross(head.ImageOrientationPatient[:3], head.ImageOrientationPatient[3:])


def test_every_file_has_what_the_standard_demands(small_study: SmallStudy) -> None:
    for path in small_study("MR-HEAD-C", include_optional=True).files:
        head = pydicom.dcmread(path)
        assert [keyword for keyword in TYPE_1 if head.get(keyword) in (None, "")] == []
        assert [keyword for keyword in TYPE_2 if keyword not in head] == []


def test_times_tell_the_weights(small_study: SmallStudy) -> None:
    study = small_study("MR-HEAD", include_optional=True)
    t1, t2, flair, dwi = (heads(study, what)[0] for what in ("AX_T1", "AX_T2", "AX_FLAIR", "AX_DWI"))
    assert t1.RepetitionTime < 800
    assert t1.EchoTime < 20
    assert t2.RepetitionTime > 3000
    assert t2.EchoTime > 80
    assert flair.InversionTime > 2000
    assert "IR" in flair.ScanningSequence
    assert dwi.ScanningSequence == "EP"
    assert "InversionTime" not in t2


def test_fluid_is_bright_in_t2_and_dark_in_flair(small_study: SmallStudy) -> None:
    study = small_study("MR-LSPINE")
    t1, t2 = (np.stack([head.pixel_array for head in heads(study, what)]) for what in ("SAG_T1", "SAG_T2"))
    assert t1.shape == t2.shape
    brightest_in_t2 = t2 > np.percentile(t2, 99.5)
    assert t1[brightest_in_t2].mean() < t1[t1 > np.percentile(t1, 80)].mean() / 2


@pytest.mark.parametrize(
    ("vendor", "private"),
    [
        ("siemens", (0x0019, 0x0C, "SIEMENS MR HEADER")),
        ("ge", (0x0043, 0x39, "GEMS_PARM_01")),
        ("philips", (0x2001, 0x03, "Philips Imaging DD 001")),
        ("uih", (0x0065, 0x09, "Image Private Header")),
        ("canon", None),
    ],
)
def test_b_values_stand_where_the_vendor_writes_them(
    vendor: str, private: tuple[int, int, str] | None, small_study: SmallStudy
) -> None:
    images = heads(small_study("MR-HEAD", vendor=vendor), "AX_DWI")
    if private is None:
        values = [float(head.DiffusionBValue) for head in images]
    else:
        group, element, creator = private
        raw = [head.private_block(group, creator)[element].value for head in images]
        values = [float(value[0] if vendor == "ge" else value) % 1_000_000 for value in raw]
    assert sorted(set(values)) == [0.0, 1000.0]
    assert values.count(0.0) == values.count(1000.0) == len(images) // 2
    weak = np.mean([head.pixel_array.mean() for head, value in zip(images, values, strict=True) if value == 0])
    strong = np.mean([head.pixel_array.mean() for head, value in zip(images, values, strict=True) if value])
    assert strong < weak


def test_the_prostate_has_a_high_b_value_and_no_gap(small_study: SmallStudy) -> None:
    study = small_study("MR-PROSTATE", vendor="canon")
    assert max(float(head.DiffusionBValue) for head in heads(study, "AX_DWI")) >= 1400
    places = sorted(float(head.ImagePositionPatient[2]) for head in heads(study, "AX_T2"))
    assert np.allclose(np.diff(places), float(heads(study, "AX_T2")[0].SliceThickness), atol=0.001)


def test_a_dynamic_series_begins_before_the_injection(small_study: SmallStudy) -> None:
    images = heads(small_study("MR-ABD", include_optional=True), "DYNAMIC")
    starts: dict[int, str] = {}
    for head in images:
        starts.setdefault(int(head.TemporalPositionIdentifier), head.AcquisitionTime)
    assert sorted(starts) == [1, 2, 3, 4]
    assert {int(head.NumberOfTemporalPositions) for head in images} == {4}
    assert starts[1] < images[0].ContrastBolusStartTime < starts[2] < starts[3] < starts[4]
    mean = {
        time: np.mean([h.pixel_array.mean() for h in images if h.TemporalPositionIdentifier == time]) for time in starts
    }
    assert mean[3] > mean[1]


def test_in_and_opposed_phase_are_two_echoes(small_study: SmallStudy) -> None:
    images = heads(small_study("MR-ABD", include_optional=True), "IN_OUT_PHASE")
    assert {(float(head.EchoTime), int(head.EchoNumbers)) for head in images} == {(2.3, 1), (4.6, 2)}
    assert images[0].MagneticFieldStrength == 1.5


def test_after_contrast_means_after_the_injection(small_study: SmallStudy) -> None:
    study = small_study("MR-HEAD-C")
    before, after = heads(study, "AX_T1")[0], heads(study, "AX_T1C")[0]
    assert "ContrastBolusAgent" not in before
    assert before.AcquisitionTime < after.ContrastBolusStartTime < after.AcquisitionTime


def test_the_shoulder_is_cut_obliquely_and_nearest_to_its_plane(small_study: SmallStudy) -> None:
    study = small_study("MR-SHOULDER")
    coronal, sagittal = (np.abs(normal_of(heads(study, what)[0])) for what in ("COR_PDFS", "SAG_PDFS"))
    assert coronal[1] > 0.75
    assert 0.3 < coronal[0] < 0.7
    assert sagittal[0] > 0.75


@pytest.mark.parametrize("item_id", [name for name, item in CATALOGUE.items.items() if item.modality == "MR"])
def test_axial_slices_cover_the_range(item_id: str, small_study: SmallStudy) -> None:
    wanted = CATALOGUE.item(item_id)
    study = small_study(item_id)
    for series in study.series[1:]:
        slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in series.files]
        assert wanted.max_slice_mm is None or float(slices[0].SliceThickness) <= wanted.max_slice_mm
        if series.what.startswith("AX_") and wanted.scan_range and wanted.scan_range.min_coverage_mm:
            places = [float(head.ImagePositionPatient[2]) for head in slices]
            extent = max(places) - min(places) + float(slices[0].SliceThickness)
            assert extent >= wanted.scan_range.min_coverage_mm


def test_fat_suppression_is_spelled_as_the_vendor_spells_it(small_study: SmallStudy) -> None:
    for vendor, word in (("siemens", "FS"), ("ge", "FAT_SAT")):
        study = small_study("MR-KNEE", vendor=vendor)
        assert heads(study, "SAG_PDFS")[0].ScanOptions == word
        assert heads(study, "SAG_T1")[0].ScanOptions in (None, "")
