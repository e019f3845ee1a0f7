"""Read the header of a DICOM file in a fraction of a millisecond, and answer for each wanted attribute what it says.

The header of a file is what stands before its pixels. Nothing in it can stop the reader: what cannot be read is absent,
and `Header.problems` names it. Only what is no DICOM file at all is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from struct import error as StructError  # noqa: N812  (a class, in spite of its name)
from typing import Literal

from qc_models.dicom.attributes import ATTRIBUTES
from qc_models.dicom.byte_source import ByteSource, InflatedBytes, open_bytes
from qc_models.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    KNOWN_VRS,
    Encoding,
    PixelDataLocation,
    Scan,
    content_encoding,
    element_head,
    encoding_of,
    scan_items,
)
from qc_models.dicom.values import NUMBER_VRS, PADDING, TEXT_VRS, number_values, text_values
from qc_models.errors import InputError

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
GE_PRIVATE = "1.2.840.113619.5.2"  # an implicit little endian header before big endian pixels
_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

_ENCODINGS = {
    IMPLICIT_LITTLE_ENDIAN: IMPLICIT_LITTLE,
    EXPLICIT_LITTLE_ENDIAN: EXPLICIT_LITTLE,
    EXPLICIT_BIG_ENDIAN: EXPLICIT_BIG,
    GE_PRIVATE: IMPLICIT_LITTLE,
}  # and every other transfer syntax is explicit little endian (PS3.5 A.4)

_META_WINDOW = 1024
_OPENING_GROUPS = frozenset((0x0002, 0x0004, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028))
_OPENING_LENGTH = 1 << 16
_INFLATED_LIMIT = 1 << 28
_PROBLEM_LIMIT = 50
_DEPTH_LIMIT = 32
# What tells a data set without preamble from other bytes that begin like one.
_MARKS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "Rows")
# Of acquisition, relationship and image a number gone wrong is quoted; other groups may hold what is a patient's.
_QUOTED_GROUPS = (0x0018, 0x0020, 0x0028)
_VR_NAMES = {vr: vr.decode("ascii") for vr in KNOWN_VRS if vr != b"UN"}


class NotDicomError(InputError):
    """The bytes are no DICOM file: neither the prefix DICM nor a data set stands where one begins."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Header:
    """The wanted attributes of one file, or of one item of a sequence, by DICOM keyword.

    Values are kept as bytes and decoded when asked for; those of a sequence's items through `items`. An attribute that
    is absent, empty or unreadable answers None or nothing; `in` and `has_value` tell absent from empty.
    """

    name: str
    transfer_syntax_uid: str | None
    has_preamble: bool
    truncated: bool
    pixel_data: PixelDataLocation | None
    _found: dict[str, tuple[bytes, bytes]]
    _encoding: Encoding
    _parse_problems: tuple[str, ...] = ()
    _outer_charset: tuple[str, ...] = ()
    _outer_signed: bool = False
    _items: dict[str, tuple["Header", ...]] = field(default_factory=dict)
    data_set_at: int = 0  # where the data set begins in the file, behind the file meta information

    @property
    def little_endian(self) -> bool:
        """The byte order of the values that `raw` gives."""
        return self._encoding.little_endian

    def __repr__(self) -> str:
        return f"Header({self.name!r}, {len(self._found)} attributes)"

    def __contains__(self, keyword: object) -> bool:
        return keyword in self._found

    def keywords(self) -> tuple[str, ...]:
        """The wanted attributes that are present, though some may be empty."""
        return tuple(self._found)

    def raw(self, keyword: str) -> bytes | None:
        """The bytes of the value as they stand in the file."""
        found = self._found.get(keyword)
        return None if found is None else found[1]

    def has_value(self, keyword: str) -> bool:
        """Whether the attribute is present and not empty."""
        found = self._found.get(keyword)
        if found is None or not found[1]:
            return False
        vr = self._vr(keyword, found[0])
        if vr == "SQ":
            return bool(self.items(keyword))
        return vr not in TEXT_VRS or bool(found[1].strip(b" \0"))

    def text(self, keyword: str) -> str | None:
        """The first value as text without padding."""
        values = self.texts(keyword)
        return (values[0] or None) if values else None

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values as text without padding; numbers are written out, sequences and bulk bytes have none."""
        found = self._found.get(keyword)
        if found is None or not found[1]:
            return ()
        vr = self._vr(keyword, found[0])
        if vr in TEXT_VRS:
            plain = found[1].isascii() and b"\x1b" not in found[1]  # nearly all is, and asks for no character set
            if plain and b"\\" not in found[1]:
                value = found[1].decode("ascii").strip(PADDING)
                return (value,) if value else ()
            return text_values(vr, found[1], () if plain else self._charset)[0]
        values = self.numbers(keyword) if vr in NUMBER_VRS else ()
        return tuple(str(int(value) if value.is_integer() else value) for value in values)

    def number(self, keyword: str) -> float | None:
        """The first value as a number."""
        values = self.numbers(keyword)
        return values[0] if values else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as numbers; none at all where one of them is not a finite number, for places would shift."""
        found = self._found.get(keyword)
        if found is None or not found[1]:
            return ()
        return number_values(self._vr(keyword, found[0]), found[1], self._encoding.little_endian)[0]

    def integer(self, keyword: str) -> int | None:
        """The first value as an integer; None also where it is not whole."""
        value = self.number(keyword)
        return int(value) if value is not None and value.is_integer() else None

    def items(self, keyword: str) -> tuple["Header", ...]:
        """The items of a sequence, each a header of its own."""
        items = self._items.get(keyword)
        if items is None:
            items = self._items[keyword] = tuple(self._read_items(keyword))
        return items

    @property
    def is_dicomdir(self) -> bool:
        """Whether the file is a DICOMDIR, which lists other files and holds no image (PS3.3 F.2)."""
        return _MEDIA_STORAGE_DIRECTORY in (self.text("MediaStorageSOPClassUID"), self.text("SOPClassUID"))

    @property
    def problems(self) -> tuple[str, ...]:
        """All that is wrong with the way the header is written, items of sequences included; at most fifty are told.

        A value is quoted only where it should have been a number of the image, so that none is ever a patient's.
        """
        problems = tuple(dict.fromkeys(self._all_problems(_DEPTH_LIMIT)))
        more = len(problems) - _PROBLEM_LIMIT
        return problems if more <= 0 else (*problems[:_PROBLEM_LIMIT], f"and {more} problems more")

    @property
    def _charset(self) -> tuple[str, ...]:
        found = self._found.get("SpecificCharacterSet")
        return text_values("CS", found[1], ())[0] if found else self._outer_charset

    @property
    def _signed(self) -> bool:
        representation = self.integer("PixelRepresentation")
        return self._outer_signed if representation is None else representation == 1

    def _vr(self, keyword: str, written: bytes) -> str:
        """The value representation as written, or that of the dictionary where none, an unknown or no real one is."""
        vr = _VR_NAMES.get(written) or ATTRIBUTES[keyword].vr
        if vr == "XS":
            return "SS" if self._signed else "US"
        return vr

    def _read_items(self, keyword: str) -> Iterator["Header"]:
        written, data = self._found.get(keyword, (b"", b""))
        encoding = content_encoding(written, self._encoding)
        charset, signed = self._charset, self._signed
        for scan in scan_items(data, encoding):
            yield Header(
                name=self.name,
                transfer_syntax_uid=self.transfer_syntax_uid,
                has_preamble=self.has_preamble,
                truncated=scan.truncated,
                pixel_data=None,
                _found=scan.found,
                _encoding=encoding,
                _parse_problems=tuple(scan.problems),
                _outer_charset=charset,
                _outer_signed=signed,
            )

    def _all_problems(self, depth: int) -> Iterator[str]:
        yield from self._parse_problems
        for keyword, (written, raw) in self._found.items():
            attribute = ATTRIBUTES[keyword]
            vr = self._vr(keyword, written)
            if attribute.vr == "SQ":
                if depth:
                    for item in self.items(keyword):
                        yield from (f"{keyword}: {problem}" for problem in item._all_problems(depth - 1))
            elif attribute.vr in NUMBER_VRS or attribute.vr == "XS":
                fault = number_values(vr, raw, self._encoding.little_endian)[1]
                if fault:
                    quoted = attribute.tag >> 16 in _QUOTED_GROUPS
                    yield f"{keyword}: {fault if quoted else 'its value cannot be read'}"
            elif vr in TEXT_VRS and not text_values(vr, raw, self._charset)[1]:
                yield f"{keyword}: its bytes are not valid in the character set declared"


def read_header(source: Path | bytes, name: str | None = None) -> Header:
    """Read the header of one DICOM file, or of its bytes, up to the pixels and without them.

    `name` stands for the file in messages. NotDicomError where the bytes are no DICOM file, InputError where there is
    no such file, ServiceError where it cannot be read.
    """
    name = name or (source.name if isinstance(source, Path) else "the bytes given")
    with open_bytes(source, name) as data:
        return _read(data, name)


def _read(source: ByteSource, name: str) -> Header:
    opening = source.read(0, 132)
    has_preamble = opening[128:132] == b"DICM"
    found: dict[str, tuple[bytes, bytes]] = {}
    at = data_set_at = _read_file_meta(source, 132 if has_preamble else 0, found)
    uid = next(iter(text_values("UI", found.get("TransferSyntaxUID", (b"", b""))[1], ())[0]), None)
    encoding = _sniff(source.read(at, 8))
    deflated_from = None
    if encoding is None and uid == DEFLATED_LITTLE_ENDIAN:
        deflated_from, source, at = at, InflatedBytes(source, at, _INFLATED_LIMIT), 0
        encoding = _sniff(source.read(0, 8))
    declared = _ENCODINGS.get(uid or "", EXPLICIT_LITTLE)
    scan = Scan(source, at, encoding or declared, found, in_item=False)
    if not has_preamble and (encoding is None or not any(mark in found for mark in _MARKS)):
        raise NotDicomError(f"{name}: not a DICOM file; leave it out, or send the original")
    problems = scan.problems
    if uid is None:
        problems.insert(0, "TransferSyntaxUID is missing")
    elif encoding not in (None, declared):
        problems.insert(0, f"TransferSyntaxUID declares {declared}, and the data set is {encoding}")
    elif uid == DEFLATED_LITTLE_ENDIAN and deflated_from is None:
        problems.insert(0, "TransferSyntaxUID declares a deflated data set, and it is not deflated")
    pixel_data = scan.pixel_data
    if uid is None and (pixel_data is None or not pixel_data.encapsulated):
        uid = next((native for native, written in _ENCODINGS.items() if written is encoding), None)
    if pixel_data is not None and (deflated_from is not None or uid == GE_PRIVATE):
        swapped = pixel_data.little_endian and uid != GE_PRIVATE
        pixel_data = replace(pixel_data, little_endian=swapped, deflated_from=deflated_from)
    return Header(
        name=name,
        transfer_syntax_uid=uid,
        has_preamble=has_preamble,
        truncated=scan.truncated,
        pixel_data=pixel_data,
        _found=found,
        _encoding=scan.encoding,
        _parse_problems=tuple(problems),
        data_set_at=data_set_at,
    )


def _read_file_meta(source: ByteSource, at: int, found: dict[str, tuple[bytes, bytes]]) -> int:
    """Keep the elements of group 0002, which are explicit little endian (PS3.10 7.1); the position behind them.

    The group length is not trusted: the first element of another group ends it.
    """
    window, position = b"", 0
    try:
        while True:
            if position > len(window) - 12:
                at, position, window = at + position, 0, source.read(at + position, _META_WINDOW)
            tag, vr, length, begin = element_head(window, position, EXPLICIT_LITTLE)
            if tag[:2] != b"\2\0" or at + begin + length > source.size:
                break
            keyword = EXPLICIT_LITTLE.wanted.get(tag)
            if keyword:
                found[keyword] = (vr, source.read(at + begin, length))
            position = begin + length
    except StructError:
        pass  # the file ends here; the pass over the data set will say so
    return at + position


def _sniff(first: bytes) -> Encoding | None:
    """How the element that opens a data set is written, whatever is declared; None where no element stands there."""
    if len(first) < 8:
        return None
    little_endian = int.from_bytes(first[:2], "little") <= int.from_bytes(first[:2], "big")
    order: Literal["little", "big"] = "little" if little_endian else "big"
    if int.from_bytes(first[:2], order) not in _OPENING_GROUPS:
        return None
    explicit = first[4:6] in KNOWN_VRS
    if not explicit and int.from_bytes(first[4:], order) >= _OPENING_LENGTH:
        return None
    return encoding_of(explicit, little_endian)
