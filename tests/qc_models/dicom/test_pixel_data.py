"""Tests of decoding the frames of whole objects, by hand and against pydicom and other decoders on real files."""

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_data import decode_frames
from qc_models.dicom.pixel_layout import PixelError
from qc_models.errors import InputError
from tests.qc_models.dicom.element_bytes import BIG, DEFLATED, EXPLICIT, explicit, file_meta, fragments, image, native

JPEG_LS, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"


def decode(source: bytes | Path, indices: list[int] | None = None) -> list[NDArray[Any]]:
    return list(decode_frames(source, read_header(source), indices))


# --- native


def test_frames_come_in_order_or_as_asked() -> None:
    pixels = np.arange(24, dtype="<u2").reshape(4, 2, 3)
    file = image(EXPLICIT, native(pixels.tobytes()), rows=2, columns=3, frames=4)
    assert np.array_equal(np.stack(decode(file)), pixels)
    assert np.array_equal(np.stack(decode(file, [3, 0])), pixels[[3, 0]])
    assert all(frame.flags.writeable for frame in decode(file))


def test_a_file_and_its_bytes_decode_alike(tmp_path: Path) -> None:
    file = image(EXPLICIT, native(bytes(range(12)), b"OB"), rows=3, columns=4, bits=8)
    (tmp_path / "1.dcm").write_bytes(file)
    assert np.array_equal(decode(tmp_path / "1.dcm")[0], decode(file)[0])


def test_frames_of_single_bits_share_bytes() -> None:
    bits = np.random.default_rng(3).integers(0, 2, (5, 3, 7), np.uint8)
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    file = image(EXPLICIT, native(data), rows=3, columns=7, bits=1, frames=5)
    assert np.array_equal(np.stack(decode(file)), bits)


@pytest.mark.parametrize("columns", [2, 3])
def test_bytes_in_big_endian_words_are_turned_round(columns: int) -> None:
    pixels = np.arange(2 * 1 * columns, dtype="u1").reshape(2, 1, columns)
    words = np.frombuffer(pixels.tobytes(), "<u2").byteswap().tobytes()
    attributes = ((0x00280010, 1), (0x00280011, columns), (0x00280100, 8), (0x00280101, 8), (0x00280103, 0))
    dataset = explicit(0x00080060, b"CS", b"CT", order=">") + explicit(0x00280008, b"IS", b"2 ", order=">")
    dataset += b"".join(explicit(tag, b"US", struct.pack(">H", value), order=">") for tag, value in attributes)
    for vr, data in ((b"OW", words), (b"OB", pixels.tobytes())):
        file = file_meta(BIG) + dataset + explicit(0x7FE00010, vr, data, order=">")
        assert np.array_equal(np.stack(decode(file)), pixels)


def test_a_deflated_data_set() -> None:
    pixels = np.arange(200, dtype="<u2").reshape(2, 10, 10)
    plain = image(DEFLATED, native(pixels.tobytes()), rows=10, columns=10, frames=2)
    head = len(file_meta(DEFLATED))
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    file = plain[:head] + compressor.compress(plain[head:]) + compressor.flush()
    assert np.array_equal(np.stack(decode(file)), pixels)
    with pytest.raises(PixelError, match="frame 2"):
        decode(file[:-40])


def test_float_pixels() -> None:
    pixels = np.array([[0.5, -1e30], [2.0, 3.0]], "<f4")
    file = image(EXPLICIT, explicit(0x7FE00008, b"OF", pixels.tobytes()), rows=2, columns=2, bits=32)
    (frame,) = decode(file)
    assert frame.dtype == np.float32
    assert np.array_equal(frame, pixels)


@pytest.mark.parametrize(
    ("pixels", "frames", "words"),
    [
        (native(bytes(30)), 2, r"frame 2: 14 of its 16 bytes"),
        (native(bytes(20), length=32), 2, r"frame 2: 4 of its 16 bytes"),
        (native(bytes(48)), 2, "hold 3 frames, the header declares 2"),
        (native(b""), None, r"frame 1: 0 of its 16 bytes"),
        (b"", None, "no pixel data"),
        (fragments(b"xx"), None, "says they are not"),
    ],
)
def test_a_frame_that_is_not_whole_is_named(pixels: bytes, frames: int | None, words: str) -> None:
    file = image(EXPLICIT, pixels, rows=2, columns=4, frames=frames)
    with pytest.raises(PixelError, match=words) as caught:
        list(decode_frames(file, read_header(file, "7.dcm")))
    assert str(caught.value).startswith("7.dcm: ")


def test_frames_before_a_broken_one_are_given() -> None:
    file = image(EXPLICIT, native(bytes(24)), rows=2, columns=4, frames=2)
    frames = decode_frames(file, read_header(file))
    assert next(frames).shape == (2, 4)
    with pytest.raises(PixelError, match="frame 2"):
        next(frames)


def test_padding_behind_the_last_frame_is_no_frame() -> None:
    assert len(decode(image(EXPLICIT, native(bytes(28)), rows=2, columns=4))) == 1


@pytest.mark.parametrize("index", [2, -1])
def test_a_frame_that_is_not_there_cannot_be_asked_for(index: int) -> None:
    file = image(EXPLICIT, native(bytes(32)), rows=2, columns=4, frames=2)
    with pytest.raises(PixelError, match="declares 2 frames"):
        decode(file, [index])


# --- compressed


def test_compressed_frames() -> None:
    pixels = np.random.default_rng(5).integers(0, 4096, (3, 8, 9)).astype("u2")
    streams = [imagecodecs.jpegls_encode(frame) for frame in pixels]
    halves = [part for stream in streams for part in (stream[:40], stream[40:])]
    for element in (fragments(*streams), fragments(*halves)):
        file = image(JPEG_LS, element, rows=8, columns=9, frames=3)
        assert np.array_equal(np.stack(decode(file)), pixels)
        assert np.array_equal(decode(file, [2])[0], pixels[2])


def test_a_broken_stream_is_named_by_its_frame() -> None:
    streams = [imagecodecs.jpegls_encode(np.full((8, 9), 7, "u2"))] * 2
    streams[1] = streams[1][:-6]
    with pytest.raises(PixelError, match="frame 2: the compressed image ends early"):
        decode(image(JPEG_LS, fragments(*streams), rows=8, columns=9, frames=2))


def test_native_pixels_under_a_compressed_syntax_are_named() -> None:
    with pytest.raises(PixelError, match=r"transfer syntax 1\.2\.840\.10008\.1\.2\.4\.80 says they are"):
        decode(image(JPEG_LS, native(bytes(144)), rows=8, columns=9))


# --- real files

# These pydicom cannot decode here; their frames were decoded alike by SimpleITK, a third decoder.
BEYOND_PYDICOM = ("13d21761", "ceb52aea")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_codec_decodes_as_by_pydicom(shared_data: Path) -> None:
    compared = 0
    for file in sorted((shared_data / "codecs").iterdir()):
        frames = decode(file)
        if file.name.startswith(BEYOND_PYDICOM):
            assert frames[0].dtype == np.uint16
            continue
        theirs = pydicom.dcmread(file).pixel_array
        ours = frames[0] if len(frames) == 1 else np.stack(frames)
        assert ours.shape == theirs.shape, file.name
        assert ours.dtype == theirs.dtype.newbyteorder("="), file.name
        assert np.array_equal(ours, theirs), file.name
        compared += 1
    assert compared == 70


ODDITIES = {
    "09cac856": "not compressed, transfer syntax",
    "1e230166": "frame 1: the compressed image is broken",
    "40c41bdf": "no pixel data",
    "43e42d00": "decoders do not agree",  # the Cornell bug
    "43e81193": "Rows is missing",
    "49464a32": "frame 14: the compressed image has 240 rows, 55 columns",
    "57e48e85": "BitsAllocated is 12",
    "591b28b7": "frame 1: 10000 of its 20000 bytes",
    "59478f0c": "PlanarConfiguration is missing",
    "624869d6": "frame 1: the compressed image is broken",
    "a3f26c27": "frame 1: 8130 of its 8192 bytes",
    "b1fd9301": "frame 1: the compressed image has",
    "cb50b5b2": "frame 1: 0 of its",
    "d12583df": "hold 15 frames, the header declares 1",
    "ef9db473": "frame 1: the compressed image",
}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_files_decode_or_say_what_is_wrong(shared_data: Path) -> None:
    decoded = 0
    for file in sorted((shared_data / "oddities").iterdir()):
        words = ODDITIES.get(file.name[:8])
        if words is None:
            assert all(frame.size for frame in decode(file)), file.name
            decoded += 1
            continue
        with pytest.raises(PixelError, match=words) as caught:
            decode(file)
        assert str(caught.value).startswith(file.name)
    assert decoded == 16


def test_one_segmentation_in_two_syntaxes_is_one_segmentation(shared_data: Path) -> None:
    (deflated,) = (shared_data / "oddities").glob("986863c4*")
    (run_lengths,) = (shared_data / "oddities").glob("bbea7fa2*")
    assert np.array_equal(np.stack(decode(deflated)), np.stack(decode(run_lengths)))


@pytest.mark.filterwarnings("ignore")
def test_jpeg_of_twelve_bits_decodes_as_by_simpleitk(shared_data: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    files = [*(shared_data / "oddities").glob("*_JPLY"), *(shared_data / "codecs").glob("13d21761*")]
    assert len(files) == 7
    for file in files:
        header = read_header(file)
        theirs = sitk.GetArrayFromImage(sitk.ReadImage(file))
        slope, intercept = header.number("RescaleSlope") or 1.0, header.number("RescaleIntercept") or 0.0
        assert np.array_equal(decode(file)[0] * slope + intercept, theirs.reshape(decode(file)[0].shape)), file.name


# --- whatever bytes come

PICTURE = np.arange(64, dtype="u2").reshape(8, 8)
SEEDS = (
    image(EXPLICIT, native(PICTURE.tobytes()), rows=8, columns=8),
    image(JPEG_LS, fragments(imagecodecs.jpegls_encode(PICTURE)), rows=8, columns=8),
    image(
        "1.2.840.10008.1.2.4.90", fragments(imagecodecs.jpeg2k_encode(PICTURE, codecformat="j2k")), rows=8, columns=8
    ),
    image("1.2.840.10008.1.2.4.70", fragments(imagecodecs.jpeg8_encode(PICTURE, lossless=True)), rows=8, columns=8),
    image(EXPLICIT, native(bytes(8)), rows=8, columns=8, bits=1),
)


@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(1, 400), st.binary(max_size=3)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_pixels_end_in_whole_frames_or_in_an_input_error(seed: bytes, edits: list[tuple[int, bytes]]) -> None:
    content = bytearray(seed)
    for place, inserted in edits:  # from the end, where the pixels are
        content[-place : len(content) - place + len(inserted)] = inserted
    try:
        header = read_header(bytes(content))
        frames = list(decode_frames(bytes(content), header))
    except InputError:
        return
    rows, columns = header.integer("Rows"), header.integer("Columns")
    assert all(frame.shape[:2] == (rows, columns) for frame in frames)
