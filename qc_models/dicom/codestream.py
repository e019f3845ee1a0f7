"""What a JPEG, JPEG-LS or JPEG 2000 stream says of itself, and whether it is there to its end.

Markers: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000), T.814 annex A (high throughput).
"""

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812  (a class, in spite of its name)

from qc_models.dicom.pixel_layout import PixelError, PixelLayout

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # these carry no length
_SEGMENT = Struct(">BBH").unpack_from
_JPEG_FRAME = Struct(">BHHB").unpack_from
_SIZE = Struct(">8I H").unpack_from
_CODE_STREAM = b"\xff\x4f\xff\x51"
_JP2_SEARCH = 4096

_PART_15 = 0x4000  # capabilities of T.814, high throughput, are announced

LOSSLESS_JPEG, JPEG_LS = 0xC3, 0xF7


@dataclass(frozen=True, slots=True)
class Codestream:
    """The frame header of one stream: kind is the JPEG frame marker's low byte, or None for JPEG 2000.

    `luminance` tells how the stream itself marks its colours: True for luminance and chrominance, False for red, green
    and blue, None where it does not say.
    """

    kind: int | None
    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool
    luminance: bool | None = None
    high_throughput: bool = False
    offset: int = 0

    def check(self, layout: PixelLayout) -> None:
        """PixelError where the stream is not of the size that the header declares."""
        if (self.rows, self.columns, self.samples) != (layout.rows, layout.columns, layout.samples):
            raise PixelError(
                f"the compressed image has {self.rows} rows, {self.columns} columns and {self.samples} samples, the header "
                f"declares {layout.rows}, {layout.columns} and {layout.samples}; correct the header"
            )
        if self.precision > layout.bits_allocated:
            raise PixelError(
                f"the compressed image has {self.precision} bits, BitsAllocated is {layout.bits_allocated}; correct it"
            )


def require_end(data: bytes) -> None:
    """PixelError where a stream lacks its end marker FFD9: a part of it was lost, whatever a decoder makes of the rest.

    Padding may follow: one byte of any value, or zeros.
    """
    body = data.rstrip(b"\0")
    if not (body.endswith(b"\xff\xd9") or body[:-1].endswith(b"\xff\xd9")):
        raise PixelError("the compressed image ends early, its end marker is missing; send the object again")


def require_tiles(data: bytes, offset: int) -> None:
    """PixelError where a tile-part of a JPEG 2000 stream is shorter than it says: OpenJPH would fill up what is missing."""
    position = offset + 2
    try:
        while True:
            lead, marker, length = _SEGMENT(data, position)
            if lead == 0xFF and marker == 0x90:
                length = int.from_bytes(data[position + 6 : position + 10], "big") - 2
                if length < 0:  # a length of zero: the part goes on to the end marker
                    return
            position += 2 + length
            if data[position : position + 2] == b"\xff\xd9":
                return
    except StructError:
        pass
    raise PixelError("the compressed image lacks a part of a tile; send the object again")


def read_jpeg(data: bytes) -> Codestream:
    """Read the frame header of a JPEG or JPEG-LS stream; PixelError where there is none."""
    luminance: bool | None = None
    position = 2
    try:
        if not data.startswith(b"\xff\xd8"):
            raise PixelError("the compressed image is no JPEG stream; correct the transfer syntax")
        while True:
            lead, marker, length = _SEGMENT(data, position)
            if lead != 0xFF or marker == 0xDA:
                break
            if marker == 0xFF or marker in _BARE_MARKERS:
                position += 1 if marker == 0xFF else 2
                continue
            if marker == 0xEE and data.startswith(b"Adobe", position + 4):
                luminance = data[position + 15] != 0
            elif marker == 0xE0 and data.startswith(b"JFIF", position + 4) and luminance is None:
                luminance = True
            elif marker in _FRAME_MARKERS:
                precision, rows, columns, samples = _JPEG_FRAME(data, position + 4)
                if bytes(data[position + 10 : position + 19 : 3]).upper() == b"RGB":
                    luminance = False
                return Codestream(marker, rows, columns, samples, precision, False, luminance)
            position += 2 + length
    except (StructError, IndexError):
        pass
    raise PixelError("the compressed image has no frame header; send the object again")


def read_jpeg_2000(data: bytes) -> Codestream:
    """Read the size segment of a JPEG 2000 stream, bare or in a JP2 file; PixelError where there is none."""
    offset = data.find(_CODE_STREAM, 0, _JP2_SEARCH)
    if offset < 0:
        raise PixelError("the compressed image is no JPEG 2000 stream; correct the transfer syntax")
    try:
        right, bottom, left, top, *_, samples = _SIZE(data, offset + 8)
        depth = data[offset + 42]
    except (StructError, IndexError):
        raise PixelError("the compressed image has no frame header; send the object again") from None
    capabilities = int.from_bytes(data[offset + 6 : offset + 8], "big")
    return Codestream(
        kind=None,
        rows=bottom - top,
        columns=right - left,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        signed=depth > 0x7F,
        high_throughput=bool(capabilities & _PART_15),
        offset=offset,
    )
