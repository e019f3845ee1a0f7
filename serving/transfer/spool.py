"""The bytes of one object on their way in: in memory while they are few, in a file without a name beyond, never above a limit.

So a sender that is slow, or that goes away, holds neither a place at the intake nor more than a little memory.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from serving.intake import Kind, Refused

IN_MEMORY = 4 << 20  # bytes; most objects are smaller
_PIECE = 1 << 20


class Spool:
    """Takes bytes piece by piece and gives them back once; a large object lies in `folder` meanwhile.

    What goes beyond `largest` bytes, or finds no room, is dropped with all before it: `pieces` then raises Refused.
    """

    def __init__(self, largest: int, folder: Path) -> None:
        self.size = 0
        self._largest = largest
        self._refused: Refused | None = None
        self._folder = folder
        self._memory = bytearray()
        self._file: BinaryIO | None = None

    @property
    def on_disk(self) -> bool:
        """Whether it lies on a disk."""
        return self._file is not None

    def write(self, piece: bytes | memoryview) -> None:
        """Adds bytes."""
        self.size += len(piece)
        if self._refused is None and self.size > self._largest:
            self._refuse("too_large", f"the object is larger than {self._largest >> 20} MiB, the most taken here")
        if self._refused is None:
            try:
                self._keep(piece)
            except OSError:
                self._refuse("disk_full", "there is no room for the object now; send it again later")

    def _keep(self, piece: bytes | memoryview) -> None:
        if self.size <= IN_MEMORY:
            self._memory += piece
            return
        if self._file is None:
            self._file = cast(BinaryIO, TemporaryFile(dir=self._folder))  # noqa: SIM115  (closed by `close`)
            self._file.write(self._memory)
            self._memory = bytearray()
        self._file.write(piece)

    def _refuse(self, kind: Kind, reason: str) -> None:
        """Drops what is here and what is still to come."""
        self._refused = Refused(kind, reason)
        self.close()

    def pieces(self) -> Iterator[bytes | memoryview]:
        """All that was written, in pieces of at most a MiB."""
        if self._refused is not None:
            raise self._refused
        if self._file is None:
            whole = memoryview(self._memory)
            yield from (whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE))
            return
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """Forgets the bytes."""
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()
