"""A spool gives back what was written, wherever it lay meanwhile, and says why where it cannot."""

from pathlib import Path

import pytest

from serving.intake import Refused
from serving.transfer.spool import IN_MEMORY, Spool


def test_a_small_object_never_leaves_memory_and_a_large_one_does(tmp_path: Path) -> None:
    spool = Spool(1 << 40, tmp_path / "absent")  # no file could be made there
    spool.write(b"a" * IN_MEMORY)
    assert not spool.on_disk
    assert b"".join(spool.pieces()) == b"a" * IN_MEMORY
    large = Spool(1 << 40, tmp_path)
    for letter in (b"a", b"b", b"c"):
        large.write(letter * (IN_MEMORY // 2))
    assert large.on_disk
    pieces = list(large.pieces())
    assert max(map(len, pieces)) == 1 << 20
    assert b"".join(pieces) == b"".join(letter * (IN_MEMORY // 2) for letter in (b"a", b"b", b"c"))
    assert list(tmp_path.iterdir()) == []  # the file has no name
    large.close()


def test_what_is_too_large_is_dropped(tmp_path: Path) -> None:
    spool = Spool(3 << 20, tmp_path)
    for _ in range(5):
        spool.write(bytes(1 << 20))
    with pytest.raises(Refused, match="larger than 3 MiB") as refused:
        list(spool.pieces())
    assert refused.value.kind == "too_large"
    assert spool.size == 5 << 20


def test_no_room_is_told(tmp_path: Path) -> None:
    spool = Spool(1 << 40, tmp_path / "absent")
    spool.write(bytes(IN_MEMORY + 1))
    with pytest.raises(Refused, match="no room") as refused:
        list(spool.pieces())
    assert refused.value.kind == "disk_full"
