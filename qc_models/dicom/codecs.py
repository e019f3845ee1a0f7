"""Decode one compressed frame: a table from transfer syntax to decoder, and the checks that no decoder makes for us.

Decoders are those of imagecodecs: they release the interpreter's lock and survive broken bytes, which GDCM does not always.
Streams that end early are refused here, because JPEG decoders fill up what is missing and say nothing.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np

from qc_models.dicom.codestream import JPEG_LS, LOSSLESS_JPEG, read_jpeg, read_jpeg_2000, require_end, require_tiles
from qc_models.dicom.color import ybr_to_rgb
from qc_models.dicom.native import frame_bits, unpack_frame
from qc_models.dicom.pixel_layout import PixelError, PixelLayout, Pixels, align_bits

_YBR = frozenset({"YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420"})


def _jpeg(data: bytes, layout: PixelLayout) -> Pixels:
    """JPEG of every process: baseline, extended with 12 bits, progressive, lossless."""
    require_end(data)
    stream = read_jpeg(data)
    if stream.kind == JPEG_LS:
        raise PixelError("the transfer syntax says JPEG, the compressed image is JPEG-LS; correct it")
    stream.check(layout)
    lossless = stream.kind == LOSSLESS_JPEG
    if layout.samples == 1:
        pixels = imagecodecs.jpeg8_decode(data)
    elif lossless:  # the process knows no colour model, so nothing is converted
        pixels = _to_rgb(imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB"), layout)
    else:
        luminance = layout.photometric in _YBR if stream.luminance is None else stream.luminance
        pixels = imagecodecs.jpeg8_decode(data, colorspace="YCBCR" if luminance else "RGB", outcolorspace="RGB")
    if lossless and stream.precision == 16:
        _require_agreement(data, pixels)
    if lossless:
        return align_bits(pixels, layout.dtype, layout.bits_stored, layout.bits_stored - 1)
    return _signed_by(stream.precision, pixels, layout) if layout.signed else pixels


def _require_agreement(data: bytes, pixels: Pixels) -> None:
    """PixelError where no second decoder reads a lossless stream alike.

    Streams of 16 bits can hold one code, a difference of 32768, that some encoders write against the standard ("Cornell
    bug"). Decoders then lose their place and give a wrong picture without a word, but not the same one.
    """
    for decode in (imagecodecs.ljpeg_decode, imagecodecs.jpegsof3_decode):
        try:
            if np.array_equal(decode(data), pixels):
                return
        except Exception:  # the other may not know this process; then the next is asked
            continue
    raise PixelError("decoders do not agree on the compressed image, its code is wrong; send it in another syntax")


def _jpeg_ls(data: bytes, layout: PixelLayout) -> Pixels:
    require_end(data)
    stream = read_jpeg(data)
    if stream.kind != JPEG_LS:
        raise PixelError("the transfer syntax says JPEG-LS, the compressed image is JPEG; correct it")
    stream.check(layout)
    pixels = imagecodecs.jpegls_decode(data)
    return _signed_by(stream.precision, pixels, layout) if layout.signed else _to_rgb(pixels, layout)


def _jpeg_2000(data: bytes, layout: PixelLayout) -> Pixels:
    """JPEG 2000; its own colour transform is undone by the decoder, its sign is that of the header where they differ."""
    require_end(data)
    stream = read_jpeg_2000(data)
    stream.check(layout)
    if stream.high_throughput:
        require_tiles(data, stream.offset)
        pixels = imagecodecs.htj2k_decode(data[stream.offset :])
    else:
        pixels = imagecodecs.jpeg2k_decode(data)
    if layout.samples == 1 and stream.signed != layout.signed:
        return _signed_by(stream.precision, pixels, layout)
    return _to_rgb(pixels, layout)


def _run_lengths(data: bytes, layout: PixelLayout) -> Pixels:
    """RLE (PS3.5 annex G): a segment for each sample and each byte of a value, so that colours lie in planes.

    Some encoders pad segments so that they decode to more than they should; pydicom, if slowly, knows where to stop.
    """
    full = "YBR_FULL" if layout.photometric == "YBR_FULL_422" else layout.photometric
    layout = replace(layout, planar=True, photometric=full)
    try:
        return _unpack(imagecodecs.dicomrle_decode(data, f"<u{layout.dtype.itemsize}"), layout)
    except (imagecodecs.DicomrleError, PixelError):
        return _run_lengths_by_pydicom(data, layout)


def _run_lengths_by_pydicom(data: bytes, layout: PixelLayout) -> Pixels:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import RLELossless

    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "planar_configuration": 1,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": int(layout.signed),
    }
    decoder = get_decoder(RLELossless)
    return decoder.as_array(encapsulate([data]), index=0, decoding_plugin="pydicom", **options)[0]


def _deflated(data: bytes, layout: PixelLayout) -> Pixels:
    """Deflated image frames (PS3.5 A.4.13): a raw deflate stream of one native frame, never inflated beyond it."""
    return _unpack(zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, -(-frame_bits(layout) // 8)), layout)


def _unpack(raw: bytes | bytearray, layout: PixelLayout) -> Pixels:
    expected = -(-frame_bits(layout) // 8)
    if len(raw) != expected:
        raise PixelError(f"the frame decodes to {len(raw)} bytes in place of {expected}; send the object again")
    return unpack_frame(bytes(raw), layout, little_endian=True)


def _signed_by(bits: int, pixels: Pixels, layout: PixelLayout) -> Pixels:
    """Values whose stream knows no sign, or another one than the header: the top bit of what is stored is the sign."""
    bits = min(bits, layout.bits_stored)
    return align_bits(pixels, layout.dtype, bits, bits - 1)


def _to_rgb(pixels: Pixels, layout: PixelLayout) -> Pixels:
    """What the decoder left in luminance and chrominance, because the stream does not say so, as the header tells."""
    return ybr_to_rgb(pixels, layout.bits_stored) if layout.photometric in _YBR else pixels


_DECODERS: dict[str, Callable[[bytes, PixelLayout], Pixels]] = {
    "1.2.840.10008.1.2.4.50": _jpeg,
    "1.2.840.10008.1.2.4.51": _jpeg,
    "1.2.840.10008.1.2.4.57": _jpeg,
    "1.2.840.10008.1.2.4.70": _jpeg,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.91": _jpeg_2000,
    "1.2.840.10008.1.2.4.201": _jpeg_2000,
    "1.2.840.10008.1.2.4.202": _jpeg_2000,
    "1.2.840.10008.1.2.4.203": _jpeg_2000,
    "1.2.840.10008.1.2.5": _run_lengths,
    "1.2.840.10008.1.2.8.1": _deflated,
}


def decode_compressed(transfer_syntax_uid: str | None, data: bytes, layout: PixelLayout) -> Pixels:
    """The values of one compressed frame, of the layout's shape and type; PixelError where it is not whole."""
    uid = transfer_syntax_uid or "(none)"
    if uid not in _DECODERS:
        raise PixelError(
            f"transfer syntax {uid[:64]} is none that can be decoded; send the object as JPEG 2000 or native"
        )
    try:
        pixels = _DECODERS[uid](data, layout)
    except PixelError:
        raise
    except Exception as error:  # a decoder may raise anything on broken bytes
        raise PixelError(f"the compressed image is broken ({str(error)[:80]}); send the object again") from error
    if pixels.shape != layout.shape:
        raise PixelError(f"the frame decodes to shape {pixels.shape} in place of {layout.shape}; correct the header")
    return pixels.astype(layout.dtype, copy=False)
