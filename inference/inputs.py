"""Expands what a person names (files, folders, zip archives) into the files to read, in an order that never varies."""

import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from qc_models.errors import InputError
from qc_models.study import Source

# Names that are never images, so that a folder of notes beside a study costs no look inside.
_OTHER = frozenset(
    ".csv .tsv .txt .md .json .yaml .yml .xml .html .htm .pdf .jpg .jpeg .png .gif .tif .tiff .npz .npy .nii .gz .log .py "
    ".ini .sh".split()
)


def sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file that may be DICOM under `paths`, each once; raises InputError for a path that does not exist."""
    seen: set[tuple[str, str | None]] = set()
    for path in paths:
        if not path.exists():
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
    for folder, folders, files in os.walk(path):
        folders.sort()
        for file in sorted(files):
            if not file.startswith("."):
                yield from _file(Path(folder, file))


def _file(path: Path) -> Iterator[Source]:
    """A file itself, or the members of a zip archive."""
    if path.suffix.lower() != ".zip" or not zipfile.is_zipfile(path):
        yield Source(path)
        return
    with zipfile.ZipFile(path) as archive:
        members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    yield from (Source(path, member) for member in members)
