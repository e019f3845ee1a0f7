"""Our header pass against a plain pydicom loop over the same files, in turn in one process, page cache warm."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom

from qc_models.dicom.header import read_header

# Some of what every stack asks for, so that late decoding is counted on both sides.
TEXTS = (
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "ImageType",
    "SeriesDescription",
    "BodyPartExamined",
    "Manufacturer",
)
NUMBERS = (
    "InstanceNumber",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
)


def run(folder: Path, repeats: int) -> dict[str, Any]:
    """Times both loops in turn, alone and with the values of TEXTS and NUMBERS read too; medians, and the ratio of each pair.

    A ratio above one says how many times faster ours is.
    """
    files = sorted(path for path in folder.rglob("*.dcm") if path.is_file())
    pairs: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
        "header": (read_header, _pydicom_header),
        "header_and_values": (_our_values, _pydicom_values),
    }
    figures: dict[str, Any] = {"files": len(files), "repeats": repeats, "target_ratio": 1.8}
    for name, (ours, theirs) in pairs.items():
        _seconds(ours, files)
        _seconds(theirs, files)
        times = [(_seconds(ours, files), _seconds(theirs, files)) for _ in range(repeats)]
        figures[name] = {
            "ours_us_a_file": round(statistics.median(our for our, _ in times) / len(files) * 1e6, 1),
            "pydicom_us_a_file": round(statistics.median(their for _, their in times) / len(files) * 1e6, 1),
            "ratio": round(statistics.median(their / our for our, their in times), 2),
            "lowest_ratio": round(min(their / our for our, their in times), 2),
        }
    return figures


def _seconds(read: Callable[[Path], object], files: Sequence[Path]) -> float:
    start = time.perf_counter()
    for file in files:
        read(file)
    return time.perf_counter() - start


def _pydicom_header(file: Path) -> pydicom.Dataset:
    return pydicom.dcmread(file, stop_before_pixels=True)


def _pydicom_values(file: Path) -> list[object]:
    dataset = _pydicom_header(file)
    return [dataset.get(keyword) for keyword in TEXTS + NUMBERS]


def _our_values(file: Path) -> list[object]:
    header = read_header(file)
    return [*map(header.texts, TEXTS), *map(header.numbers, NUMBERS)]
