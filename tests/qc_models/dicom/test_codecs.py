"""Tests of decoding one compressed frame: exact for what is lossless, refused where it is not whole."""

import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.dicom.codecs import decode_compressed
from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_layout import PixelError, PixelLayout, pixel_layout
from tests.qc_models.dicom.element_bytes import EXPLICIT, image, native

LOSSY_JPEG, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS_JPEG, FIRST_ORDER = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000, HIGH_THROUGHPUT = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"
RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"


def rle(segments: NDArray[np.uint8], padding: bytes = b"") -> bytes:
    """An RLE frame of literal runs alone, written by PS3.5 G.3 and G.4."""
    written = []
    for segment in segments:
        content = segment.tobytes()
        runs = [content[start : start + 128] for start in range(0, len(content), 128)]
        body = b"".join(bytes([len(run) - 1]) + run for run in runs)
        written.append(body + b"\0" * (len(body) % 2) + padding)
    offsets = [64 + sum(len(before) for before in written[:number]) for number in range(len(written))]
    head = np.array([len(written), *offsets, *[0] * (15 - len(written))], "<u4").tobytes()
    return head + b"".join(written)


def rle_of(pixels: NDArray[Any]) -> bytes:
    """An RLE frame of grey values: a segment for each byte of a value, the highest first."""
    planes = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(-1, 1).view("u1")
    return rle(np.ascontiguousarray(planes.T))


Encode = Callable[[Any], bytes]
ENCODERS: dict[str, Encode] = {
    FIRST_ORDER: lambda pixels: imagecodecs.jpeg8_encode(
        pixels, lossless=True, bitspersample=16 if pixels.itemsize == 2 else 8
    ),
    JPEG_LS: imagecodecs.jpegls_encode,
    JPEG_2000: lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True),
    HIGH_THROUGHPUT: imagecodecs.htj2k_encode,
    RLE: rle_of,
}


def layout_of(pixels: NDArray[Any], **attributes: Any) -> PixelLayout:
    color = {"samples": 3, "photometric": "RGB", "planar": 0} if pixels.ndim == 3 else {}
    bits = 8 * pixels.itemsize
    wanted = {"rows": pixels.shape[0], "columns": pixels.shape[1], "bits": bits, "signed": pixels.dtype.kind == "i"}
    return pixel_layout(read_header(image(EXPLICIT, native(b"\0\0"), **(wanted | color | attributes))))


def noise(shape: tuple[int, ...], dtype: str, low: int, high: int) -> NDArray[Any]:
    return np.random.default_rng(7).integers(low, high, shape).astype(dtype)


@pytest.mark.parametrize("uid", ENCODERS)
@pytest.mark.parametrize(("dtype", "low", "high"), [("u1", 0, 256), ("u2", 0, 4096), ("u2", 0, 65536)])
def test_lossless_syntaxes_give_back_every_bit(uid: str, dtype: str, low: int, high: int) -> None:
    pixels = noise((37, 53), dtype, low, high)
    decoded = decode_compressed(uid, ENCODERS[uid](pixels), layout_of(pixels))
    assert decoded.dtype == pixels.dtype
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("uid", ENCODERS)
def test_negative_values_come_back_although_most_streams_know_no_sign(uid: str) -> None:
    pixels = noise((37, 53), "i2", -2048, 2048)
    for stored in (12, 16):
        knows_sign = uid in (JPEG_2000, HIGH_THROUGHPUT)
        written = pixels if knows_sign else (pixels.view("u2") & (1 << stored) - 1).astype("u2")
        decoded = decode_compressed(uid, ENCODERS[uid](written), layout_of(pixels, stored=stored))
        assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("signed", [True, False])
def test_jpeg_2000_with_the_wrong_sign_follows_the_header(signed: bool) -> None:
    bits = noise((32, 32), "u2", 0, 1 << 13)
    expected = np.where(bits >= 1 << 12, bits.astype("i4") - (1 << 13), bits)
    stream = imagecodecs.jpeg2k_encode(
        bits if signed else expected.astype("i2"), codecformat="j2k", reversible=True, bitspersample=13
    )
    layout = layout_of(bits, stored=13, signed=signed)
    assert np.array_equal(decode_compressed(JPEG_2000, stream, layout), expected if signed else bits)


@pytest.mark.parametrize("uid", [uid for uid in ENCODERS if uid != RLE])
def test_colour(uid: str) -> None:
    pixels = noise((16, 20, 3), "u1", 0, 256)
    encode = ENCODERS[uid]
    if uid == FIRST_ORDER:
        stream = imagecodecs.jpeg8_encode(pixels, lossless=True, colorspace="RGB", outcolorspace="RGB")
    else:
        stream = encode(pixels)
    assert np.array_equal(decode_compressed(uid, stream, layout_of(pixels)), pixels)


def test_rle_colour_lies_in_planes_and_ybr_becomes_rgb() -> None:
    planes = noise((3, 16, 20), "u1", 0, 256)
    stream = rle(planes.reshape(3, -1))
    rgb = decode_compressed(RLE, stream, layout_of(np.moveaxis(planes, 0, -1)))
    assert np.array_equal(rgb, np.moveaxis(planes, 0, -1))
    grey = np.stack([planes[0], np.full((16, 20), 128, "u1"), np.full((16, 20), 128, "u1")])
    for model in ("YBR_FULL", "YBR_FULL_422"):
        layout = layout_of(np.moveaxis(planes, 0, -1), photometric=model)
        assert np.array_equal(decode_compressed(RLE, rle(grey.reshape(3, -1)), layout)[..., 1], planes[0])


@pytest.mark.filterwarnings("ignore:The decoded RLE segment:UserWarning")
def test_rle_segments_that_are_padded_too_far_are_cut() -> None:
    pixels = noise((16, 20), "u2", 0, 65536)
    segments = np.stack([(pixels >> 8).ravel(), (pixels & 0xFF).ravel()]).astype("u1")
    assert np.array_equal(decode_compressed(RLE, rle(segments), layout_of(pixels)), pixels)
    assert np.array_equal(decode_compressed(RLE, rle(segments, b"\0\0"), layout_of(pixels)), pixels)


def test_single_bits_in_rle_and_in_deflated_frames() -> None:
    bits = noise((9, 11), "u1", 0, 2)
    packed = np.packbits(bits.ravel(), bitorder="little")
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(packed.tobytes()) + compressor.flush()
    for uid, stream in ((RLE, rle(packed[None])), (DEFLATED_FRAME, deflated)):
        assert np.array_equal(decode_compressed(uid, stream, layout_of(bits, bits=1)), bits)


def test_lossy_jpeg_of_eight_and_twelve_bits_is_near() -> None:
    y, x = np.mgrid[:64, :64]
    for uid, bits in ((LOSSY_JPEG, 8), (EXTENDED, 12)):
        peak = (1 << bits) - 1
        pixels = ((np.sin(x / 9) + np.cos(y / 7) + 2) / 4 * peak).astype("u1" if bits == 8 else "u2")
        stream = imagecodecs.jpeg8_encode(pixels, 95, bitspersample=bits)
        decoded = decode_compressed(uid, stream, layout_of(pixels, stored=bits))
        assert np.abs(decoded.astype(int) - pixels).max() <= peak / 50


@pytest.mark.parametrize(("model", "stored_as"), [("RGB", "RGB"), ("YBR_FULL_422", "YCBCR")])
def test_jpeg_colours_are_read_as_the_header_says_where_the_stream_is_silent(model: str, stored_as: str) -> None:
    pixels = np.zeros((32, 32, 3), "u1") + np.array([200, 40, 90], "u1")
    stream = imagecodecs.jpeg8_encode(pixels, 98, colorspace="RGB", outcolorspace=stored_as, subsampling="444")
    stream = bytearray(b"\xff\xd8" + stream[stream.index(b"\xff\xdb") :])  # without the marks before its tables
    frame, scan = stream.index(b"\xff\xc0"), stream.index(b"\xff\xda")
    stream[frame + 10 : frame + 19 : 3] = stream[scan + 5 : scan + 11 : 2] = b"\1\2\3"  # and with plain names
    decoded = decode_compressed(LOSSY_JPEG, bytes(stream), layout_of(pixels, photometric=model))
    assert np.abs(decoded.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("uid", [*ENCODERS, LOSSY_JPEG])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_stream_cut_short_is_refused(uid: str, share: float) -> None:
    pixels = noise((64, 64), "u1", 0, 256)
    stream = ENCODERS.get(uid, imagecodecs.jpeg8_encode)(pixels)
    with pytest.raises(PixelError):
        decode_compressed(uid, stream[: int(len(stream) * share)], layout_of(pixels))


@pytest.mark.parametrize("uid", [JPEG_LS, JPEG_2000, HIGH_THROUGHPUT])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_stream_with_a_part_missing_before_its_end_is_refused(uid: str, share: float) -> None:
    pixels = noise((64, 64), "u1", 0, 256)
    stream = ENCODERS[uid](pixels)
    with pytest.raises(PixelError):
        decode_compressed(uid, stream[: int(len(stream) * share)] + b"\xff\xd9", layout_of(pixels))


@pytest.mark.parametrize("uid", [*ENCODERS, LOSSY_JPEG])
def test_a_picture_of_another_size_is_refused_before_it_is_decoded(uid: str) -> None:
    pixels = noise((64, 48), "u1", 0, 256)
    stream = ENCODERS.get(uid, imagecodecs.jpeg8_encode)(pixels)
    with pytest.raises(PixelError):
        decode_compressed(uid, stream, layout_of(pixels[:32]))


@pytest.mark.parametrize(
    ("uid", "encoder", "words"),
    [
        (JPEG_LS, LOSSY_JPEG, "says JPEG-LS"),
        (FIRST_ORDER, JPEG_LS, "says JPEG,"),
        (JPEG_2000, JPEG_LS, "no JPEG 2000 stream"),
        (FIRST_ORDER, JPEG_2000, "no JPEG stream"),
        ("1.2.840.10008.1.2.4.102", JPEG_2000, "none that can be decoded"),
        (None, JPEG_2000, "none that can be decoded"),
    ],
)
def test_a_transfer_syntax_that_is_not_the_streams_is_named(uid: str | None, encoder: str, words: str) -> None:
    pixels = noise((16, 16), "u1", 0, 256)
    with pytest.raises(PixelError, match=words):
        decode_compressed(uid, ENCODERS.get(encoder, imagecodecs.jpeg8_encode)(pixels), layout_of(pixels))


def test_more_bits_than_are_allocated_are_refused() -> None:
    pixels = noise((16, 16), "u2", 0, 65536)
    with pytest.raises(PixelError, match="16 bits, BitsAllocated is 8"):
        decode_compressed(JPEG_LS, imagecodecs.jpegls_encode(pixels), layout_of(pixels.astype("u1")))
