"""What may be written otherwise is the same content; whatever a reader would see is not."""

from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from qc_models.dicom.header import read_header
from serving.same_content import same_content
from tests.written_dicom import instance

Change = Callable[[Dataset], object]


def written(path: Path, change: Change, syntax: str = ExplicitVRLittleEndian) -> Path:
    item = Dataset()
    item.CodeValue = "1"
    outer = Dataset()
    outer.PurposeOfReferenceCodeSequence = [item]
    dataset = instance(SOPInstanceUID="1.2.3", InstanceNumber=1)
    dataset.ReferencedImageSequence = [outer]
    dataset.add_new(0x00091010, "UN", b"private ")
    change(dataset)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


def undefined_length(dataset: Dataset) -> None:
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.ReferencedImageSequence[0]["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    dataset.ReferencedImageSequence[0].is_undefined_length_sequence_item = True


@pytest.mark.parametrize("change", [undefined_length])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_what_is_written_otherwise_is_the_same(tmp_path: Path, change: Change, syntax: str) -> None:
    first = written(tmp_path / "1", lambda _: None, syntax)
    second = written(tmp_path / "2", change, syntax)
    assert first.read_bytes() != second.read_bytes()
    assert same_content(first, second)
    assert same_content(second, first)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_text_may_be_padded_by_a_blank_or_by_a_nul(tmp_path: Path, syntax: str) -> None:
    first, second = written(tmp_path / "1", lambda d: setattr(d, "StudyID", "PADDED7"), syntax), tmp_path / "2"
    assert first.read_bytes().count(b"PADDED7 ") == 1
    second.write_bytes(first.read_bytes().replace(b"PADDED7 ", b"PADDED7\0"))
    assert same_content(first, second)


def test_group_lengths_may_be_there(tmp_path: Path) -> None:
    first, second = written(tmp_path / "1", lambda _: None), tmp_path / "2"
    at = read_header(first).data_set_at
    content = first.read_bytes()
    second.write_bytes(content[:at] + pack("<HH2sHI", 8, 0, b"UL", 4, 100) + content[at:])
    assert same_content(first, second)


def other_code(dataset: Dataset) -> None:
    dataset.ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue = "2"


def other_pixel(dataset: Dataset) -> None:
    dataset.PixelData = b"\1" + dataset.PixelData[1:]


def other_number(dataset: Dataset) -> None:
    """0 and 8192 are a NUL and a blank to whoever takes them for a text."""
    dataset.SmallestImagePixelValue = 8192


def two_blanks(dataset: Dataset) -> None:
    dataset.StudyID = "7  "


def further(dataset: Dataset) -> None:
    dataset.StudyID = "7"


def one_item_more(dataset: Dataset) -> None:
    dataset.ReferencedImageSequence.append(Dataset())


@pytest.mark.parametrize("change", [other_code, other_pixel, further, one_item_more, lambda d: d.pop("PixelData")])
def test_whatever_a_reader_sees_is_other_content(tmp_path: Path, change: Any) -> None:
    first, second = written(tmp_path / "1", undefined_length), written(tmp_path / "2", change)
    assert not same_content(first, second)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_numbers_have_no_padding(tmp_path: Path, syntax: str) -> None:
    first = written(tmp_path / "1", lambda dataset: setattr(dataset, "SmallestImagePixelValue", 0), syntax)
    assert not same_content(first, written(tmp_path / "2", other_number, syntax))


def test_one_byte_at_most_is_padding(tmp_path: Path) -> None:
    first = written(tmp_path / "1", lambda dataset: setattr(dataset, "StudyID", "7"))
    assert not same_content(first, written(tmp_path / "2", two_blanks))


def test_another_transfer_syntax_is_other_content(tmp_path: Path) -> None:
    first = written(tmp_path / "1", lambda _: None)
    assert not same_content(first, written(tmp_path / "2", lambda _: None, ImplicitVRLittleEndian))
