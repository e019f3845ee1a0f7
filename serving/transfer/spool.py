"""The bytes of one object on their way in: in memory while they are few, in a file without a name beyond, never above a limit.

So a sender that is slow, or that goes away, holds neither a place at the intake nor more than a little memory.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile

from serving.intake import Kind, Refused

IN_MEMORY = 4 << 20  # bytes; most objects are smaller
_PIECE = 1 << 20


class Spool(BytesIO):
    """Takes bytes piece by piece and gives them back once; a large object lies in `folder` meanwhile.

    What goes beyond `largest` bytes, or finds no room, is dropped with all before it: `pieces` then raises Refused. It is a
    BytesIO because pynetdicom writes into nothing else; of that only `write` and `close` are meant.
    """

    def __init__(self, largest: int, folder: Path) -> None:
        super().__init__()
        self.size = 0
        self._largest = largest
        self._refused: Refused | None = None
        self._file = SpooledTemporaryFile(IN_MEMORY, dir=str(folder))  # noqa: SIM115  (closed by `close`)

    @property
    def on_disk(self) -> bool:
        """Whether the next piece goes to a disk, which may take its time."""
        return self.size > IN_MEMORY

    def write(self, piece: bytes | memoryview) -> int:  # type: ignore[override]
        """Adds bytes."""
        self.size += len(piece)
        if self._refused is None and self.size > self._largest:
            self._refuse("too_large", f"the object is larger than {self._largest >> 20} MiB, the most taken here")
        if self._refused is None:
            try:
                self._file.write(piece)
            except OSError:
                self._refuse("disk_full", "there is no room for the object now; send it again later")
        return len(piece)

    def _refuse(self, kind: Kind, reason: str) -> None:
        """Drops what is here and what is still to come."""
        self._refused = Refused(kind, reason)
        self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """All that was written, in pieces of at most a MiB."""
        if self._refused is not None:
            raise self._refused
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """Forgets the bytes."""
        self._file.close()
