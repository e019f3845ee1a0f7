"""Pixel defects in studies: only pixels and their encoding change, and what was written is read as it was meant."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from qc_models.dicom.header import read_header
from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError
from qc_models.simulation.defects import DEFECTS, AppliedDefect, apply_defect
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.special_studies import simulate_special
from qc_models.simulation.study_simulation import SimulatedStudy

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")
ITEMS = {"CT": "CT-ABD", "MR": "MR-KNEE", "XR": "XR-PATELLA"}
PIXELS = {"PixelData", "HighBit", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"}


def values(path: Path) -> NDArray[np.float32]:
    header = read_header(path)
    return np.stack([modality_values(frame, header, i) for i, frame in enumerate(decode_frames(path, header))])


def plain(dataset: Dataset) -> dict[str, str]:
    """Every attribute but the pixels, as text: byte order apart, these must stay."""
    return {str(element.tag): str(element.value) for element in dataset if element.keyword not in PIXELS}


def check_only_pixels_changed(source: Path, target: Path, applied: AppliedDefect) -> None:
    assert applied.files_changed
    for relative in applied.files_changed:
        before, after = pydicom.dcmread(source / relative), pydicom.dcmread(target / relative)
        assert plain(before) == plain(after)
        assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert after.file_meta.MediaStorageSOPInstanceUID == before.file_meta.MediaStorageSOPInstanceUID
        old, new = values(source / relative), values(target / relative)
        assert old.shape == new.shape
        assert not np.array_equal(old, new)
        assert np.array_equal(
            after.pixel_array.reshape(new.shape),
            np.stack(list(decode_frames(target / relative, read_header(target / relative)))),
        )
    untouched = {path.relative_to(source) for path in source.rglob("*") if path.is_file()} - set(applied.files_changed)
    assert all((source / path).read_bytes() == (target / path).read_bytes() for path in untouched)


@pytest.mark.parametrize("name", PIXEL_DEFECTS)
def test_simulated_studies_take_every_defect(
    name: str, small_study: Callable[..., SimulatedStudy], tmp_path: Path
) -> None:
    study = small_study(ITEMS[PIXEL_DEFECTS[name].modality])
    source = study.series[0].files[0].parent.parent
    applied = apply_defect(name, source, tmp_path / "spoilt")
    assert applied.strength == PIXEL_DEFECTS[name].levels.disturbing == DEFECTS[name].default
    check_only_pixels_changed(source, tmp_path / "spoilt", applied)
    again = apply_defect(name, source, tmp_path / "again")
    assert again.files_changed == applied.files_changed
    assert all(
        (tmp_path / "spoilt" / path).read_bytes() == (tmp_path / "again" / path).read_bytes()
        for path in applied.files_changed
    )


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("head-ct", "ring"),  # JPEG 2000, signed, padded
        ("head-ct", "metal_streak"),
        ("knee-mr", "ghost"),  # JPEG lossless
        ("wrist-mr", "mr_noise"),  # JPEG-LS
        ("prostate-mr-a", "zipper"),  # a slope of 11.3
    ],
)
def test_real_studies_keep_all_but_their_pixels(study: str, name: str, shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "studies" / study
    applied = apply_defect(name, source, tmp_path / "spoilt")
    check_only_pixels_changed(source, tmp_path / "spoilt", applied)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("fbfdac2d-cr_image.dcm", "foreign_object"),  # MONOCHROME1, 15 bits
        ("602dbefe-dx_image.dcm", "xr_noise"),  # MONOCHROME1, 8 bits, an odd number of bytes
        ("3e4c8c9f-MR_small_bigendian.dcm", "mr_noise"),
        ("8e18ed35-emri_small_big_endian.dcm", "spike"),  # enhanced, ten frames
        ("24de03c9-emri_small_jpeg_ls_lossless.dcm", "bias_field"),
        ("b2b69dd2-MR_small_jpeg_ls_lossless.dcm", "gibbs"),
    ],
)
def test_single_objects_of_any_encoding(file: str, name: str, shared_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(shared_data / "codecs" / file, source)
    applied = apply_defect(name, source, tmp_path / "spoilt")
    check_only_pixels_changed(source, tmp_path / "spoilt", applied)


def test_white_stays_white_where_low_values_are_white(shared_data: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(shared_data / "codecs" / "fbfdac2d-cr_image.dcm", source)
    apply_defect("foreign_object", source, tmp_path / "spoilt", strength=1)
    change = values(tmp_path / "spoilt" / "fbfdac2d-cr_image.dcm") - values(source / "fbfdac2d-cr_image.dcm")
    assert change.max() <= 0 > change.min()  # MONOCHROME1: an object absorbs, is whiter, and stored lower


def test_padding_stays(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "studies" / "head-ct"
    applied = apply_defect("ct_noise", source, tmp_path / "spoilt", strength=300)
    for path in applied.files_changed:
        before, after = (pydicom.dcmread(folder / path) for folder in (source, tmp_path / "spoilt"))
        padding = before.PixelPaddingValue
        assert np.array_equal(before.pixel_array == padding, after.pixel_array == padding)


def test_stored_values_hold_the_noise_asked_for(small_study: Callable[..., SimulatedStudy], tmp_path: Path) -> None:
    source = small_study("CT-ABD").series[0].files[0].parent.parent
    applied = apply_defect("ct_noise", source, tmp_path / "spoilt", strength=30)
    path = applied.files_changed[len(applied.files_changed) // 2]
    old, new = values(source / path), values(tmp_path / "spoilt" / path)
    inside = old > -500  # air at the lowest value can only gain
    assert (new - old)[inside].std() == pytest.approx(30, rel=0.06)


def test_enhanced_objects_change_as_a_whole(tmp_path: Path) -> None:
    simulate_special("enhanced-ct", tmp_path / "source", size="small")
    applied = apply_defect("ct_noise", tmp_path / "source", tmp_path / "spoilt", strength=30)
    assert len(applied.files_changed) == 1
    check_only_pixels_changed(tmp_path / "source", tmp_path / "spoilt", applied)


def test_a_study_of_another_modality_is_refused(small_study: Callable[..., SimulatedStudy], tmp_path: Path) -> None:
    source = small_study("MR-KNEE").series[0].files[0].parent.parent
    with pytest.raises(InputError, match="ring is for CT, and no picture of it is here"):
        apply_defect("ring", source, tmp_path / "spoilt")
    with pytest.raises(InputError, match="strength -1 cannot be"):
        apply_defect("ghost", source, tmp_path / "spoilt", strength=-1)
    assert not (tmp_path / "spoilt").exists()
