"""Small CT studies by the thousand, as files: one encoded object, in which what must differ has a fixed length and is replaced."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498"
_STUDY, _NUMBER = "1111111", "2222222"  # places of seven digits, which no value of another meaning holds


def write_studies(
    folder: Path, studies: int, objects: int, *, first: int = 0, side: int = 16, study_date: str = "20260901"
) -> list[Path]:
    """Writes so many studies, from a number on, of so many CT images with so many rows and columns each; their files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    return list(_written(folder, range(first, first + studies), objects, _template(side, study_date)))


def study_uid(study: int) -> str:
    """The UID of one of the studies, which count from 0."""
    return f"{ROOT}.{1_000_000 + study}"


def _written(folder: Path, studies: Iterable[int], objects: int, template: bytes) -> Iterator[Path]:
    for study in studies:
        of_study = template.replace(_STUDY.encode(), str(1_000_000 + study).encode())
        for number in range(objects):
            path = folder / f"{study:06}-{number:06}.dcm"
            path.write_bytes(of_study.replace(_NUMBER.encode(), str(1_000_001 + number).encode()))
            yield path


def _template(side: int, study_date: str) -> bytes:
    dataset = Dataset()
    study, instance = f"{ROOT}.{_STUDY}", f"{ROOT}.{_STUDY}.{_NUMBER}"
    for keyword, value in {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": instance,
        "StudyDate": study_date,
        "SeriesDate": study_date,
        "AcquisitionDate": study_date,
        "StudyTime": "101500",
        "AccessionNumber": f"A{_STUDY}",
        "Modality": "CT",
        "Manufacturer": "SIMULATED",
        "BodyPartExamined": "CHEST",
        "StudyDescription": "CHEST",
        "PatientName": "模^拟",
        "PatientID": f"P{_STUDY}",
        "PatientBirthDate": "19800101",
        "PatientSex": "M",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        "FrameOfReferenceUID": f"{study}.2",
        "SeriesNumber": 1,
        "InstanceNumber": _NUMBER,
        "ImagePositionPatient": [0, 0, _NUMBER],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.7, 0.7],
        "SliceThickness": 1,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": side,
        "Columns": side,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "PixelData": bytes(2 * side * side),
    }.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(instance)
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
