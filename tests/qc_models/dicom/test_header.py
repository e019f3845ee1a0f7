"""Tests of the header reader: files built by hand, broken on purpose, and real ones compared with pydicom."""

import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from qc_models.dicom.attributes import PUBLIC
from qc_models.dicom.header import Header, NotDicomError, read_header
from qc_models.errors import InputError
from tests.qc_models.dicom.element_bytes import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    explicit,
    file_meta,
    image,
    implicit,
    item,
    native,
    uint16,
)

SOP_CLASS = explicit(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0")
NUMBER_7 = explicit(0x00200013, b"IS", b"7 ")


def read(dataset: bytes, transfer_syntax: str = EXPLICIT) -> Header:
    return read_header(file_meta(transfer_syntax) + dataset)


# --- what a sound file says


def test_values_of_a_sound_file() -> None:
    header = read(
        SOP_CLASS
        + explicit(0x00080005, b"CS", b"ISO_IR 192")
        + explicit(0x00080008, b"CS", b"ORIGINAL\\PRIMARY")
        + explicit(0x00081030, b"LO", "胸部 ".encode())
        + explicit(0x00080050, b"SH", b"")
        + NUMBER_7
        + explicit(0x00200032, b"DS", b"1.5\\-2\\3e1")
        + explicit(0x00280010, b"US", uint16(512))
    )
    assert header.text("ImageType") == "ORIGINAL"
    assert header.texts("ImageType") == ("ORIGINAL", "PRIMARY")
    assert header.text("StudyDescription") == "胸部"
    assert header.numbers("ImagePositionPatient") == (1.5, -2.0, 30.0)
    assert (header.integer("InstanceNumber"), header.number("InstanceNumber")) == (7, 7.0)
    assert (header.integer("Rows"), header.text("Rows"), header.raw("Rows")) == (512, "512", b"\0\2")
    assert ("AccessionNumber" in header, header.has_value("AccessionNumber")) == (True, False)
    assert ("PatientID" in header, header.text("PatientID"), header.numbers("PatientID")) == (False, None, ())
    assert (header.transfer_syntax_uid, header.has_preamble, header.truncated) == (EXPLICIT, True, False)
    assert header.pixel_data is None
    assert header.problems == ()


def test_zero_in_two_bytes_is_a_value() -> None:
    assert read(SOP_CLASS + explicit(0x00280103, b"US", uint16(0))).has_value("PixelRepresentation")


def _in_each_encoding() -> Iterator[tuple[str, bytes, bytes]]:
    values = ((0x00080060, b"CS", b"CT"), (0x00200013, b"IS", b"7 "))
    numbers = ((0x00280010, 512), (0x00280011, 256))
    for name, order, uid in (("little", "<", EXPLICIT), ("big", ">", BIG)):
        body = b"".join(explicit(tag, vr, value, order=order) for tag, vr, value in values)
        body += b"".join(explicit(tag, b"US", struct.pack(order + "H", number), order=order) for tag, number in numbers)
        yield f"explicit {name}", file_meta(uid), body
    body = b"".join(implicit(tag, value) for tag, _, value in values)
    body += b"".join(implicit(tag, uint16(number)) for tag, number in numbers)
    yield "implicit little", file_meta(IMPLICIT), body
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    plain = b"".join(explicit(tag, vr, value) for tag, vr, value in values)
    plain += b"".join(explicit(tag, b"US", uint16(number)) for tag, number in numbers)
    yield "deflated", file_meta(DEFLATED), compressor.compress(plain) + compressor.flush()


ENCODED = tuple(_in_each_encoding())


@pytest.mark.parametrize(("name", "meta", "body"), ENCODED)
def test_every_encoding_reads_alike(name: str, meta: bytes, body: bytes) -> None:
    header = read_header(meta + body, name)
    assert header.text("Modality") == "CT"
    assert [header.integer(keyword) for keyword in ("InstanceNumber", "Rows", "Columns")] == [7, 512, 256]
    assert header.problems == ()


@pytest.mark.parametrize(("name", "meta", "body"), [case for case in ENCODED if case[0] != "deflated"])
def test_a_data_set_alone_tells_its_encoding(name: str, meta: bytes, body: bytes) -> None:
    header = read_header(body)
    assert (header.text("Modality"), header.integer("Rows"), header.has_preamble) == ("CT", 512, False)
    expected = {"explicit little": EXPLICIT, "explicit big": BIG, "implicit little": IMPLICIT}[name]
    assert header.transfer_syntax_uid == expected
    assert header.problems == ("TransferSyntaxUID is missing",)


def test_a_wrong_transfer_syntax_is_read_and_told() -> None:
    header = read(implicit(0x00080060, b"CT") + implicit(0x00280010, uint16(512)), EXPLICIT)
    assert (header.text("Modality"), header.integer("Rows")) == ("CT", 512)
    (problem,) = header.problems
    assert "explicit little endian" in problem
    assert "implicit little endian" in problem


def test_a_data_set_that_is_not_deflated_as_declared_is_read_and_told() -> None:
    header = read(SOP_CLASS + NUMBER_7, DEFLATED)
    assert header.integer("InstanceNumber") == 7
    assert header.problems == ("TransferSyntaxUID declares a deflated data set, and it is not deflated",)


def test_file_meta_longer_than_a_window_is_read_whole() -> None:
    long = explicit(0x00020102, b"OB", bytes(850)) + explicit(0x00020016, b"AE", b"SENDER_OF_IMAGES")
    header = read(long + explicit(0x00020102, b"OB", bytes(5000)) + SOP_CLASS + NUMBER_7)
    assert header.text("SourceApplicationEntityTitle") == "SENDER_OF_IMAGES"
    assert header.integer("InstanceNumber") == 7


def test_pixels_are_located_and_not_read() -> None:
    file = image(EXPLICIT, native(b"\1\2\3\4", b"OB"), rows=2, columns=2, bits=8)
    location = read_header(file).pixel_data
    assert location is not None
    assert (location.offset, location.length, location.vr) == (len(file) - 4, 4, "OB")
    assert (location.encapsulated, location.little_endian, location.deflated_from) == (False, True, None)


def test_private_ge_syntax_has_big_endian_pixels_behind_a_little_endian_header() -> None:
    body = implicit(0x00080060, b"CT") + implicit(0x00280010, uint16(2)) + implicit(0x7FE00010, b"\0\1")
    header = read(body, "1.2.840.113619.5.2")
    assert header.integer("Rows") == 2
    assert header.pixel_data is not None
    assert not header.pixel_data.little_endian


@pytest.mark.parametrize(("name", "meta", "body"), ENCODED)
def test_headers_travel_between_processes(name: str, meta: bytes, body: bytes) -> None:
    header = pickle.loads(pickle.dumps(read_header(meta + body, name)))
    assert (header.name, header.text("Modality"), header.integer("Rows")) == (name, "CT", 512)


def test_dicomdir_is_known_by_its_class() -> None:
    directory = read(explicit(0x00080016, b"UI", b"1.2.840.10008.1.3.10\0") + explicit(0x00041220, b"SQ", b""))
    assert directory.is_dicomdir
    assert not read(SOP_CLASS).is_dicomdir


# --- what is told as a problem


def test_an_unknown_representation_is_read_by_the_dictionary() -> None:
    header = read(SOP_CLASS + explicit(0x00280010, b"UN", uint16(512)) + explicit(0x00280030, b"UN", b"0.5\\0.6 "))
    assert (header.integer("Rows"), header.numbers("PixelSpacing")) == (512, (0.5, 0.6))


def test_padding_value_takes_its_sign_from_the_pixels_where_none_is_written() -> None:
    for signed, expected in ((1, -2000), (0, 63536)):
        body = implicit(0x00080060, b"CT") + implicit(0x00280103, uint16(signed)) + implicit(0x00280120, uint16(63536))
        assert read(body, IMPLICIT).integer("PixelPaddingValue") == expected


def test_numbers_gone_wrong_are_absent_and_told_but_never_a_patients() -> None:
    header = read(
        SOP_CLASS
        + explicit(0x00100010, b"PN", b"DOE^JANE")
        + explicit(0x00101030, b"DS", b"DOE^JANE")
        + explicit(0x00200013, b"IS", b"1A")
        + explicit(0x00200032, b"DS", b"1\\2\\x ")
    )
    assert header.integer("InstanceNumber") is None
    assert header.numbers("ImagePositionPatient") == ()
    assert header.problems == (
        "PatientWeight: its value cannot be read",
        "InstanceNumber: '1A' is not an integer",
        "ImagePositionPatient: 'x' is not a number",
    )
    assert "DOE" not in repr(header)


def test_text_outside_its_character_set_is_told_by_name_alone() -> None:
    header = read(explicit(0x00080005, b"CS", b"ISO_IR 192") + SOP_CLASS + explicit(0x00100010, b"PN", b"\xd5\xc5"))
    assert header.problems == ("PatientName: its bytes are not valid in the character set declared",)


def test_problems_are_not_told_without_end() -> None:
    header = read(SOP_CLASS + (explicit(0x00091001, b"??", b"1234") + SEQUENCE_END) * 500)
    assert len(header.problems) == 51
    assert header.problems[-1].startswith("and ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08",
        b"%PDF-1.7 and so on, and on, and on",
        b"name,value\nrows,512\n",
        b"\x08\x00" + bytes(200),
        bytes(1000),
        bytes(range(256)) * 8,
    ],
)
def test_what_is_no_dicom_file_is_refused(content: bytes) -> None:
    with pytest.raises(NotDicomError, match=r"notes\.txt"):
        read_header(content, "notes.txt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1\.dcm"):
        read_header(tmp_path / "1.dcm")


# --- real files, and pydicom as the second reader


def differences(header: Header, dataset: pydicom.Dataset, place: str) -> Iterator[str]:
    """What our header and pydicom say differently, item by item."""
    for keyword in header.keywords():
        if keyword not in PUBLIC:
            continue
        tag = PUBLIC[keyword].tag
        source = dataset.file_meta if tag >> 16 == 2 else dataset
        if tag not in source:
            yield f"{place}.{keyword}: pydicom has none"
            continue
        element = source[tag]
        value = element.value
        if isinstance(value, Sequence):
            if len(value) != len(header.items(keyword)):
                yield f"{place}.{keyword}: {len(header.items(keyword))} items, {len(value)} by pydicom"
            for number, (ours, theirs) in enumerate(zip(header.items(keyword), value, strict=False)):
                yield from differences(ours, theirs, f"{place}.{keyword}[{number}]")
            continue
        if isinstance(value, bytes):
            if header.raw(keyword) != value:
                yield f"{place}.{keyword}: other bytes"
            continue
        values = list(value) if isinstance(value, MultiValue | list) else [] if value in (None, "") else [value]
        if element.VR in ("AT", "DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"):
            ours, theirs = list(header.numbers(keyword)), [float(number) for number in values]
        else:
            ours, theirs = list(header.texts(keyword)), [str(text).strip(" \0\r\n\t") for text in values]
            theirs = theirs if any(theirs) else []
        if ours != theirs:
            yield f"{place}.{keyword}: {len(ours)} values differ from {len(theirs)} by pydicom"
    missing = [keyword for keyword in PUBLIC if keyword not in header and keyword in dataset]
    yield from (f"{place}.{keyword}: pydicom alone has it" for keyword in missing)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_headers_read_as_pydicom_reads_them(shared_data: Path) -> None:
    files = sorted((shared_data / "codecs").iterdir())
    for series in sorted((shared_data / "studies").glob("*/*")):
        files += sorted(series.glob("*.dcm"))[::10]
    assert len(files) > 100
    found = []
    for file in files:
        dataset = pydicom.dcmread(file, stop_before_pixels=True)
        found += differences(read_header(file), dataset, file.name)
    assert found == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_files_read_as_pydicom_reads_them_by_force(shared_data: Path) -> None:
    found = []
    for file in sorted((shared_data / "oddities").iterdir()):
        header = read_header(file)
        if file.name.startswith("d12583df"):
            assert "NumberOfFrames: '1A' is not an integer" in header.problems
            continue
        found += differences(header, pydicom.dcmread(file, stop_before_pixels=True, force=True), file.name)
    assert found == []


def test_folders_of_other_files_are_told_apart(shared_data: Path) -> None:
    for file in (shared_data / "README.md", shared_data / "codecs.csv", next(shared_data.rglob("*.jpg"))):
        with pytest.raises(NotDicomError):
            read_header(file)


# --- whatever bytes come


CODE = explicit(0x00080100, b"SH", b"RPID16")
SEEDS = (
    image(EXPLICIT, native(bytes(32)), rows=4, columns=4, more=explicit(0x00081032, b"SQ", item(CODE))),
    file_meta(EXPLICIT) + SOP_CLASS + explicit(0x00081032, b"SQ", item(CODE + ITEM_END, UNDEFINED), UNDEFINED),
    file_meta(IMPLICIT) + implicit(0x00080060, b"CT") + implicit(0x00081032, item(implicit(0x00080100, b"1 "))),
    SOP_CLASS + NUMBER_7,
)
PIECES = (b"\xff" * 4, bytes(8), SEQUENCE_END, ITEM_END, item(b"", UNDEFINED), b"\x1b$)A", b"UN", b"SQ", b"\\")


@given(
    st.sampled_from(SEEDS),
    st.lists(
        st.tuples(st.integers(0, 600), st.integers(0, 8), st.sampled_from(PIECES) | st.binary(max_size=8)), max_size=5
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_in_a_header_or_in_an_input_error(seed: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    content = seed
    for place, removed, inserted in edits:
        content = content[:place] + inserted + content[place + removed :]
    try:
        header = read_header(content)
    except InputError:
        return
    assert isinstance(header.problems, tuple)
    for keyword in header.keywords():
        assert all(number == number for number in header.numbers(keyword))
        assert all(isinstance(text, str) for text in header.texts(keyword))
        assert header.has_value(keyword) in (True, False)
        assert all(inner.keywords() is not None for inner in header.items(keyword))
