"""Bytes at an offset, from a file, from memory or from a deflated stream, so that a big file is never read whole."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from qc_models.errors import InputError, ServiceError

_CHUNK = 1 << 16
_OPENING = 1 << 14


class ByteSource(Protocol):
    """Something to read bytes from; `size` is exact once a read has come back short, and an upper bound before."""

    @property
    def size(self) -> int:
        """The number of bytes there are, or at most are."""
        ...

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes at `offset`, fewer where the source ends."""
        ...


class MemoryBytes:
    """Bytes that are already in memory."""

    __slots__ = ("_data", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes at `offset`, fewer where the data end."""
        return self._data[offset : offset + count]


class FileBytes:
    """An open file, read by position; its opening, where most headers lie, is read once and kept."""

    __slots__ = ("_descriptor", "_opening", "size")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._opening = os.pread(descriptor, _OPENING, 0)
        self.size = os.fstat(descriptor).st_size

    def read(self, offset: int, count: int) -> bytes:
        """The `count` bytes at `offset`, fewer where the file ends."""
        if offset + count <= len(self._opening):
            return self._opening[offset : offset + count]
        return os.pread(self._descriptor, min(count, max(self.size - offset, 0)), offset)


class InflatedBytes:
    """A raw deflate stream inside another source, inflated as far as asked and never beyond `limit` bytes.

    A stream that is broken or that passes the limit simply ends: the reader then finds its element cut short.
    """

    __slots__ = ("_inflater", "_offset", "_out", "_source", "limit")

    def __init__(self, source: ByteSource, offset: int, limit: int) -> None:
        self._source = source
        self._offset = offset
        self._inflater: zlib._Decompress | None = zlib.decompressobj(-zlib.MAX_WBITS)
        self._out = bytearray()
        self.limit = limit

    @property
    def size(self) -> int:
        """The inflated size: exact once the stream has ended, the limit before."""
        return len(self._out) if self._inflater is None else self.limit

    def read(self, offset: int, count: int) -> bytes:
        """The `count` inflated bytes at `offset`, fewer where the stream ends."""
        end = min(offset + count, self.limit)
        while len(self._out) < end and self._inflater is not None:
            self._inflate(self._inflater, end - len(self._out))
        return bytes(self._out[offset:end])

    def _inflate(self, inflater: "zlib._Decompress", wanted: int) -> None:
        pending = inflater.unconsumed_tail
        if not pending:
            pending = self._source.read(self._offset, _CHUNK)
            self._offset += len(pending)
        try:
            self._out += inflater.decompress(pending, max(wanted, _CHUNK))
        except zlib.error:
            self._inflater = None
            return
        if inflater.eof or not pending or len(self._out) >= self.limit:
            self._inflater = None


@contextmanager
def open_bytes(source: Path | bytes, name: str) -> Iterator[ByteSource]:
    """Open a file or wrap bytes; InputError where no such file is, ServiceError where the disk refuses."""
    if isinstance(source, bytes):
        yield MemoryBytes(source)
        return
    try:
        descriptor = os.open(source, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{name}: there is no such file; give the path of a DICOM file") from error
    except OSError as error:
        raise ServiceError(f"{name}: cannot be opened ({error.strerror}); see to disk and permissions") from error
    try:
        yield FileBytes(descriptor)
    except IsADirectoryError as error:
        raise InputError(f"{name}: is a folder; give the path of a DICOM file") from error
    except OSError as error:
        raise ServiceError(f"{name}: cannot be read ({error.strerror}); see to the disk") from error
    finally:
        os.close(descriptor)
