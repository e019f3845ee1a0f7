"""Decode the frames of a DICOM object one at a time and exactly, or say which frame cannot be decoded and why."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from qc_models.dicom.byte_source import ByteSource, InflatedBytes, open_bytes
from qc_models.dicom.codecs import decode_compressed
from qc_models.dicom.elements import PixelDataLocation
from qc_models.dicom.fragments import frame_fragments
from qc_models.dicom.header import (
    DEFLATED_LITTLE_ENDIAN,
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    GE_PRIVATE,
    IMPLICIT_LITTLE_ENDIAN,
    Header,
)
from qc_models.dicom.native import frame_bits, unpack_frame
from qc_models.dicom.pixel_layout import PixelError, PixelLayout, Pixels, pixel_layout

_NATIVE = frozenset(
    {IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, DEFLATED_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, GE_PRIVATE}
)
_INFLATED_LIMIT = 1 << 30  # bytes of a deflated data set


def decode_frames(source: Path | bytes, header: Header, indices: Sequence[int] | None = None) -> Iterator[Pixels]:
    """Decode the frames of `source`, whose header was read before: all in order, or those of `indices`, from zero.

    Stored values [rows, columns], or RGB [rows, columns, 3]; integers as BitsAllocated and PixelRepresentation say,
    indices of a PALETTE COLOR image, 0 and 1 of a bit, floats of float pixel data. Rescaling is left to `modality_values`.
    Memory holds one frame. PixelError where a frame is missing, cut short, broken or not what the header declares; frames
    before it have been given by then.
    """
    number = None
    try:
        layout = pixel_layout(header)
        location = header.pixel_data
        if location is None:
            return
        with open_bytes(source, header.name) as data:
            decode = (_compressed_frames if location.encapsulated else _native_frames)(data, header, location, layout)
            for index in range(layout.frames) if indices is None else indices:
                number = index + 1
                if not 0 < number <= layout.frames:
                    raise PixelError(f"the header declares {layout.frames} frames; ask for one of these")
                pixels = decode(index)
                yield pixels if pixels.flags.writeable else pixels.copy()
    except PixelError as error:
        place = header.name if number is None else f"{header.name}: frame {number}"
        raise PixelError(f"{place}: {error}") from error


def _compressed_frames(
    data: ByteSource, header: Header, location: PixelDataLocation, layout: PixelLayout
) -> Callable[[int], Pixels]:
    """A decoder of one frame by its index, for pixels in fragments."""
    uid = header.transfer_syntax_uid
    if uid in _NATIVE:
        raise PixelError(f"the pixel data are compressed, transfer syntax {uid} says they are not; correct it")
    frames = frame_fragments(data, location.offset, layout.frames, header.raw("ExtendedOffsetTable"))

    def decode(index: int) -> Pixels:
        stream = b"".join(data.read(fragment.offset, fragment.length) for fragment in frames[index])
        return decode_compressed(uid, stream, layout)

    return decode


def _native_frames(
    data: ByteSource, header: Header, location: PixelDataLocation, layout: PixelLayout
) -> Callable[[int], Pixels]:
    """A decoder of one frame by its index, for pixels that lie side by side; frames of single bits share bytes."""
    uid, length, bits = header.transfer_syntax_uid, location.length or 0, frame_bits(layout)
    if uid not in _NATIVE:
        raise PixelError(f"the pixel data are not compressed, transfer syntax {uid} says they are; correct it")
    if location.deflated_from is not None:
        if location.offset + length > _INFLATED_LIMIT:
            raise PixelError(
                f"the data set inflates to more than {_INFLATED_LIMIT >> 20} MiB; send it in another syntax"
            )
        data = InflatedBytes(data, location.deflated_from, location.offset + length)
    if 8 * length >= bits * (layout.frames + 1):
        held = 8 * length // bits
        raise PixelError(
            f"the pixel data hold {held} frames, the header declares {layout.frames}; correct NumberOfFrames"
        )
    swapped = not location.little_endian and location.vr == "OW" and layout.bits_allocated == 8

    def decode(index: int) -> Pixels:
        first, last = index * bits // 8, -(-(index + 1) * bits // 8)
        begin, end = (first & ~1, last + 1 & ~1) if swapped else (first, last)
        stored = data.read(location.offset + begin, max(min(end, length) - begin, 0))
        if len(stored) < end - begin:
            raise PixelError(f"{len(stored)} of its {end - begin} bytes are there; send the object again")
        if swapped:
            stored = np.frombuffer(stored, np.uint16).byteswap().tobytes()[first - begin : last - begin]
        return unpack_frame(stored, layout, location.little_endian, index * bits % 8)

    return decode
