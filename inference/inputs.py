"""Expands what a person names (files, folders, zip archives) into the files to read, in an order that never varies."""

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from qc_models.errors import InputError
from qc_models.study import Source

# Names that are never images, so that a folder of notes beside a study costs no look inside.
_OTHER = frozenset(
    ".csv .tsv .txt .md .json .yaml .yml .xml .html .htm .pdf .jpg .jpeg .png .gif .tif .tiff .npz .npy .nii .gz .log .py "
    ".ini .sh".split()
)

# A member that unpacks to more is a bomb, or so big that it had better lie in a folder; images seldom pack tenfold.
_MOST_BYTES, _MOST_TIMES, _FEW_BYTES = 1 << 30, 250, 1 << 26
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)  # the last: packed in an unusual way
_LOCKED = 1  # of a member's flags (APPNOTE 4.4.4)


class ArchiveSource(Source):
    """A member of a zip archive, or, without one, an archive that cannot be listed."""

    __slots__ = ()

    def content(self) -> bytes:
        """The bytes of the member, within bounds; raises InputError where the archive does not give them."""
        if self.member is None or self.member.lower().endswith(".zip"):
            raise InputError("the archive is broken, or inside another one; unpack it, or send it again")
        try:
            archive = _opened(self.path, self.path.stat().st_mtime_ns)
            info = archive.getinfo(self.member)
            if info.flag_bits & _LOCKED:
                raise InputError("the file is locked by a password; send it without")
            if info.file_size > min(_MOST_BYTES, max(_FEW_BYTES, _MOST_TIMES * info.compress_size)):
                raise InputError(
                    f"the file unpacks to {info.file_size >> 20} MiB, which is not done; unpack the archive into a folder"
                )
            with archive.open(info) as stream:
                return stream.read(info.file_size)  # a size makes zipfile inflate no more than that, whatever comes
        except _BROKEN as error:
            raise InputError("the file cannot be unpacked from its archive; send it again, or as it is") from error


def sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file that may be DICOM under `paths`, each once; raises InputError for a path that does not exist."""
    seen: set[tuple[str, str | None]] = set()
    for path in paths:
        if not os.path.exists(path):
            raise InputError(f"{path.name}: no such file or folder; check the path")
        for source in _sources(path):
            key = (os.path.realpath(source.path), source.member)
            if key not in seen:
                seen.add(key)
                yield source


def is_other(source: Source) -> bool:
    """Whether the name says that it is no image."""
    name = source.path.name if source.member is None else source.member
    return Path(name).suffix.lower() in _OTHER


def _sources(path: Path) -> Iterator[Source]:
    if not path.is_dir():
        yield from _file(path)
        return
    entered = {os.path.realpath(path)}
    refused: list[OSError] = []
    for folder, folders, files in os.walk(path, followlinks=True, onerror=refused.append):
        inner = {name: os.path.realpath(os.path.join(folder, name)) for name in sorted(folders)}
        folders[:] = [name for name, real in inner.items() if real not in entered]  # a link may lead back
        entered.update(inner.values())
        for file in sorted(files):
            if not file.startswith("."):
                yield from _file(Path(folder, file))
    yield from (Source(Path(error.filename)) for error in refused)  # reading it tells why


def _file(path: Path) -> Iterator[Source]:
    """A file itself, or the members of a zip archive; nothing where it is a pipe or a device, which would never end."""
    if os.path.exists(path) and not os.path.isfile(path):
        return
    if path.suffix.lower() != ".zip" or not _is_zip(path):
        yield Source(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted({info.filename for info in archive.infolist() if not info.is_dir()})
    except zipfile.BadZipFile:
        yield ArchiveSource(path)
        return
    yield from (ArchiveSource(path, member) for member in members if not Path(member).name.startswith("."))


def _is_zip(path: Path) -> bool:
    """Whether it begins as an archive does: one that was cut short has lost its end, where the list of members stands."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"PK"
    except OSError:
        return False


@lru_cache(maxsize=4)
def _opened(path: Path, _: int) -> zipfile.ZipFile:
    """An archive kept open from member to member, so that its list is read once; the time of its change is part of the key."""
    return zipfile.ZipFile(path)
