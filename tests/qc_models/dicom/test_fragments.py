"""Tests of finding the frames among fragments."""

import struct

import pytest

from qc_models.dicom.byte_source import MemoryBytes
from qc_models.dicom.fragments import frame_fragments
from qc_models.dicom.pixel_layout import PixelError
from tests.qc_models.dicom.element_bytes import SEQUENCE_END, fragments, item

A, B, C = b"\xff\xd8\xff\xe0AA", b"\xff\xd8\xff\xe0BB", b"\xff\x4f\xff\x51CC"
MORE = b"more"
HEAD = 12  # of the pixel data element


def frames_of(element: bytes, frames: int, extended_offsets: bytes | None = None) -> list[bytes]:
    content = element[HEAD:]
    found = frame_fragments(MemoryBytes(content), 0, frames, extended_offsets)
    return [b"".join(content[part.offset : part.offset + part.length] for part in frame) for frame in found]


@pytest.mark.parametrize(
    ("element", "frames"),
    [
        (fragments(A), [A]),
        (fragments(A, MORE, MORE), [A + MORE + MORE]),
        (fragments(b"rl", b"e2"), [b"rle2"]),  # one frame in two fragments that tell nothing
        (fragments(A, B, C), [A, B, C]),
        (fragments(b"r1", b"r2"), [b"r1", b"r2"]),
        (fragments(A, MORE, B, C, MORE), [A + MORE, B, C + MORE]),
        (fragments(b"r1", MORE, b"r2", table=(0, 22)), [b"r1" + MORE, b"r2"]),
        (fragments(A, MORE, B, table=(0, 9)), [A + MORE, B]),  # a table that points at nothing
        (fragments(A, B, table=(0,)), [A, B]),  # a table of too few
        (fragments(A, B, end=b""), [A, B]),
        (fragments(A, B, end=SEQUENCE_END + b"garbage behind"), [A, B]),
    ],
)
def test_frames_are_found(element: bytes, frames: list[bytes]) -> None:
    assert frames_of(element, len(frames)) == frames


def test_an_extended_offset_table_serves_as_well() -> None:
    element = fragments(b"r1", MORE, b"r2")
    assert frames_of(element, 2, struct.pack("<2Q", 0, 22)) == [b"r1" + MORE, b"r2"]


@pytest.mark.parametrize(
    ("element", "frames", "words"),
    [
        (fragments(A, B), 1, "hold 2 frames, the header declares 1"),
        (fragments(A, B), 3, "hold 2 frames, the header declares 3"),
        (fragments(b"r1", b"r2", b"r3"), 2, "hold 3 frames"),
        (fragments(), 1, "no fragment"),
        (fragments(A, B)[:-12], 2, "fragment 2 declares 6 bytes, the file ends after 2"),
        (fragments(A, end=b"not an item at all"), 1, "other than a fragment follows fragment 1"),
        (bytes(HEAD) + b"\xff\xd8\xff\xe0 no item", 1, "the pixel data are not"),
        (bytes(HEAD) + item(b"", 0x7FFFFFF0), 1, "declares 2147483632 bytes"),
    ],
)
def test_broken_fragments_are_refused(element: bytes, frames: int, words: str) -> None:
    with pytest.raises(PixelError, match=words):
        frames_of(element, frames)
