"""Whether two objects of one UID hold the same content: what forwards an object may write it anew, and changes nothing by it.

File meta information is written by each sender (PS3.10 7.1). In the data set group lengths may be absent, sequences have a length
or an end (PS3.5 7.5), and texts of uneven length have one of two paddings; everything else is content.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.values import convert_SQ

from qc_models.dicom.header import Header, read_header
from qc_models.errors import ServiceError

_NAME = "the object"
_COMPARED_BYTES = 1 << 20  # at once
_LARGEST_HEADER = 64 << 20  # bytes before the pixels that are compared value by value
_ITEM = b"\xfe\xff\x00\xe0"
_PADDINGS = (b" ", b"\0")
_TEXT = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())


def same_content(first: Path, second: Path) -> bool:
    """Whether two kept objects hold one data set in one transfer syntax; ServiceError where one cannot be read."""
    heads = [read_header(path, _NAME) for path in (first, second)]
    if heads[0].transfer_syntax_uid != heads[1].transfer_syntax_uid:
        return False
    return _same_bytes(first, second, heads[0].data_set_at, heads[1].data_set_at) or _same_values(first, second, heads)


def _same_bytes(first: Path, second: Path, first_at: int, second_at: int) -> bool:
    """Whether two files are equal from a place on."""
    with first.open("rb") as one, second.open("rb") as other:
        one.seek(first_at)
        other.seek(second_at)
        return all(here == there for here, there in _pieces(one, other))


def _pieces(one: BinaryIO, other: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while True:
        here, there = one.read(_COMPARED_BYTES), other.read(_COMPARED_BYTES)
        yield here, there
        if not here and not there:
            return


def _same_values(first: Path, second: Path, heads: list[Header]) -> bool:
    """Whether two data sets are equal value by value before their pixels, and byte by byte from there on."""
    starts = []
    for path, head in zip((first, second), heads, strict=True):
        if head.pixel_data is not None and head.pixel_data.deflated_from is not None:
            return False
        starts.append(head.pixel_data.offset if head.pixel_data is not None else path.stat().st_size)
    with_pixels = {head.pixel_data is not None for head in heads}
    if max(starts) > _LARGEST_HEADER or len(with_pixels) > 1:
        return False
    try:
        one, other = (dcmread(path, stop_before_pixels=True, force=True) for path in (first, second))
        return _same_set(one, other) and _same_bytes(first, second, *starts)
    except ServiceError:
        raise
    except Exception:  # what cannot be understood counts as other content
        return False


def _same_set(one: Dataset, other: Dataset) -> bool:
    tags = [sorted(tag for tag in data_set.keys() if tag.element != 0) for data_set in (one, other)]  # noqa: SIM118
    return tags[0] == tags[1] and all(_same_value(one, other, tag) for tag in tags[0])


def _same_value(one: Dataset, other: Dataset, tag: Any) -> bool:
    here, there = _value(one, tag), _value(other, tag)
    if isinstance(here, bytes) and isinstance(there, bytes):
        return here == there or (_vr(one, tag) in _TEXT and _unpadded(here) == _unpadded(there))
    if isinstance(here, bytes) or isinstance(there, bytes):
        return False
    return len(here) == len(there) and all(_same_set(*pair) for pair in zip(here, there, strict=True))


def _unpadded(value: bytes) -> bytes:
    """A text without the one byte that makes its length even (PS3.5 6.2)."""
    return value[:-1] if value[-1:] in _PADDINGS else value


def _vr(data_set: Dataset, tag: Any) -> str:
    """The value representation, of the dictionary where the file says none; UN of what nobody knows."""
    return getattr(data_set.get_item(tag), "VR", None) or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")


def _value(data_set: Dataset, tag: Any) -> bytes | list[Dataset]:
    """The bytes of a value as they were written, or the items of a sequence, also of one whose VR nobody knows."""
    element = data_set.get_item(tag)
    if isinstance(element, RawDataElement):
        value: bytes = element.value or b""
        if value[:4] != _ITEM and element.VR != "SQ":
            return value
        return list(convert_SQ(value, element.is_implicit_VR, element.is_little_endian))
    return list(element.value) if element is not None and element.VR == "SQ" else repr(element).encode()
