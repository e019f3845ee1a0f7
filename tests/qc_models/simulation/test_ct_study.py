"""CT studies: headers that a hospital's scanner writes, geometry, range, phases, reformats."""

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

# PS3.3 A.3 with C.7 and C.8.2.1: attributes of type 1, which must have a value, and of type 2, which must be there.
TYPE_1 = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality FrameOfReferenceUID ImageType SamplesPerPixel
PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation PixelData PixelSpacing
ImageOrientationPatient ImagePositionPatient RescaleIntercept RescaleSlope PatientPosition SpecificCharacterSet""".split()
TYPE_2 = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber
SeriesNumber Manufacturer PositionReferenceIndicator InstanceNumber SliceThickness KVP AcquisitionNumber""".split()


def heads(study: SimulatedStudy, number: int) -> list[Dataset]:
    series = next(series for series in study.series if series.number == number)
    return [pydicom.dcmread(path) for path in series.files]


def seconds(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])


def test_every_file_has_what_the_standard_demands(small_study: SmallStudy) -> None:
    for path in small_study("CT-CHEST-C", include_optional=True).files:
        head = pydicom.dcmread(path)
        assert [keyword for keyword in TYPE_1 if head.get(keyword) in (None, "")] == []
        assert [keyword for keyword in TYPE_2 if keyword not in head] == []


@pytest.mark.parametrize("vendor", ["siemens", "philips", "hitachi"])
def test_slices_lie_side_by_side_in_the_order_of_the_vendor(vendor: str, small_study: SmallStudy) -> None:
    slices = heads(small_study("CT-ABD", vendor=vendor), 2)
    places = np.array([float(head.ImagePositionPatient[2]) for head in slices])
    steps = np.diff(places)
    assert np.allclose(np.abs(steps), 5.0, atol=0.002)
    assert bool(np.all(steps > 0)) is (vendor != "siemens")
    assert [head.InstanceNumber for head in slices] == list(range(1, len(slices) + 1))
    assert all(head.ImageOrientationPatient == [1, 0, 0, 0, 1, 0] for head in slices)
    assert np.allclose([float(head.SliceLocation) for head in slices], places, atol=0.002)


@pytest.mark.parametrize("item_id", [name for name, item in CATALOGUE.items.items() if item.modality == "CT"])
def test_the_scan_covers_its_range_with_slices_no_thicker_than_allowed(item_id: str, small_study: SmallStudy) -> None:
    wanted = CATALOGUE.item(item_id)
    study = small_study(item_id)
    longest, thinnest = 0.0, 99.0
    for series in study.series[1:]:
        slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in series.files]
        if slices[0].ImageType[0] == "ORIGINAL":
            places = [float(head.ImagePositionPatient[2]) for head in slices]
            longest = max(longest, max(places) - min(places) + float(slices[0].SliceThickness))
            thinnest = min(thinnest, float(slices[0].SliceThickness))
    assert wanted.scan_range is None or longest >= (wanted.scan_range.min_coverage_mm or 0)
    assert wanted.max_slice_mm is None or thinnest <= wanted.max_slice_mm


def test_phases_can_be_told_from_the_time_after_injection(small_study: SmallStudy) -> None:
    study = small_study("CT-ABD-C", include_optional=True)
    delays = {}
    for series in study.series:
        head = pydicom.dcmread(series.files[0], stop_before_pixels=True)
        phase = series.what.split()[0]
        if "ContrastBolusStartTime" in head:
            assert head.ContrastBolusRoute == "IV"
            delays[phase] = seconds(head.AcquisitionTime) - seconds(head.ContrastBolusStartTime)
        else:
            assert phase in ("localizer", "plain") or series.what.startswith("plain")
    assert 30 <= delays["arterial"] <= 37
    assert 65 <= delays["portal"] <= 75
    assert delays["delayed"] >= 180
    assert set(delays) == {"arterial", "portal", "delayed"}


def test_recons_of_one_scan_share_acquisition_and_frame_of_reference(small_study: SmallStudy) -> None:
    study = small_study("CT-CHEST")
    soft, lung = heads(study, 2)[0], heads(study, 3)[0]
    for keyword in ("AcquisitionNumber", "FrameOfReferenceUID", "IrradiationEventUID", "AcquisitionDate"):
        assert soft[keyword].value == lung[keyword].value
    assert soft.ConvolutionKernel != lung.ConvolutionKernel


def test_reformats_are_derived_and_stand_in_their_plane(small_study: SmallStudy) -> None:
    study = small_study("CT-CSPINE", include_optional=True)
    planes = {}
    for series in study.series:
        head = pydicom.dcmread(series.files[0], stop_before_pixels=True)
        if head.ImageType[0] == "DERIVED":
            normal = np.cross(head.ImageOrientationPatient[:3], head.ImageOrientationPatient[3:])
            planes[series.what.split()[2]] = int(np.argmax(np.abs(normal)))
    assert planes == {"sagittal": 0, "coronal": 1}


def test_hounsfield_units_are_those_of_tissue_whatever_the_vendor(small_study: SmallStudy) -> None:
    for vendor in ("siemens", "ge", "canon"):
        middle = heads(small_study("CT-ABD", vendor=vendor), 2)[24]
        hu = middle.pixel_array * float(middle.RescaleSlope) + float(middle.RescaleIntercept)
        assert hu[2:8, 28:36].mean() < -800  # air before the patient
        row, column = 30, 20  # right side of the trunk, in the liver
        assert hu[row - 2 : row + 2, column - 2 : column + 2].mean() == pytest.approx(58, abs=12)


def test_ge_pads_outside_the_circle(small_study: SmallStudy) -> None:
    head = heads(small_study("CT-HEAD", vendor="ge"), 2)[0]
    assert head.PixelPaddingValue == -2000
    assert head.pixel_array[0, 0] == -2000
    assert head.pixel_array[32, 32] != -2000


def test_the_scout_is_marked_and_frontal(small_study: SmallStudy) -> None:
    (scout,) = heads(small_study("CT-CHEST"), 1)
    assert list(scout.ImageType) == ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    assert scout.ImageOrientationPatient == [1, 0, 0, 0, 0, -1]


def test_a_limb_names_its_side(small_study: SmallStudy) -> None:
    assert heads(small_study("CT-JOINT", seed=2), 2)[0].Laterality == "R"
    assert heads(small_study("CT-JOINT", seed=3), 2)[0].Laterality == "L"
