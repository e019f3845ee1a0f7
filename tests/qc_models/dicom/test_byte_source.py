"""Tests of reading bytes by position from files, memory and deflated streams."""

import zlib
from pathlib import Path

import pytest

from qc_models.dicom.byte_source import InflatedBytes, MemoryBytes, open_bytes
from qc_models.errors import InputError


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(("offset", "count"), [(0, 10), (16_380, 10), (99_995, 10), (100_000, 4), (200_000, 4)])
def test_a_file_gives_the_same_bytes_as_memory(tmp_path: Path, offset: int, count: int) -> None:
    content = bytes(range(250)) * 400
    path = tmp_path / "file"
    path.write_bytes(content)
    with open_bytes(path, "file") as in_file, open_bytes(content, "memory") as in_memory:
        assert in_file.read(offset, count) == in_memory.read(offset, count) == content[offset : offset + count]
        assert in_file.size == in_memory.size == 100_000


def test_a_missing_file_and_a_folder_are_the_senders_to_mend(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none", "no such file"), (tmp_path, "folder")):
        with pytest.raises(InputError, match=words), open_bytes(path, "it"):
            pass


def test_a_deflated_stream_is_read_as_if_it_were_not() -> None:
    content = bytes(range(256)) * 1000
    source = InflatedBytes(MemoryBytes(b"head" + deflate(content)), 4, limit=1 << 20)
    assert source.read(1000, 10) == content[1000:1010]
    assert source.read(5, 10) == content[5:15]
    assert source.read(len(content) - 3, 10) == content[-3:]
    assert source.size == len(content)


def test_a_deflated_stream_is_never_inflated_far_beyond_its_limit() -> None:
    source = InflatedBytes(MemoryBytes(deflate(bytes(1 << 26))), 0, limit=1000)
    assert source.read(0, 1 << 26) == bytes(1000)
    assert source.size < 1 << 20


@pytest.mark.parametrize("damage", [slice(0, 500), slice(0, 0)])
def test_a_broken_stream_ends_where_it_breaks(damage: slice) -> None:
    content = bytes(range(256)) * 1000
    source = InflatedBytes(MemoryBytes(deflate(content)[damage] + b"\xff" * 40), 0, limit=1 << 20)
    read = source.read(0, len(content))
    assert len(read) < len(content)
    assert source.size == len(read)
