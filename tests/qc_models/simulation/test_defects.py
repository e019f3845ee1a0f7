"""Defects: each does to a copy what it says and nothing else, in simulated and in real studies; the source stays as it was."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from configs.strict import HERE
from qc_models.errors import InputError
from qc_models.exam_item import load_catalogue
from qc_models.simulation.defects import DEFECTS, AppliedDefect, apply_defect
from qc_models.simulation.special_studies import simulate_special
from qc_models.simulation.study_simulation import simulate_study

Apply = Callable[..., tuple[AppliedDefect, Path]]


def simulated(folder: Path, item_id: str, **options: object) -> Path:
    item = load_catalogue(HERE / "exam_items").item(item_id)
    simulate_study(item, folder, size="small", **options)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("source") / "abdomen", "CT-ABD", vendor="ge")


@pytest.fixture(scope="module")
def knee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("source") / "knee", "MR-KNEE")


@pytest.fixture
def spoilt(tmp_path: Path) -> Apply:
    """A function that applies a defect and returns what was done, and where."""

    def put(name: str, source: Path, strength: float | None = None, seed: int = 0) -> tuple[AppliedDefect, Path]:
        target = tmp_path / f"{name}-{strength}-{seed}"
        return apply_defect(name, source, target, strength=strength, seed=seed), target

    return put


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def heads(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))]


def axial_places(folder: Path) -> list[float]:
    found = [head for head in heads(folder) if "LOCALIZER" not in head.ImageType]
    return sorted(float(head.ImagePositionPatient[2]) for head in found)


@pytest.mark.parametrize("name", [name for name in DEFECTS if name != "wrong_side" and not DEFECTS[name].levels])
def test_every_defect_changes_exactly_the_files_that_it_names(name: str, abdomen: Path, spoilt: Apply) -> None:
    before = digests(abdomen)
    applied, target = spoilt(name, abdomen, seed=3)
    after = digests(target)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    if name == "shuffled":
        assert sorted(before.values()) == sorted(after.values())
        assert len(applied.files_changed) == len(before)
    else:
        assert changed == {str(path) for path in applied.files_changed}
        assert changed
    assert applied.name == name
    assert applied.strength == DEFECTS[name].default
    assert digests(abdomen) == before


@pytest.mark.parametrize("name", ["missing_slices", "duplicate_slice", "wrong_body_part", "shuffled", "truncated_file"])
def test_a_seed_spoils_in_the_same_way(name: str, abdomen: Path, tmp_path: Path) -> None:
    for part, seed in (("a", 1), ("b", 1)):
        apply_defect(name, abdomen, tmp_path / part, seed=seed)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


@pytest.mark.parametrize("count", [1, 5])
def test_missing_slices_are_interior(count: int, abdomen: Path, spoilt: Apply) -> None:
    whole = axial_places(abdomen)
    for seed in range(4):
        applied, target = spoilt("missing_slices", abdomen, count, seed)
        left = axial_places(target)
        assert len(applied.files_changed) == len(whole) - len(left) == count
        assert (left[0], left[-1]) == (whole[0], whole[-1])


def test_a_missing_fraction_counts_interior_slices(abdomen: Path, spoilt: Apply) -> None:
    whole = axial_places(abdomen)
    _, target = spoilt("missing_fraction", abdomen, 0.2)
    assert len(axial_places(target)) == len(whole) - round(0.2 * (len(whole) - 2))
    _, target = spoilt("missing_fraction", abdomen, 0.001)
    assert len(axial_places(target)) == len(whole) - 1


def test_renumbered_instances_show_no_gap(abdomen: Path, spoilt: Apply) -> None:
    _, target = spoilt("renumbered", abdomen, 3)
    numbers = sorted(int(head.InstanceNumber) for head in heads(target) if "LOCALIZER" not in head.ImageType)
    assert numbers == list(range(1, len(axial_places(abdomen)) - 3 + 1))


def test_a_duplicate_has_its_own_uid_and_the_same_place_and_pixels(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("duplicate_slice", abdomen)
    copy = pydicom.dcmread(target / applied.files_changed[0])
    (original,) = (
        pydicom.dcmread(path)
        for path in abdomen.rglob("*.dcm")
        if pydicom.dcmread(path).get("ImagePositionPatient") == copy.ImagePositionPatient
        and "LOCALIZER" not in pydicom.dcmread(path).ImageType
    )
    assert copy.SOPInstanceUID != original.SOPInstanceUID
    assert copy.SOPInstanceUID == copy.file_meta.MediaStorageSOPInstanceUID
    assert copy.PixelData == original.PixelData


def test_a_conflict_is_one_uid_with_two_pictures(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("conflicting_uid", abdomen)
    fake = pydicom.dcmread(target / applied.files_changed[0])
    (original,) = (h for p in abdomen.rglob("*.dcm") if (h := pydicom.dcmread(p)).SOPInstanceUID == fake.SOPInstanceUID)
    assert fake.PixelData != original.PixelData


def test_a_repeated_slice_shows_its_neighbour(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("repeated_pixels", abdomen)
    changed = pydicom.dcmread(target / applied.files_changed[0])
    below = float(changed.ImagePositionPatient[2]) - 5.0
    (neighbour,) = (
        head
        for path in target.rglob("*.dcm")
        if abs(float((head := pydicom.dcmread(path)).ImagePositionPatient[2]) - below) < 0.01
        and "LOCALIZER" not in head.ImageType
    )
    assert changed.PixelData == neighbour.PixelData


def test_blank_slices_are_constant(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("blank_slices", abdomen, 2)
    assert [pydicom.dcmread(target / path).pixel_array.std() for path in applied.files_changed] == [0, 0]


def test_numbers_jump_while_slices_stay(abdomen: Path, spoilt: Apply) -> None:
    _, target = spoilt("bad_number", abdomen, 4)
    assert axial_places(target) == axial_places(abdomen)
    numbers = sorted(int(head.InstanceNumber) for head in heads(target) if "LOCALIZER" not in head.ImageType)
    assert sorted(np.diff(numbers))[-2:] == [1, 5]


def test_reversed_numbers_leave_places_and_pixels(abdomen: Path, spoilt: Apply) -> None:
    _, target = spoilt("reversed_order", abdomen)
    pairs = zip(sorted(abdomen.rglob("*.dcm")), sorted(target.rglob("*.dcm")), strict=True)
    slices = [(pydicom.dcmread(a), pydicom.dcmread(b)) for a, b in pairs][1:]
    assert [int(b.InstanceNumber) for _, b in slices] == [int(a.InstanceNumber) for a, _ in slices][::-1]
    assert all(a.ImagePositionPatient == b.ImagePositionPatient and a.PixelData == b.PixelData for a, b in slices)


def test_the_last_source_series_goes_missing(knee: Path, spoilt: Apply) -> None:
    _, target = spoilt("missing_series", knee, 2)
    assert {int(head.SeriesNumber) for head in heads(knee)} - {int(head.SeriesNumber) for head in heads(target)} == {
        4,
        5,
    }


def test_a_mixed_in_scout_stands_across_the_slices(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("scout_mixed_in", abdomen)
    scout = pydicom.dcmread(target / applied.files_changed[0])
    others = [head for head in heads(target) if head.SeriesInstanceUID == scout.SeriesInstanceUID]
    assert len(others) == len(axial_places(abdomen)) + 1
    assert np.allclose(
        np.abs(np.cross(scout.ImageOrientationPatient[:3], scout.ImageOrientationPatient[3:])), [0, 1, 0]
    )


def test_a_strangers_image_keeps_study_and_series(knee: Path, spoilt: Apply) -> None:
    applied, target = spoilt("patient_mix_up", knee, 2)
    everyone = heads(target)
    assert len({head.PatientID for head in everyone}) == 3
    assert len({head.StudyInstanceUID for head in everyone}) == 1
    assert len(applied.files_changed) == 2


def test_a_wrong_body_part_is_another_one(knee: Path, spoilt: Apply) -> None:
    _, target = spoilt("wrong_body_part", knee)
    assert {head.BodyPartExamined for head in heads(target)} & {head.BodyPartExamined for head in heads(knee)} == set()


def test_sides_are_exchanged(knee: Path, spoilt: Apply) -> None:
    _, target = spoilt("wrong_side", knee)
    assert {head.Laterality for head in heads(knee)} == {"R"}
    assert {head.Laterality for head in heads(target)} == {"L"}


def test_dates_move_by_the_days_asked(knee: Path, spoilt: Apply) -> None:
    _, target = spoilt("future_date", knee, 400)
    assert {(head.StudyDate, head.AcquisitionDate) for head in heads(target)} == {("20271006", "20271006")}
    _, target = spoilt("birth_after_study", knee, 2)
    assert {head.PatientBirthDate for head in heads(target)} == {"20260903"}


@pytest.mark.parametrize(
    ("vendor", "declared", "codec"), [("ge", "GB18030", "utf-8"), ("philips", "ISO_IR 192", "gb18030")]
)
def test_text_is_encoded_otherwise_than_declared(
    vendor: str, declared: str, codec: str, tmp_path: Path, spoilt: Apply
) -> None:
    _, target = spoilt("wrong_charset", simulated(tmp_path / "source", "XR-PATELLA", vendor=vendor))
    (path,) = target.rglob("*.dcm")
    assert "髌骨轴位".encode(codec) in path.read_bytes()
    assert (
        f"CS\x0a\x00{declared}".encode() in path.read_bytes() or f"CS\x08\x00{declared}".encode() in path.read_bytes()
    )


def test_tags_are_emptied_not_removed(knee: Path, spoilt: Apply) -> None:
    _, target = spoilt("empty_tag", knee, 2)
    assert all(head.PatientID == "" and head.StudyDate == "" and "PatientID" in head for head in heads(target))
    assert all(head.PatientSex for head in heads(target))


def test_a_cut_file_ends_inside_its_pixels(abdomen: Path, spoilt: Apply) -> None:
    applied, target = spoilt("truncated_file", abdomen, 0.25)
    (cut,) = applied.files_changed
    whole = (abdomen / cut).stat().st_size
    pixels = len(pydicom.dcmread(abdomen / cut).PixelData)
    assert (target / cut).stat().st_size == whole - pixels + pixels // 4
    assert pydicom.dcmread(target / cut, stop_before_pixels=True).SOPInstanceUID


@pytest.mark.parametrize(
    ("name", "strength", "words"),
    [
        ("no_such", None, "no defect 'no_such'.*missing_slices"),
        ("missing_slices", 0, "not a count"),
        ("missing_slices", 500, "500 interior slices"),
        ("missing_fraction", 1.5, "not a share"),
        ("truncated_file", 1, "fraction of the pixel data"),
        ("missing_series", 9, "1 series to take out, not 9"),
        ("wrong_side", None, "no image names a side"),
        ("empty_tag", 7, "from 1 to 5"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(
    name: str, strength: float | None, words: str, abdomen: Path, spoilt: Apply, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        spoilt(name, abdomen, strength)
    assert list(tmp_path.iterdir()) == []


def test_kinds_without_slices_refuse_slice_defects(tmp_path: Path, spoilt: Apply) -> None:
    simulate_special("enhanced-ct", tmp_path / "enhanced")
    with pytest.raises(InputError, match="no series has 1 interior slices of single-frame images"):
        spoilt("missing_slices", tmp_path / "enhanced")


def test_a_target_in_use_and_a_source_without_dicom_are_refused(abdomen: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        apply_defect("shuffled", abdomen, tmp_path / "full")
    assert (tmp_path / "full" / "note.txt").read_text() == "mine"
    with pytest.raises(InputError, match="holds no DICOM file"):
        apply_defect("shuffled", tmp_path / "full", tmp_path / "new")
    with pytest.raises(InputError, match="is not a folder"):
        apply_defect("shuffled", tmp_path / "absent", tmp_path / "new")


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
@pytest.mark.parametrize("study", ["chest-ct", "knee-mr"])
@pytest.mark.parametrize(
    "name", ["missing_slices", "duplicate_slice", "patient_mix_up", "repeated_pixels", "future_date"]
)
def test_real_studies_keep_their_encoding(study: str, name: str, shared_data: Path, spoilt: Apply) -> None:
    source = shared_data / "studies" / study
    applied, target = spoilt(name, source)
    before = {str(path.relative_to(source)) for path in source.rglob("*.dcm")}
    for path in applied.files_changed:
        if not (target / path).exists():
            assert str(path) in before
            continue
        changed = pydicom.dcmread(target / path)
        assert changed.file_meta.TransferSyntaxUID.is_compressed
        if str(path) in before and name != "repeated_pixels":
            assert changed.PixelData == pydicom.dcmread(source / path).PixelData
    if name == "missing_slices":
        assert len(list(target.rglob("*.dcm"))) == len(before) - 1


@pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
def test_a_cut_real_file_cannot_be_decoded(shared_data: Path, spoilt: Apply) -> None:
    applied, target = spoilt("truncated_file", shared_data / "studies" / "chest-ct", 0.5)
    with pytest.raises((InvalidDicomError, RuntimeError, ValueError, EOFError, AttributeError)):
        _ = pydicom.dcmread(target / applied.files_changed[0]).pixel_array
