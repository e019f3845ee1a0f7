"""Objects beside the pictures: key object manifests that declare a study complete, secondary captures, dose pages."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from qc_models.simulation.instance_writing import (
    SimulatedSeries,
    StudyHeader,
    code,
    dataset_of,
    encoded_elements,
    study_keywords,
    write_file,
    write_series,
)

KEY_OBJECT_STORAGE = "1.2.840.10008.5.1.4.1.1.88.59"
SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"
_TITLES = {"113030": "Manifest", "113032": "Complete Study Content"}  # CID 7010


def write_manifest(
    header: StudyHeader,
    files: Sequence[Path],
    target: Path,
    *,
    title: Literal["113030", "113032"] = "113032",
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> Path:
    """A Key Object Selection Document that lists `files` (PS3.3 C.17.6, TID 2010); `drop_frame` is a file that it forgets.

    Listed files need not be there any more when the manifest is checked: write it first, then remove what is to be missing.
    """
    listed = [
        path
        for index, path in enumerate(files)
        if index != drop_frame
        for _ in range(2 if index == double_frame else 1)
    ]
    series: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path in listed:
        head = pydicom.dcmread(path, specific_tags=["SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"])
        reference = {"ReferencedSOPClassUID": head.SOPClassUID, "ReferencedSOPInstanceUID": head.SOPInstanceUID}
        series[head.SeriesInstanceUID].append(reference)
    references = [reference for members in series.values() for reference in members]
    dataset = dataset_of(
        study_keywords(header, "KO", "ARCHIVE")
        | {
            "SOPClassUID": KEY_OBJECT_STORAGE,
            "SOPInstanceUID": header.uid("manifest", title),
            "SeriesInstanceUID": header.uid("manifest series", title),
            "SeriesNumber": 900,
            "InstanceNumber": 1,
            "SeriesDate": header.study_date,
            "SeriesTime": header.time(900),
            "ContentDate": header.study_date,
            "ContentTime": header.time(900),
            "ReferencedPerformedProcedureStepSequence": [],
            "ValueType": "CONTAINER",
            "ContinuityOfContent": "SEPARATE",
            "ConceptNameCodeSequence": [code(title, _TITLES[title], "DCM")],
            "ContentTemplateSequence": [{"MappingResource": "DCMR", "TemplateIdentifier": "2010"}],
            "CurrentRequestedProcedureEvidenceSequence": [
                {
                    "StudyInstanceUID": header.study_instance_uid,
                    "ReferencedSeriesSequence": [
                        {"SeriesInstanceUID": uid, "ReferencedSOPSequence": members} for uid, members in series.items()
                    ],
                }
            ],
            "ContentSequence": [
                {"RelationshipType": "CONTAINS", "ValueType": "IMAGE", "ReferencedSOPSequence": [reference]}
                for reference in references
            ],
        }
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    elements = encoded_elements(dataset, header.vendor.character_set)
    write_file(target, KEY_OBJECT_STORAGE, header.uid("manifest", title), elements)
    return target


def write_secondary_capture(
    header: StudyHeader,
    folder: Path,
    *,
    number: int = 90,
    colour: bool = True,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """Three screenshots of a workstation as a secondary capture series, in colour or grey."""
    pages = [_page(["Screenshot", f"Image {page + 1} of 3", "W 400  C 40"]) for page in range(3)]
    return _write_pages(header, folder, "capture", number, "Screenshots", pages, colour, drop_frame, double_frame)


def write_dose_page(
    header: StudyHeader,
    folder: Path,
    *,
    number: int = 99,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """The page on which a CT shows its dose, as a grey secondary capture series."""
    lines = [
        "Dose Report",
        "Scan   mAs  kV  CTDIvol  DLP",
        "Topo    35  120   0.12    6.3",
        "Plain  210  120   7.50  231.4",
    ]
    return _write_pages(header, folder, "dose", number, "Dose Report", [_page(lines)], False, drop_frame, double_frame)


def _write_pages(
    header: StudyHeader,
    folder: Path,
    name: str,
    number: int,
    description: str,
    pages: Sequence[NDArray[np.uint8]],
    colour: bool,
    drop_frame: int | None,
    double_frame: int | None,
) -> SimulatedSeries:
    keywords = study_keywords(header, "CT", "WORKSTATION") | {
        "SOPClassUID": SECONDARY_CAPTURE_STORAGE,
        "ConversionType": "WSD",
        "ManufacturerModelName": header.vendor.models["CT"],
        "ImageType": ("DERIVED", "SECONDARY", "SCREEN SAVE"),
        "SeriesDescription": description,
        "SeriesDate": header.study_date,
        "SeriesTime": header.time(700),
        "ContentDate": header.study_date,
        "ContentTime": header.time(700),
        "BurnedInAnnotation": "YES",
        "PatientOrientation": "",
    }
    indices = [i for i in range(len(pages)) if i != drop_frame for _ in range(2 if i == double_frame else 1)]
    instances = [({"InstanceNumber": place + 1}, pages[i]) for place, i in enumerate(indices)]
    series = write_series(folder, header, name, number, keywords, instances, what=description.lower())
    if colour:
        for path in series.files:
            _in_colour(path)
    return series


def _in_colour(path: Path) -> None:
    dataset: Dataset = pydicom.dcmread(path)
    grey = dataset.pixel_array
    red: NDArray[Any] = np.stack([grey, grey // 2 + 40, grey // 3], axis=-1).astype(np.uint8)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.PixelData = red.tobytes()
    dataset.save_as(path)


def _page(lines: Sequence[str]) -> NDArray[np.uint8]:
    page = Image.new("L", (512, 512))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((40, 60 + 28 * number), line, fill=230)
    return np.asarray(page)
