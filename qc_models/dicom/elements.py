"""One pass over the elements of a data set: keep the bytes of what is wanted, step over the rest, name what is broken.

The layout of elements, items and delimiters is that of PS3.5 section 7; nothing here decodes a value.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError  # noqa: N812  (a class, in spite of its name)
from typing import Literal

from qc_models.dicom.attributes import PRIVATE_BLOCKS, PUBLIC
from qc_models.dicom.byte_source import ByteSource, MemoryBytes

_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
KNOWN_VRS = _SHORT_VRS | _LONG_VRS
UNDEFINED_LENGTH = 0xFFFFFFFF

_PIXEL_KEYWORDS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_RESERVED_BLOCKS = range(0x10, 0x20)  # where the private blocks that anyone ever wrote are reserved

_WINDOW = 8192  # most headers fit; what does not is read in further windows
_WALK_WINDOW = 1 << 16
_SCAN_LIMIT = 1 << 27  # a header longer than this is an attack or garbage
_DEPTH_LIMIT = 32  # sequences within sequences

_CREATORS = {(block.group, block.creator): block.elements for block in PRIVATE_BLOCKS}


class Encoding:
    """One way of writing elements: value representation explicit or implicit, and the byte order."""

    __slots__ = ("delimiters", "explicit", "head", "item", "length", "little_endian", "order", "wanted")

    def __init__(self, *, explicit: bool, little_endian: bool) -> None:
        sign = "<" if little_endian else ">"
        self.explicit = explicit
        self.little_endian = little_endian
        self.order: Literal["little", "big"] = "little" if little_endian else "big"
        self.head = Struct(sign + ("4s2sH" if explicit else "4sI")).unpack_from
        self.item = Struct(sign + "4sI").unpack_from
        self.length = Struct(sign + "I").unpack_from
        self.delimiters = tuple(self.tag_bytes(tag) for tag in (_ITEM, _ITEM_END, _SEQUENCE_END))
        # Tags are looked up as the four bytes that stand in the file: what is wanted by its keyword, and under an empty
        # keyword whatever ends or redirects the scan (pixel data, creators of private blocks, stray delimiters, zeros).
        redirecting = [*_PIXEL_KEYWORDS, _ITEM, _ITEM_END, _SEQUENCE_END, 0]
        redirecting += [block.group << 16 | element for block in PRIVATE_BLOCKS for element in _RESERVED_BLOCKS]
        self.wanted = {self.tag_bytes(attribute.tag): keyword for keyword, attribute in PUBLIC.items()}
        self.wanted |= {self.tag_bytes(tag): "" for tag in redirecting}

    def __reduce__(self) -> tuple[Callable[[bool, bool], "Encoding"], tuple[bool, bool]]:
        return encoding_of, (self.explicit, self.little_endian)  # headers travel between processes; their tables stay

    def __str__(self) -> str:
        return f"{'explicit' if self.explicit else 'implicit'} {self.order} endian"

    def tag_bytes(self, tag: int) -> bytes:
        """The tag as the four bytes that stand in the file."""
        return (tag >> 16).to_bytes(2, self.order) + (tag & 0xFFFF).to_bytes(2, self.order)

    def tag_number(self, tag: bytes) -> int:
        """The tag as group << 16 | element."""
        return int.from_bytes(tag[:2], self.order) << 16 | int.from_bytes(tag[2:], self.order)


EXPLICIT_LITTLE = Encoding(explicit=True, little_endian=True)
IMPLICIT_LITTLE = Encoding(explicit=False, little_endian=True)
EXPLICIT_BIG = Encoding(explicit=True, little_endian=False)
IMPLICIT_BIG = Encoding(explicit=False, little_endian=False)


def encoding_of(explicit: bool, little_endian: bool) -> Encoding:
    """The one encoding of this kind."""
    if little_endian:
        return EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    return EXPLICIT_BIG if explicit else IMPLICIT_BIG


@dataclass(frozen=True, slots=True)
class PixelDataLocation:
    """Where the pixel bytes lie: offset in the file (in the inflated data set where `deflated_from` is set) and length.

    `length` is None where it is undefined, that is, where the frames are encapsulated in fragments (PS3.5 A.4).
    """

    keyword: str
    vr: str | None
    offset: int
    length: int | None
    little_endian: bool
    deflated_from: int | None = None

    @property
    def encapsulated(self) -> bool:
        """Whether the frames lie in fragments and not side by side."""
        return self.length is None


class BrokenElementError(Exception):
    """An element that cannot be stepped over; the message says why. It never leaves this folder."""


def element_head(data: bytes, position: int, encoding: Encoding) -> tuple[bytes, bytes, int, int]:
    """Tag, value representation (empty where none is written), length and the position of the value of one element."""
    if not encoding.explicit:
        tag, length = encoding.head(data, position)
        return tag, b"", length, position + 8
    tag, vr, length = encoding.head(data, position)
    if vr in _SHORT_VRS:
        return tag, vr, length, position + 8
    if vr not in _LONG_VRS:
        # Items and delimiters carry no representation, nor does an element written the implicit way amid explicit ones.
        if vr[0] < 0x20 or vr[1] < 0x20 or tag in encoding.delimiters:
            return tag, b"", encoding.item(data, position)[1], position + 8
        # Representations to come have the long form (PS3.5 7.1.2), in which these two bytes are zero.
        if length:
            return tag, vr, length, position + 8
    return tag, vr, encoding.length(data, position + 8)[0], position + 12


def sequence_end(data: bytes, encoding: Encoding) -> int:
    """The position behind the delimiter of the sequence whose items open `data`; StructError where data are short.

    Levels alternate: a sequence holds items, an item holds elements. Only what has an undefined length is entered.
    """
    position, inside = 0, [encoding]
    while inside:
        encoding = inside[-1]
        if len(inside) % 2:
            tag, length = encoding.item(data, position)
            position += 8
            if tag == encoding.delimiters[2]:
                inside.pop()
            elif tag != encoding.delimiters[0]:
                raise BrokenElementError("something other than an item stands in a sequence")
            elif length == UNDEFINED_LENGTH:
                inside.append(encoding)
            else:
                position += length
        else:
            tag, vr, length, begin = element_head(data, position, encoding)
            position = begin
            if tag == encoding.delimiters[1]:
                inside.pop()
            elif tag == encoding.delimiters[2]:  # the item's own delimiter was forgotten
                del inside[-2:]
            elif length != UNDEFINED_LENGTH:
                position += length
            elif len(inside) > 2 * _DEPTH_LIMIT:
                raise BrokenElementError(f"sequences are nested more than {_DEPTH_LIMIT} deep")
            else:
                inside.append(content_encoding(vr, encoding))
        if position > len(data):
            raise StructError
    return position


def content_encoding(vr: bytes, encoding: Encoding) -> Encoding:
    """How the items of a sequence are written: an unknown representation is implicit little endian (PS3.5 6.2.2)."""
    return IMPLICIT_LITTLE if vr == b"UN" else encoding


class Scan:
    """The outcome of one pass: wanted values as they stand in the source, where the pixels lie, and what was broken.

    `found` maps a keyword to (value representation or empty, bytes); `end` is the position where the pass stopped.
    """

    __slots__ = ("_in_item", "_source", "_wanted", "encoding", "end", "found", "pixel_data", "problems", "truncated")

    def __init__(
        self, source: ByteSource, start: int, encoding: Encoding, found: dict[str, tuple[bytes, bytes]], in_item: bool
    ) -> None:
        self._source = source
        self.encoding = encoding
        self._wanted = encoding.wanted
        self._in_item = in_item
        self.found = found
        self.problems: list[str] = []
        self.truncated = False
        self.pixel_data: PixelDataLocation | None = None
        self.end = start
        try:
            self._run(start)
        except BrokenElementError as error:
            self.truncated = True
            self.problems.append(str(error))

    def _run(self, start: int) -> None:
        """Step over whole elements inside a window of bytes; leave to `_step` each element that is not so plain."""
        explicit, head, long_length = self.encoding.explicit, self.encoding.head, self.encoding.length
        found, short_vrs, long_vrs = self.found, _SHORT_VRS, _LONG_VRS
        vr = b""
        base = scanned = 0
        window = b""
        at: int | None = start
        while at is not None:
            if not base <= at <= base + len(window) - 12:
                base, window = at, self._source.read(at, _WINDOW)
                scanned += len(window)
                if scanned > _SCAN_LIMIT:
                    raise BrokenElementError(f"the header is longer than {_SCAN_LIMIT >> 20} MiB")
            position, limit, wanted_keyword = at - base, len(window), self._wanted.get
            try:
                while True:
                    if explicit:
                        tag, vr, length = head(window, position)
                        if vr in short_vrs:
                            begin = position + 8
                        elif vr in long_vrs:
                            (length,) = long_length(window, position + 8)
                            begin = position + 12
                        else:
                            break
                    else:
                        tag, length = head(window, position)
                        begin = position + 8
                    end = begin + length
                    if end > limit:
                        break
                    keyword = wanted_keyword(tag)
                    if keyword:
                        found[keyword] = (vr, window[begin:end])
                    elif keyword is not None:
                        break
                    position = end
            except StructError:
                pass  # the window ends within the head of an element, or with the one before
            at = self._step(base + position)

    def _step(self, at: int) -> int | None:
        """Deal with the one element at `at`, whatever it is; the position of the next, or None where the pass ends."""
        self.end = at
        source, encoding = self._source, self.encoding
        data = source.read(at, 12)
        if not data and at <= source.size:
            return None
        try:
            tag, vr, length, begin = element_head(data, 0, encoding)
        except StructError:
            raise BrokenElementError(f"the data end within the head of an element at byte {at}") from None
        begin += at
        end = begin + length
        number = encoding.tag_number(tag)
        keyword = self._wanted.get(tag)
        name = f"({number >> 16:04X},{number & 0xFFFF:04X}) {keyword or ''}".rstrip()
        if number in _PIXEL_KEYWORDS:
            self._locate_pixels(_PIXEL_KEYWORDS[number], vr, begin, length)
            return None
        if number in (_ITEM_END, _SEQUENCE_END) and self._in_item:
            self.end = at if number == _SEQUENCE_END else begin
            return None
        if number >> 16 == 0xFFFE:
            self.problems.append(f"a stray item or delimiter stands at byte {at}")
            return begin if length == UNDEFINED_LENGTH else end
        if number == 0:
            self.problems.append(f"zeros stand at byte {at} in place of an element")
            return None
        if encoding.explicit and vr not in KNOWN_VRS:
            self.problems.append(f"{name} has no value representation that exists")
        if length == UNDEFINED_LENGTH:
            return self._keep_sequence(name, keyword, vr, begin)
        if keyword is not None and length > _SCAN_LIMIT and end <= source.size:
            self.problems.append(f"{name} is {length >> 20} MiB long and was passed over")
            return end
        value = source.read(begin, length) if keyword is not None and end <= source.size else b""
        if end > source.size:  # asked after reading, which is when the size of an inflated stream is known
            held = max(source.size - begin, 0)
            raise BrokenElementError(f"{name} at byte {at} declares {length} bytes, the data end after {held} of them")
        if keyword:
            self.found[keyword] = (vr, value)
        elif keyword is not None:
            self._open_private_block(number, value)
        return end

    def _locate_pixels(self, keyword: str, vr: bytes, begin: int, length: int) -> None:
        """Note where the pixels lie; a pass never goes beyond them."""
        whole = None if length == UNDEFINED_LENGTH else length
        vr_text = vr.decode("ascii", "replace") or None
        self.pixel_data = PixelDataLocation(keyword, vr_text, begin, whole, self.encoding.little_endian)
        if begin + (whole or 0) > self._source.size:
            held = max(self._source.size - begin, 0)
            raise BrokenElementError(f"{keyword} declares {length} bytes, the data end after {held} of them")

    def _keep_sequence(self, name: str, keyword: str | None, vr: bytes, begin: int) -> int:
        """Find the end of a sequence of undefined length, in ever larger windows, and keep its bytes if wanted."""
        size = _WALK_WINDOW
        while True:
            data = self._source.read(begin, size)
            try:
                end = sequence_end(data, content_encoding(vr, self.encoding))
            except StructError:
                if len(data) < size:
                    raise BrokenElementError(f"{name} has no end: the data end within it") from None
                if size > _SCAN_LIMIT:
                    raise BrokenElementError(f"{name} is longer than {_SCAN_LIMIT >> 20} MiB") from None
                size *= 4
            except BrokenElementError as error:
                raise BrokenElementError(f"{name}: {error}") from None
            else:
                break
        if keyword:
            self.found[keyword] = (vr, data[:end])
        return begin + end

    def _open_private_block(self, number: int, creator: bytes) -> None:
        """Want the elements of a private block from here on, if its creator is one that we know (PS3.5 7.8.1)."""
        group, block = number >> 16, number & 0xFF
        elements = _CREATORS.get((group, creator.strip(b" \0").decode("ascii", "replace")))
        if elements is not None:
            self._wanted = self._wanted | {
                self.encoding.tag_bytes(group << 16 | block << 8 | element): attribute.keyword
                for element, attribute in elements.items()
            }


def scan_items(data: bytes, encoding: Encoding) -> Iterator[Scan]:
    """One pass over each item of a sequence's value; an item that is cut short is the last."""
    position = 0
    while position + 8 <= len(data):
        tag, length = encoding.item(data, position)
        position += 8
        if tag != encoding.delimiters[0]:
            return
        if length == UNDEFINED_LENGTH:
            scan = Scan(MemoryBytes(data), position, encoding, {}, in_item=True)
            position = scan.end
        else:
            scan = Scan(MemoryBytes(data[position : position + length]), 0, encoding, {}, in_item=True)
            position += length
        yield scan
        if scan.truncated:
            return
