"""Defects of headers and files: wrong part, side, dates or characters, emptied tags, cut files; each changes a study in place."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from qc_models.errors import InputError
from qc_models.simulation.anatomy_codes import REGION_CODES
from qc_models.simulation.slice_defects import Change
from qc_models.simulation.study_files import StudyFile, StudyFiles

_TEXT = frozenset({"PN", "LO", "SH", "LT", "ST", "UC", "UT"})
_DATES = (
    "StudyDate SeriesDate AcquisitionDate AcquisitionDateTime ContentDate InstanceCreationDate PerformedProcedureStepStartDate"
).split()
_TRANSPOSED = {"GB18030": ("utf-8", "UTF-8"), "ISO_IR 192": ("gb18030", "GB18030")}


def wrong_body_part(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Writes another region's words into BodyPartExamined, descriptions and protocol of this share of the images."""
    own = {str(file.header.get("BodyPartExamined", "")) for file in study.images}
    others = [
        region for region in ("chest", "head", "knee", "abdomen", "hand") if REGION_CODES[region].body_part not in own
    ]
    other = REGION_CODES[others[int(rng.integers(len(others)))]]

    def change(dataset: Dataset) -> None:
        dataset.BodyPartExamined = other.body_part
        for keyword in ("SeriesDescription", "ProtocolName", "StudyDescription"):
            if keyword in dataset:
                setattr(dataset, keyword, other.protocol)
        if "AnatomicRegionSequence" in dataset:
            dataset.AnatomicRegionSequence[0].CodeValue = other.snomed
            dataset.AnatomicRegionSequence[0].CodeMeaning = other.meaning

    return _edit_share(study, strength, rng, change, f"labelled {other.body_part}")


def wrong_side(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Exchanges left and right in Laterality and ImageLaterality of this share of the sided images."""
    sided = [file for file in study.images if _side(file.header) in ("L", "R")]
    if not sided:
        raise InputError("the study: no image names a side; give a study of one side")

    def change(dataset: Dataset) -> None:
        for keyword in ("Laterality", "ImageLaterality", "FrameLaterality"):
            if dataset.get(keyword) in ("L", "R"):
                setattr(dataset, keyword, "R" if dataset.get(keyword) == "L" else "L")

    return _edit_share(study, strength, rng, change, "labelled with the other side", sided)


def future_date(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Moves all dates of the examination `strength` days ahead."""

    def change(dataset: Dataset) -> None:
        for keyword in _DATES:
            if value := str(dataset.get(keyword) or ""):
                setattr(dataset, keyword, _later(value[:8], strength) + value[8:])

    return _edit_share(study, 1.0, rng, change, f"moved {strength:g} days ahead")


def birth_after_study(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Sets the birth date `strength` days after the study."""

    def change(dataset: Dataset) -> None:
        dataset.PatientBirthDate = _later(str(dataset.StudyDate), strength)

    if not all(file.header.get("StudyDate") for file in study.files):
        raise InputError("the study: an instance has no StudyDate to be born after")
    return _edit_share(study, 1.0, rng, change, "of a patient born after the study")


def wrong_charset(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Writes text as GB18030 where UTF-8 is declared and the other way round, in this share of the files."""
    able = [
        file
        for file in study.files
        if str(file.header.get("SpecificCharacterSet", "")) in _TRANSPOSED and _foreign(file.header)
    ]
    if not able:
        raise InputError(
            "the study: no text beyond ASCII under GB18030 or ISO_IR 192; every character set would read it"
        )

    def change(dataset: Dataset) -> None:
        codec, _ = _TRANSPOSED[str(dataset.SpecificCharacterSet)]
        for tag in _foreign(dataset):
            element = dataset[tag]
            values = element.value if element.VM > 1 else [element.value]
            data = "\\".join(str(value) for value in values).encode(codec)
            data += b" " * (len(data) % 2)
            dataset[tag] = RawDataElement(
                Tag(tag), element.VR, len(data), data, 0, dataset.original_encoding[0] or False, True
            )

    return _edit_share(study, strength, rng, change, "with text in another character set than declared", able)


def empty_tag(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Empties `strength` of PatientID, StudyDate, PatientSex, BodyPartExamined, PatientBirthDate, in this order, in all files."""
    keywords = "PatientID StudyDate PatientSex BodyPartExamined PatientBirthDate".split()
    if not 1 <= strength <= len(keywords) or strength != int(strength):
        raise InputError(f"strength {strength:g}: give a whole number from 1 to {len(keywords)}")
    chosen = keywords[: int(strength)]

    def change(dataset: Dataset) -> None:
        for keyword in chosen:
            setattr(dataset, keyword, "")

    return _edit_share(study, 1.0, rng, change, f"with empty {', '.join(chosen)}")


def truncated_file(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Cuts one image file so that this fraction of its pixel data is left."""
    if not 0 < strength < 1:
        raise InputError(f"strength {strength:g} is not a fraction of the pixel data; give a number between 0 and 1")
    if not study.images:
        raise InputError("the study: holds no image to cut")
    file = study.images[int(rng.integers(len(study.images)))]
    size, pixels = file.path.stat().st_size, len(pydicom.dcmread(file.path).PixelData)
    keep = size - pixels + min(max(int(pixels * strength), 1), pixels - 2)
    with file.path.open("r+b") as stream:
        stream.truncate(keep)
    return [file.path], f"1 file cut to {keep} of {size} bytes"


def _edit_share(
    study: StudyFiles,
    share: float,
    rng: np.random.Generator,
    change: Callable[[Dataset], None],
    what: str,
    among: list[StudyFile] | None = None,
) -> Change:
    if not 0 < share <= 1:
        raise InputError(f"strength {share:g} is not a share; give a number above 0, at most 1")
    files = study.files if among is None else among
    chosen = sorted(int(i) for i in rng.choice(len(files), max(1, round(share * len(files))), replace=False))
    for i in chosen:
        dataset = pydicom.dcmread(files[i].path)
        change(dataset)
        dataset.save_as(files[i].path)
    return [files[i].path for i in chosen], f"{len(chosen)} files {what}"


def _side(header: Dataset) -> str:
    return str(header.get("ImageLaterality", "") or header.get("Laterality", ""))


def _later(date: str, days: float) -> str:
    return (dt.date.fromisoformat(date) + dt.timedelta(days=days)).strftime("%Y%m%d")


def _foreign(dataset: Dataset) -> list[int]:
    """Tags of top-level text that is not plain ASCII."""
    return [int(element.tag) for element in dataset if element.VR in _TEXT and not str(element.value).isascii()]
