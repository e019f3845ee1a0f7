"""The files of a study folder as defects see them: headers, series, and slices of one orientation in order of position."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import generate_uid

from qc_models.errors import InputError

_SAME_POSITION_MM = 0.02
_SAME_DIRECTION = 0.0087  # 0.5 degrees
_DERIVED_KINDS = frozenset({"MIP", "MPR", "REFORMATTED", "PROJECTION IMAGE"})


@dataclass(frozen=True)
class StudyFile:
    """One file and its header without pixels."""

    path: Path
    header: Dataset

    @property
    def series_instance_uid(self) -> str:
        """SeriesInstanceUID, empty where it is missing."""
        return str(self.header.get("SeriesInstanceUID", ""))

    @property
    def sop_instance_uid(self) -> str:
        """SOPInstanceUID, empty where it is missing."""
        return str(self.header.get("SOPInstanceUID", ""))

    @property
    def image_type(self) -> tuple[str, ...]:
        """ImageType's words."""
        return tuple(str(word) for word in self.header.get("ImageType", None) or ())

    @property
    def is_localizer(self) -> bool:
        """True for a scout."""
        return "LOCALIZER" in self.image_type

    @property
    def is_source(self) -> bool:
        """False for localizers and post-processing."""
        return not self.is_localizer and not _DERIVED_KINDS & set(self.image_type)


@dataclass(frozen=True)
class SliceGroup:
    """Files of one series and orientation by distinct position along the normal, ascending."""

    series_instance_uid: str
    slices: tuple[tuple[StudyFile, ...], ...]

    @property
    def interior(self) -> range:
        """Indices of the slices that are not at an end."""
        return range(1, len(self.slices) - 1)

    @property
    def is_source(self) -> bool:
        """True where no image says that it is post-processing."""
        return all(file.is_source for files in self.slices for file in files)


class StudyFiles:
    """All DICOM files below a folder, in order of path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[StudyFile] = []
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                try:
                    self.files.append(StudyFile(path, pydicom.dcmread(path, stop_before_pixels=True)))
                except InvalidDicomError:
                    continue
        if not self.files:
            raise InputError("the folder holds no DICOM file; give the folder of a study")

    @cached_property
    def images(self) -> list[StudyFile]:
        """The files that hold an image."""
        return [file for file in self.files if "Rows" in file.header]

    @cached_property
    def series(self) -> dict[str, list[StudyFile]]:
        """Image files by SeriesInstanceUID, in order of SeriesNumber, then path."""
        groups: dict[str, list[StudyFile]] = defaultdict(list)
        for file in sorted(self.images, key=lambda file: (int(file.header.get("SeriesNumber", None) or 0), file.path)):
            groups[file.series_instance_uid].append(file)
        return dict(groups)

    @cached_property
    def slice_groups(self) -> list[SliceGroup]:
        """Every group of three or more positions of single-frame images that share series and orientation."""
        groups = []
        for uid, files in self.series.items():
            for members in _by_orientation(
                [file for file in files if not file.is_localizer and _is_placed(file.header)]
            ):
                slices = _by_position(members)
                if len(slices) >= 3:
                    groups.append(SliceGroup(uid, slices))
        return groups

    def choose_slices(self, rng: np.random.Generator, least_interior: int = 1) -> SliceGroup:
        """A slice group with enough interior slices; raises InputError where there is none.

        Sources come before reformats, and groups with fewer than half the slices of the longest are left alone: an unlabelled
        localizer is one of those, and what happens to it matters to nobody.
        """
        able = [group for group in self.slice_groups if len(group.interior) >= least_interior]
        able = [group for group in able if group.is_source] or able
        able = [group for group in able if 2 * len(group.slices) >= max(len(other.slices) for other in able)]
        if not able:
            raise InputError(
                f"the study: no series has {least_interior} interior slices of single-frame images; "
                "give a cross-sectional study or a smaller strength"
            )
        return able[int(rng.integers(len(able)))]

    def new_uid(self, *parts: object) -> str:
        """A UID that follows from this study's own and from `parts`."""
        study = str(self.files[0].header.get("StudyInstanceUID", ""))
        return str(generate_uid(entropy_srcs=[study, *map(str, parts)]))

    def with_same_instances(self, chosen: Sequence[StudyFile]) -> list[StudyFile]:
        """Every file of the SOP instances of `chosen`: an archive may hold one instance in several files."""
        uids = {file.sop_instance_uid for file in chosen}
        return [file for file in self.files if file.sop_instance_uid in uids]


def _is_placed(header: Dataset) -> bool:
    single = int(header.get("NumberOfFrames", None) or 1) == 1
    return single and bool(header.get("ImagePositionPatient")) and bool(header.get("ImageOrientationPatient"))


def _by_orientation(files: list[StudyFile]) -> list[list[StudyFile]]:
    groups: list[tuple[np.ndarray, tuple[int, int], list[StudyFile]]] = []
    for file in files:
        directions = np.array([float(value) for value in file.header.ImageOrientationPatient])
        matrix = (int(file.header.Rows), int(file.header.Columns))
        for known, size, members in groups:
            if size == matrix and np.abs(known - directions).max() < _SAME_DIRECTION:
                members.append(file)
                break
        else:
            groups.append((directions, matrix, [file]))
    return [members for _, _, members in groups]


def _by_position(files: list[StudyFile]) -> tuple[tuple[StudyFile, ...], ...]:
    if not files:
        return ()
    directions = [float(value) for value in files[0].header.ImageOrientationPatient]
    normal = np.cross(directions[:3], directions[3:])
    placed = sorted(
        ((float(np.dot([float(v) for v in file.header.ImagePositionPatient], normal)), file) for file in files),
        key=lambda pair: (pair[0], pair[1].path),
    )
    slices: list[list[StudyFile]] = []
    last = -np.inf
    for place, file in placed:
        if place - last > _SAME_POSITION_MM:
            slices.append([])
            last = place
        slices[-1].append(file)
    return tuple(tuple(members) for members in slices)
