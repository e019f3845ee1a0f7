"""Tests of reading what compressed streams say of themselves."""

import imagecodecs
import numpy as np
import pytest

from qc_models.dicom.codestream import read_jpeg, read_jpeg_2000, require_end, require_tiles
from qc_models.dicom.pixel_layout import PixelError

GREY = np.arange(30 * 20, dtype=np.uint16).reshape(30, 20)
COLOR = np.zeros((30, 20, 3), np.uint8)


def test_frame_headers_of_jpeg_and_jpeg_ls() -> None:
    baseline = read_jpeg(imagecodecs.jpeg8_encode(COLOR))
    assert (baseline.kind, baseline.rows, baseline.columns, baseline.samples, baseline.precision) == (
        0xC0,
        30,
        20,
        3,
        8,
    )
    assert baseline.luminance, "a JFIF stream holds luminance and chrominance"
    lossless = read_jpeg(imagecodecs.jpeg8_encode(GREY, lossless=True, bitspersample=12))
    assert (lossless.kind, lossless.rows, lossless.columns, lossless.precision) == (0xC3, 30, 20, 12)
    assert read_jpeg(imagecodecs.jpegls_encode(GREY)).kind == 0xF7


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def frame(*identifiers: int) -> bytes:
    parts = b"".join(bytes([identifier, 0x11, 0]) for identifier in identifiers)
    return segment(0xC0, bytes([8, 0, 30, 0, 20, len(identifiers)]) + parts)


@pytest.mark.parametrize(
    ("segments", "luminance"),
    [
        (frame(1, 2, 3), None),
        (frame(*b"RGB"), False),
        (frame(*b"rgb"), False),
        (segment(0xE0, b"JFIF\0") + frame(1, 2, 3), True),
        (segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") + frame(1, 2, 3), False),
        (segment(0xEE, b"Adobe\0\x64\0\0\0\0\1") + frame(1, 2, 3), True),
    ],
)
def test_how_a_stream_marks_its_colours(segments: bytes, luminance: bool | None) -> None:
    assert read_jpeg(b"\xff\xd8" + segments).luminance is luminance


def test_size_segment_of_jpeg_2000() -> None:
    plain = read_jpeg_2000(imagecodecs.jpeg2k_encode(GREY.astype(np.int16), codecformat="j2k", reversible=True))
    assert (plain.rows, plain.columns, plain.samples, plain.precision, plain.signed) == (30, 20, 1, 16, True)
    assert (plain.high_throughput, plain.offset) == (False, 0)
    boxed = read_jpeg_2000(imagecodecs.jpeg2k_encode(GREY, codecformat="jp2", reversible=True))
    assert boxed.offset > 0
    assert (boxed.rows, boxed.columns) == (30, 20)
    assert read_jpeg_2000(imagecodecs.htj2k_encode(GREY)).high_throughput


@pytest.mark.parametrize(
    "data", [b"", b"not a stream", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0\x00\x0b\x08", b"\xff\x4f\xff\x51\x00"]
)
def test_what_is_no_stream_is_refused(data: bytes) -> None:
    for reader in (read_jpeg, read_jpeg_2000):
        with pytest.raises(PixelError):
            reader(data)


@pytest.mark.parametrize("tail", [b"\xff\xd9", b"\xff\xd9\0", b"\xff\xd9\xff", b"\xff\xd9 ", b"\xff\xd9\0\0\0"])
def test_an_end_marker_may_be_padded(tail: bytes) -> None:
    require_end(b"stream" + tail)


@pytest.mark.parametrize("tail", [b"", b"\xff", b"\0", b"\xff\xd9\1\1"])
def test_a_missing_end_marker_is_refused(tail: bytes) -> None:
    with pytest.raises(PixelError, match="ends early"):
        require_end(b"stream" + tail)


def test_tiles_have_to_be_as_long_as_they_say() -> None:
    stream = imagecodecs.htj2k_encode(GREY)
    require_tiles(stream, 0)
    for missing in (1, 5, 100):
        with pytest.raises(PixelError, match="part of a tile"):
            require_tiles(stream[: -2 - missing] + b"\xff\xd9", 0)
