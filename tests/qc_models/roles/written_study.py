"""Studies made in memory from mappings of DICOM keywords: written as real DICOM bytes, read by the real reader."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from qc_models.dicom.header import Header, read_header
from qc_models.facts import StackFacts
from qc_models.frames import frames_of
from qc_models.roles.describe import describe
from qc_models.stack import Stack, split
from qc_models.study import Instance, Series, Source, Study
from tests.written_dicom import instance

Keywords = Mapping[str, Any]

MR: Keywords = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "ImageType": ["ORIGINAL", "PRIMARY", "M"]}
CT: Keywords = {"AcquisitionNumber": 1, "AcquisitionTime": "100000"}
XR: Keywords = {
    "Modality": "DX",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "FrameOfReferenceUID": None,
    "ImageOrientationPatient": None,
    "ImagePositionPatient": None,
    "SliceThickness": None,
    "PatientPosition": None,
}
AXIAL, SAGITTAL, CORONAL = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]


def header_of(dataset: Dataset) -> Header:
    """The header of a dataset, by way of its bytes."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return read_header(buffer.getvalue(), "written")


def written_header(**keywords: Any) -> Header:
    """The header of one instance of `tests.written_dicom.instance`."""
    return header_of(instance(**keywords))


def slices(
    number: int, step_mm: float = 5.0, orientation: list[float] = AXIAL, start_mm: float = 0.0, **keywords: Any
) -> list[dict[str, Any]]:
    """Mappings of `number` slices along the normal of an orientation, instance numbers from 1."""
    axis = {tuple(AXIAL): 2, tuple(SAGITTAL): 0, tuple(CORONAL): 1}[tuple(orientation)]
    written = []
    for i in range(number):
        position = [0.0, 0.0, 0.0]
        position[axis] = start_mm + i * step_mm
        common = {"InstanceNumber": i + 1, "ImagePositionPatient": position, "ImageOrientationPatient": orientation}
        written.append({**common, **keywords})
    return written


def series(uid: int, instances: Iterable[Keywords], **keywords: Any) -> list[dict[str, Any]]:
    """Instances with one SeriesInstanceUID, and keywords in common."""
    return [{"SeriesInstanceUID": f"1.2.3.{uid}", **keywords, **each} for each in instances]


def study_of(*all_series: Iterable[Keywords]) -> Study:
    """A study of series of mappings."""
    by_series: dict[str, list[Instance]] = defaultdict(list)
    for number, keywords in enumerate(each for one in all_series for each in one):
        header = written_header(SOPInstanceUID=f"1.2.3.4.{number}", **keywords)
        texts = (
            header.text(keyword) or "" for keyword in ("SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality")
        )
        series_uid, sop_uid, class_uid, modality = texts
        source = Source(Path(f"{number}.dcm"))
        by_series[series_uid].append(
            Instance(header, source, "1.2.3", series_uid, sop_uid, class_uid, modality, frames_of(header))
        )
    return Study("1.2.3", tuple(Series(uid, tuple(instances)) for uid, instances in sorted(by_series.items())))


def stacks_of(*all_series: Iterable[Keywords]) -> list[Stack]:
    """The stacks of series of mappings."""
    return [stack for each in study_of(*all_series).series for stack in split(each)]


def facts_of(*all_series: Iterable[Keywords]) -> tuple[StackFacts, ...]:
    """The facts of the stacks of series of mappings."""
    study = study_of(*all_series)
    return describe(study, [stack for each in study.series for stack in split(each)])
