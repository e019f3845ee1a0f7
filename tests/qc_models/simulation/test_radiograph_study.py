"""Radiographs: views and sides in headers, pixel pitch, what is bright, the four kinds of objects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from configs.strict import HERE
from qc_models.exam_item import load_catalogue
from qc_models.simulation.radiograph_views import VIEWS, directions, view_of
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study

SmallStudy = Callable[..., SimulatedStudy]
CATALOGUE = load_catalogue(HERE / "exam_items")

# PS3.3 A.26 with C.8.11: what each radiograph for presentation must have.
DX_TYPE_1 = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality PresentationIntentType ImageType
SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation PixelData
PixelIntensityRelationship PixelIntensityRelationshipSign RescaleIntercept RescaleSlope RescaleType PresentationLUTShape
LossyImageCompression BurnedInAnnotation ImagerPixelSpacing ImageLaterality PatientOrientation WindowCenter WindowWidth
InstanceNumber""".split()
DX_TYPE_2 = """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
AccessionNumber SeriesNumber Manufacturer DetectorType AnatomicRegionSequence AcquisitionContextSequence""".split()


def full(folder: Path, item_id: str, **options: object) -> list[Dataset]:
    study = simulate_study(CATALOGUE.item(item_id), folder, **options)  # type: ignore[arg-type]
    return [pydicom.dcmread(path) for path in study.files]


def heads(small_study: SmallStudy, item_id: str, **options: object) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in small_study(item_id, **options).files]


@pytest.mark.parametrize("item_id", ["XR-CHEST-2V", "XR-HAND", "XR-MAMMO"])
def test_every_file_has_what_the_standard_demands(item_id: str, small_study: SmallStudy) -> None:
    for head in heads(small_study, item_id):
        assert [keyword for keyword in DX_TYPE_1 if head.get(keyword) in (None, "")] == []
        assert [keyword for keyword in DX_TYPE_2 if keyword not in head] == []
        assert head.DetectorType in ("SCINTILLATOR", "DIRECT")


@pytest.mark.parametrize(
    ("vendor", "modality", "sop_class"),
    [
        ("siemens", "DX", "1.2.840.10008.5.1.4.1.1.1.1"),
        ("canon", "CR", "1.2.840.10008.5.1.4.1.1.1"),
        ("hitachi", "RG", "1.2.840.10008.5.1.4.1.1.1"),
    ],
)
def test_vendors_write_their_kind_of_object(
    vendor: str, modality: str, sop_class: str, small_study: SmallStudy
) -> None:
    images = heads(small_study, "XR-KNEE", vendor=vendor, seed=3)
    assert {(head.Modality, head.SOPClassUID) for head in images} == {(modality, sop_class)}
    assert {head.get("ImageLaterality") or head.get("Laterality") for head in images} == {"L"}
    assert len({head.SeriesInstanceUID for head in images}) == (2 if vendor == "siemens" else 1)


def test_views_are_coded(small_study: SmallStudy) -> None:
    coded = [(h.ViewPosition, h.ViewCodeSequence[0].CodeValue) for h in heads(small_study, "XR-CHEST-2V")]
    assert coded == [("PA", "272479007"), ("LL", "399067008")]


def test_obliques_of_the_spine_are_left_and_right_posterior(small_study: SmallStudy) -> None:
    images = heads(small_study, "XR-CSPINE-OBL")
    assert [head.ViewPosition for head in images] == ["LPO", "RPO"]
    assert {head.ImageLaterality for head in images} == {"U"}


def test_mammography_has_two_views_of_each_breast(small_study: SmallStudy) -> None:
    images = heads(small_study, "XR-MAMMO")
    views = {(head.ViewPosition, head.ImageLaterality, head.ViewCodeSequence[0].CodeValue) for head in images}
    assert views == {(v, s, c) for v, c in (("CC", "399162004"), ("MLO", "399368009")) for s in "LR"}
    assert {head.Modality for head in images} == {"MG"}
    assert 24 <= images[0].KVP <= 35
    for head in images:  # the chest wall: on the left of a left breast, on the right of a right one
        left, right = head.pixel_array[:, :8].mean(), head.pixel_array[:, -8:].mean()
        assert bool(left > right) is (head.ImageLaterality == "L")


@pytest.mark.parametrize("vendor", ["siemens", "ge", "philips", "canon", "uih", "hitachi"])
def test_limbs_have_a_fine_pixel_pitch_at_full_size(vendor: str, tmp_path: Path) -> None:
    (head,) = full(tmp_path, "XR-PATELLA", vendor=vendor)
    assert float(head.ImagerPixelSpacing[0]) <= 0.2


def test_a_full_chest_has_its_matrix_and_distance(tmp_path: Path) -> None:
    (head,) = full(tmp_path, "XR-CHEST", vendor="ge")
    assert min(head.Rows, head.Columns) >= 1400
    assert 1500 <= head.DistanceSourceToDetector <= 2000
    assert (
        abs(float(head.DeviationIndex) - 10 * np.log10(float(head.ExposureIndex) / float(head.TargetExposureIndex)))
        < 0.06
    )


def test_lungs_are_dark_and_the_spine_is_bright(small_study: SmallStudy) -> None:
    (head,) = heads(small_study, "XR-CHEST")
    image = head.pixel_array.astype(float)
    rows, columns = image.shape
    middle = image[int(rows * 0.45) : int(rows * 0.55)]
    lung = middle[:, int(columns * 0.27) : int(columns * 0.33)].mean()
    spine = middle[:, int(columns * 0.48) : int(columns * 0.52)].mean()
    assert lung < 0.6 * spine


def test_inverted_pictures_show_the_same(small_study: SmallStudy) -> None:
    (inverse,) = heads(small_study, "XR-PATELLA", vendor="canon", seed=1)
    assert inverse.PhotometricInterpretation == "MONOCHROME1"
    assert inverse.PresentationLUTShape == "INVERSE"
    corner = inverse.pixel_array[-4:, -4:].mean()
    assert corner > 3900  # the direct beam, black on the screen


def test_a_right_limb_is_the_mirror_image_of_a_left_one(small_study: SmallStudy) -> None:
    left = heads(small_study, "XR-KNEE", seed=1)[0].pixel_array.astype(float)
    right = heads(small_study, "XR-KNEE", seed=2)[0].pixel_array.astype(float)
    lower = slice(len(left) // 4, None)  # below the markers
    assert np.corrcoef(left[lower].ravel(), right[lower, ::-1].ravel())[0, 1] > 0.995
    assert np.corrcoef(left[lower].ravel(), right[lower].ravel())[0, 1] < 0.995


@pytest.mark.parametrize("token", VIEWS)
def test_a_detectors_axes_stand_at_right_angles(token: str) -> None:
    row, column = directions(view_of(token))
    assert np.dot(row, column) == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(row) == pytest.approx(1)
    assert np.linalg.norm(column) == pytest.approx(1)


def test_frontal_and_lateral_beams_cross() -> None:
    frontal, lateral = (np.cross(*directions(view_of(token))) for token in ("AP", "LAT"))
    assert np.allclose(np.abs(frontal), [0, 1, 0])
    assert np.allclose(np.abs(lateral), [1, 0, 0], atol=1e-12)
