"""Builds DICOM files by hand, byte by byte, so that the reader is tested against the standard and not against a library."""

import struct
from collections.abc import Sequence

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
UNDEFINED = 0xFFFFFFFF
LONG_FORM = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}

ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    """One element with its value representation; `length` stands in the file in place of the true one."""
    length = len(value) if length is None else length
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr)
    tail = struct.pack(order + "HI", 0, length) if vr in LONG_FORM else struct.pack(order + "H", length)
    return head + tail + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """One little endian element without value representation."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(content: bytes, length: int | None = None) -> bytes:
    """One item of a sequence, or one fragment of pixel data."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def uint16(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def file_meta(transfer_syntax: str) -> bytes:
    """The preamble, the prefix and a group 0002 that declares `transfer_syntax`."""
    uid = transfer_syntax.encode()
    body = explicit(0x00020010, b"UI", uid + b"\0" * (len(uid) % 2))
    return bytes(128) + b"DICM" + explicit(0x00020000, b"UL", struct.pack("<I", len(body))) + body


def fragments(*contents: bytes, table: Sequence[int] = (), end: bytes = SEQUENCE_END) -> bytes:
    """The pixel data element of encapsulated frames, with a basic offset table."""
    offsets = item(struct.pack(f"<{len(table)}I", *table))
    padded = [content + b"\0" * (len(content) % 2) for content in contents]
    return explicit(0x7FE00010, b"OB", offsets + b"".join(map(item, padded)) + end, UNDEFINED)


def image(
    transfer_syntax: str,
    pixels: bytes,
    *,
    rows: int,
    columns: int,
    bits: int = 16,
    stored: int | None = None,
    high: int | None = None,
    signed: bool = False,
    samples: int = 1,
    photometric: str = "MONOCHROME2",
    planar: int | None = None,
    frames: int | None = None,
    more: bytes = b"",
) -> bytes:
    """A whole file in explicit little endian order; `pixels` is the pixel data element, `more` stands before group 0028."""
    stored = bits if stored is None else stored
    dataset = explicit(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0") + more
    dataset += explicit(0x00280002, b"US", uint16(samples))
    dataset += explicit(0x00280004, b"CS", photometric.encode() + b" " * (len(photometric) % 2))
    if planar is not None:
        dataset += explicit(0x00280006, b"US", uint16(planar))
    if frames is not None:
        text = str(frames).encode()
        dataset += explicit(0x00280008, b"IS", text + b" " * (len(text) % 2))
    for element, value in ((0x10, rows), (0x11, columns), (0x100, bits), (0x101, stored)):
        dataset += explicit(0x00280000 | element, b"US", uint16(value))
    dataset += explicit(0x00280102, b"US", uint16(stored - 1 if high is None else high))
    dataset += explicit(0x00280103, b"US", uint16(int(signed)))
    return file_meta(transfer_syntax) + dataset + pixels


def native(data: bytes, vr: bytes = b"OW", length: int | None = None) -> bytes:
    """The pixel data element of frames that are not compressed."""
    return explicit(0x7FE00010, vr, data + b"\0" * (len(data) % 2), length)
