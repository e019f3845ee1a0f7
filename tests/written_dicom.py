"""Writes small instances as real DICOM files from mappings of keywords, for tests that need a header of a certain kind."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

DEFAULTS: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.1.1",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.1.2",
    "Modality": "CT",
    "Manufacturer": "SIMULATED",
    "PatientName": "张^三",
    "PatientID": "SIM0001",
    "IssuerOfPatientID": "CQ-HOSPITAL-01",
    "PatientBirthDate": "19800101",
    "PatientSex": "M",
    "SpecificCharacterSet": "ISO_IR 192",
    "StudyDate": "20260901",
    "StudyTime": "101500",
    "SeriesDate": "20260901",
    "AcquisitionDate": "20260901",
    "BodyPartExamined": "CHEST",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "ImagePositionPatient": [0, 0, 0],
    "PixelSpacing": [0.7, 0.7],
    "SliceThickness": 5,
    "PatientPosition": "HFS",
    "Rows": 16,
    "Columns": 16,
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
}


def instance(**keywords: Any) -> Dataset:
    """A dataset of DEFAULTS and `keywords`; a keyword of None is left out, sequences are lists of mappings."""
    dataset = Dataset()
    for keyword, value in (
        DEFAULTS | {"SOPInstanceUID": generate_uid(entropy_srcs=[repr(keywords)])} | keywords
    ).items():
        if keyword == "pixels" or value is None:
            continue
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            value = [_item(item) for item in value]
        setattr(dataset, keyword, value)
    if "PixelData" not in keywords and "Rows" in dataset:
        seed = int(keywords.get("InstanceNumber", 0) or 0)
        pixels = keywords.get("pixels")
        if pixels is None:
            pixels = np.random.default_rng(seed).normal(0, 20, (int(dataset.Rows), int(dataset.Columns)))
        dataset.PixelData = np.asarray(pixels).astype("<i2").tobytes()
    return dataset


def write_instances(folder: Path, instances: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Writes one file an instance, named in order; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, keywords in enumerate(instances):
        dataset = instance(**keywords)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        path = folder / f"{number:04}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def axial_slices(num_slices: int, step_mm: float = 5.0, **keywords: Any) -> list[dict[str, Any]]:
    """Mappings for an axial series: positions 0, step, 2·step, …, and instance numbers from 1."""
    return [
        {"InstanceNumber": i + 1, "ImagePositionPatient": [0, 0, i * step_mm], **keywords} for i in range(num_slices)
    ]


def _item(content: Mapping[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            value = [_item(item) for item in value]
        setattr(dataset, keyword, value)
    return dataset
