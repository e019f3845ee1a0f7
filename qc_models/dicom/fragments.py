"""Find the bytes of each frame among the fragments of encapsulated pixel data (PS3.5 A.4)."""

from dataclasses import dataclass
from itertools import pairwise
from struct import Struct

from qc_models.dicom.byte_source import ByteSource
from qc_models.dicom.pixel_layout import PixelError

_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"
_ITEM_HEAD = Struct("<4sI")
# How a JPEG, JPEG-LS, JPEG 2000 or JP2 stream opens; other syntaxes hold one frame in each fragment.
_OPENINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
_TABLE_LIMIT = 1 << 26
_FRAGMENT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment: where its bytes lie, how many, the place of its item as an offset table counts, and how it opens."""

    offset: int
    length: int
    place: int
    opens_image: bool


def frame_fragments(
    source: ByteSource, offset: int, frames: int, extended_offsets: bytes | None
) -> list[list[Fragment]]:
    """The fragments of each of the frames that the header declares, in order.

    An offset table is believed only where it points at fragments; without one, frames are told by one fragment each or by
    how image streams open. PixelError where the fragments are broken, or are not the number of frames declared.
    """
    table, fragments = _read_fragments(source, offset)
    starts = _table_starts(table, "<I", fragments, frames) or _table_starts(extended_offsets, "<Q", fragments, frames)
    if starts is None:
        starts = [index for index, fragment in enumerate(fragments) if fragment.opens_image]
        if not starts or starts[0] != 0:  # no streams that tell their beginning: one fragment each, or all one frame
            starts = list(range(len(fragments))) if frames > 1 else [0]
    if len(starts) != frames:
        raise PixelError(
            f"the pixel data hold {len(starts)} frames, the header declares {frames}; send the object again"
        )
    return [fragments[start:end] for start, end in zip(starts, [*starts[1:], len(fragments)], strict=True)]


def _read_fragments(source: ByteSource, offset: int) -> tuple[bytes, list[Fragment]]:
    """The basic offset table, and all fragments up to the delimiter, or to the end of a file that lacks it."""
    table: bytes | None = None
    fragments: list[Fragment] = []
    position = offset
    while True:
        head = source.read(position, 8)
        if len(head) < 8:
            break
        tag, length = _ITEM_HEAD.unpack(head)
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM:
            if table is None:
                raise PixelError("the transfer syntax is a compressed one, the pixel data are not; correct either")
            raise PixelError(
                f"something other than a fragment follows fragment {len(fragments)}; send the object again"
            )
        position += 8
        if length > source.size - position:
            held = max(source.size - position, 0)
            raise PixelError(
                f"fragment {len(fragments) + 1} declares {length} bytes, the file ends after {held}; send it again"
            )
        if table is None:
            if length > _TABLE_LIMIT:
                raise PixelError(f"the offset table declares {length} bytes, which cannot be; send the object again")
            table = source.read(position, length)
            first = position + length
        else:
            opens = source.read(position, 12).startswith(_OPENINGS)
            fragments.append(Fragment(position, length, position - 8 - first, opens))
        position += length
        if len(fragments) > _FRAGMENT_LIMIT:
            raise PixelError(f"there are more than {_FRAGMENT_LIMIT} fragments, which cannot be; send the object again")
    if not fragments:
        raise PixelError("there is no fragment in the pixel data; send the object again")
    return table or b"", fragments


def _table_starts(table: bytes | None, layout: str, fragments: list[Fragment], frames: int) -> list[int] | None:
    """The index of each frame's first fragment by an offset table, or None where the table is absent or wrong."""
    if not table or len(table) % Struct(layout).size:
        return None
    offsets = [offset for (offset,) in Struct(layout).iter_unpack(table)]
    places = {fragment.place: index for index, fragment in enumerate(fragments)}
    starts = [places.get(offset, -1) for offset in offsets]
    rising = all(before < after for before, after in pairwise(starts))
    return starts if starts[0] == 0 and rising and frames == len(starts) else None
