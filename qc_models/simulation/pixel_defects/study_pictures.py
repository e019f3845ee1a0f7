"""Puts a pixel defect into the pictures of a study: decodes one series, spoils it, writes it without compression."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from qc_models.dicom.header import Header, read_header
from qc_models.dicom.modality_values import modality_values, padding_mask
from qc_models.dicom.pixel_data import decode_frames
from qc_models.dicom.pixel_layout import Pixels, pixel_layout
from qc_models.errors import InputError
from qc_models.simulation.pixel_defects.pixel_defect import Floats, PixelDefect
from qc_models.simulation.study_files import StudyFile, StudyFiles

_MODALITIES = {"CT": frozenset({"CT"}), "MR": frozenset({"MR"}), "XR": frozenset({"DX", "CR", "RG", "MG"})}
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes
_UNITY = 4096  # stored values apart, for a slope without rounding


@dataclass(frozen=True)
class _Picture:
    """One frame as it is stored, and as modality values, which are `intercept` + `slope` · stored."""

    path: Path
    header: Header
    stored: Pixels
    values: Floats
    intercept: float
    slope: float


def spoil_study(
    defect: PixelDefect, study: StudyFiles, strength: float, rng: np.random.Generator
) -> tuple[list[Path], str]:
    """Puts `defect` into one series of slices, or one radiograph, of its modality; the files changed, and what was done.

    Each changed file is written as Explicit VR Little Endian; apart from the pixels, their encoding and what describes it
    every attribute stays. Padding stays, values beyond what BitsStored holds are clipped. InputError where no picture of the
    modality can take it.
    """
    files = _choose(defect, study, rng)
    pictures = [picture for file in files for picture in _pictures(file, display_sense=defect.modality == "XR")]
    shape = pictures[0].values.shape
    if any(picture.values.shape != shape for picture in pictures):
        raise InputError(f"{study.name}: the pictures of the series chosen differ in size; give another study")
    stack = np.stack([picture.values for picture in pictures])
    params = defect.make_params(
        rng, stack.shape, strength, spacing_mm=_spacing_mm(files), phase_axis=_phase_axis(pictures[0].header)
    )
    changed: dict[Path, list[Pixels]] = {}
    different = set()
    for picture, values in zip(pictures, defect.apply(stack, params), strict=True):
        stored = _stored(picture, values)
        changed.setdefault(picture.path, []).append(stored)
        if not np.array_equal(stored, picture.stored):
            different.add(picture.path)
    headers = {picture.path: picture.header for picture in pictures}
    for path in sorted(different):
        _write(path, np.stack(changed[path]), headers[path])
    what = f"{defect.what}: {strength:g} {defect.levels.unit}, in {len(different)} files of series "
    return sorted(different), what + files[0].series_instance_uid


def _choose(defect: PixelDefect, study: StudyFiles, rng: np.random.Generator) -> Sequence[StudyFile]:
    """The slices of one series, a long one before a short one and a source before a reformat, or one single picture."""
    wanted = _MODALITIES[defect.modality]
    groups = [group for group in study.slice_groups if _modality(group.slices[0][0]) in wanted]
    groups = [group for group in groups if group.is_source] or groups
    if groups and defect.modality != "XR":
        longest = max(len(group.slices) for group in groups)
        able = [group for group in groups if 2 * len(group.slices) >= longest]
        chosen = able[int(rng.integers(len(able)))]
        size = _matrix(chosen.slices[0][0])
        # Tilted blocks of one series are one examination of one body: all of them, not one, have the defect.
        blocks = [group for group in groups if group.series_instance_uid == chosen.series_instance_uid]
        slices = [file for group in blocks for members in group.slices for file in members]
        return [file for file in slices if _matrix(file) == size]
    single = [file for file in study.images if _modality(file) in wanted and "MOSAIC" not in file.image_type]
    single = [file for file in single if file.is_source] or single
    if not single:
        raise InputError(
            f"{study.name}: {defect.name} is for {defect.modality}, and no picture of it is here; give such a study"
        )
    return [single[int(rng.integers(len(single)))]]


def _matrix(file: StudyFile) -> tuple[int, int]:
    return int(file.header.Rows), int(file.header.Columns)


def _modality(file: StudyFile) -> str:
    return str(file.header.get("Modality", ""))


def _pictures(file: StudyFile, *, display_sense: bool) -> list[_Picture]:
    header = read_header(file.path)
    layout = pixel_layout(header)
    if layout.samples != 1 or layout.floating or layout.bits_allocated not in (8, 16, 32):
        raise InputError(
            f"{header.name}: takes no pixel defect, as it is in colour, in floats or in bits; give another"
        )
    if header.items("ModalityLUTSequence"):
        raise InputError(f"{header.name}: takes no pixel defect, as a table rescales its values; give another")
    pictures = []
    for index, stored in enumerate(decode_frames(file.path, header)):
        far = np.array([[0, min(_UNITY, (1 << 8 * stored.dtype.itemsize - 1) - 1)]], stored.dtype)
        ends = modality_values(far, header, index, display_sense=display_sense)[0].astype(np.float64)
        slope = float(ends[1] - ends[0]) / int(far[0, 1])
        values = modality_values(stored, header, index, display_sense=display_sense)
        pictures.append(_Picture(file.path, header, stored, values, float(ends[0]), slope))
    if not pictures:
        raise InputError(f"{header.name}: has no pixels to spoil; send it again")
    return pictures


def _stored(picture: _Picture, values: Floats) -> Pixels:
    """Changed modality values as stored ones; padding stays, and nothing else becomes padding."""
    layout = pixel_layout(picture.header)
    bits = layout.bits_stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if layout.signed else (0, (1 << bits) - 1)
    raw = np.rint((values.astype(np.float64) - picture.intercept) / picture.slope)
    stored = np.clip(raw, low, high).astype(picture.stored.dtype)
    padding = padding_mask(picture.stored, picture.header) | padding_mask(stored, picture.header)
    kept: Pixels = np.where(padding | (values == picture.values), picture.stored, stored)
    return kept


def _write(path: Path, frames: Pixels, header: Header) -> None:
    dataset = pydicom.dcmread(path)
    if dataset.original_encoding[1] is False:
        # What a big endian file holds as words is the writer's to turn; numbers turn of themselves.
        for element in dataset.iterall():
            if element.VR in _WORDS and element.keyword != "PixelData":
                element.value = np.frombuffer(element.value, f"u{_WORDS[element.VR]}").byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        dataset.pop(keyword, None)
    layout = pixel_layout(header)
    if layout.high_bit != layout.bits_stored - 1:
        dataset.HighBit = layout.bits_stored - 1
    data = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + bytes(len(data) % 2)
    dataset["PixelData"].VR = "OW" if layout.bits_allocated > 8 else "OB"
    dataset["PixelData"].is_undefined_length = False
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)


def _spacing_mm(files: Sequence[StudyFile]) -> tuple[float, float, float] | None:
    """Of slices, rows and columns; None where the header does not say."""
    first = files[0].header
    pixel = first.get("PixelSpacing") or first.get("ImagerPixelSpacing")
    if not pixel or min(map(float, pixel)) <= 0:
        return None
    places = [[float(value) for value in file.header.get("ImagePositionPatient") or ()] for file in files]
    steps = [float(np.linalg.norm(np.subtract(b, a))) for a, b in pairwise(places) if len(a) == len(b) == 3]
    apart = [step for step in steps if step > 0]
    thickness = float(first.get("SliceThickness", None) or 5.0)
    return float(np.median(apart)) if apart else thickness, float(pixel[0]), float(pixel[1])


def _phase_axis(header: Header) -> Literal[1, 2] | None:
    """COL: phase runs along columns, from row to row (PS3.3 C.8.3.1)."""
    axes: dict[str | None, Literal[1, 2]] = {"COL": 1, "COLUMN": 1, "ROW": 2}
    return axes.get(header.text("InPlanePhaseEncodingDirection"))
