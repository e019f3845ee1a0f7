"""Frames of one object as WADO-RS sends them: as they are stored, as plain values, or as a picture to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from qc_models.dicom.byte_source import open_bytes
from qc_models.dicom.color import apply_palette
from qc_models.dicom.fragments import frame_fragments
from qc_models.dicom.header import EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, Header, read_header
from qc_models.dicom.modality_values import modality_values
from qc_models.dicom.native import frame_bits
from qc_models.dicom.pixel_data import decode_frames
from qc_models.dicom.pixel_layout import PixelError, pixel_layout
from qc_models.errors import InputError
from serving.report_pictures import grey_levels

OCTETS = "application/octet-stream"
# PS3.18 tables 8.7.3-2 and 8.7.3-5; what is not named here is sent as octets
MEDIA_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{end}" for end in (50, 51, 57, 70)), "image/jpeg"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{end}" for end in (80, 81)), "image/jls"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{end}" for end in (90, 91)), "image/jp2"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{end}" for end in (92, 93)), "image/jpx"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{end}" for end in (201, 202, 203)), "image/jphc"),
}
MOST_PIXELS = 1 << 26  # of a frame that is decoded here
QUALITY = 90


@dataclass(frozen=True, slots=True)
class FrameBytes:
    """A frame, and what its bytes are."""

    content: bytes
    media_type: str
    transfer_syntax_uid: str


def stored_media_type(transfer_syntax_uid: str) -> str:
    """What a stored frame is."""
    return MEDIA_TYPES.get(transfer_syntax_uid, OCTETS)


def stored_frames(path: Path, indices: Sequence[int]) -> Iterator[FrameBytes]:
    """Frames (from zero) as they are stored; those that are not compressed as plain values in little endian."""
    header = read_header(path, "the object")
    location, uid = header.pixel_data, header.transfer_syntax_uid or ""
    layout = pixel_layout(header)
    if location is not None and location.encapsulated:
        with open_bytes(path, "the object") as data:
            frames = frame_fragments(data, location.offset, layout.frames, header.raw("ExtendedOffsetTable"))
            for index in indices:
                content = b"".join(data.read(fragment.offset, fragment.length) for fragment in frames[index])
                yield FrameBytes(content, stored_media_type(uid), uid)
    elif (
        location is not None and uid in (IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN) and frame_bits(layout) % 8 == 0
    ):
        length = frame_bits(layout) // 8
        with open_bytes(path, "the object") as data:
            for index in indices:
                content = data.read(location.offset + index * length, length)
                if len(content) < length:
                    raise PixelError(f"frame {index + 1} is cut short; send the object again")
                yield FrameBytes(content, OCTETS, EXPLICIT_LITTLE_ENDIAN)
    else:
        yield from decoded_frames(path, indices)


def decoded_frames(path: Path, indices: Sequence[int]) -> Iterator[FrameBytes]:
    """Frames (from zero) as plain values in little endian; colours as red, green, blue of each pixel, single bits packed."""
    header = _bounded(path)
    single_bits = header.integer("BitsAllocated") == 1
    for pixels in decode_frames(path, header, indices):
        if single_bits:
            content = np.packbits(pixels.astype(np.uint8), bitorder="little").tobytes()
        else:
            content = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
        yield FrameBytes(content, OCTETS, EXPLICIT_LITTLE_ENDIAN)


def rendered(
    path: Path,
    index: int,
    picture: str,
    *,
    window: tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    quality: int = QUALITY,
) -> bytes:
    """A frame (from zero) as JPEG or PNG, by a window (centre, width) or that of the header, no larger than `size`."""
    header = _bounded(path)
    (stored,) = decode_frames(path, header, (index,))
    if header.text("PhotometricInterpretation") == "PALETTE COLOR":
        stored = apply_palette(stored, header)
    values = stored if stored.ndim == 3 else np.nan_to_num(modality_values(stored, header, index))
    image = Image.fromarray(grey_levels(values, header, window))
    if size is not None:
        image.thumbnail(size)
    stream = BytesIO()
    image.save(stream, picture, quality=quality)
    return stream.getvalue()


def _bounded(path: Path) -> Header:
    """The header of an object whose frames this process may decode."""
    header = read_header(path, "the object")
    if (header.integer("Rows") or 0) * (header.integer("Columns") or 0) > MOST_PIXELS:
        raise InputError(
            f"a frame of more than {MOST_PIXELS >> 20} million pixels is not decoded here; retrieve it as it is"
        )
    return header
