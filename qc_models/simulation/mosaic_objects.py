"""Siemens mosaics: all slices of one time as tiles of one image, with the private attributes that say so.

Layout, position and the CSA header follow what nibabel documents ("DICOM mosaics", "Siemens format DICOM with CSA header").
"""

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from qc_models.simulation.anatomy import body
from qc_models.simulation.decimal_strings import decimal_string, plane_keywords
from qc_models.simulation.instance_writing import (
    SimulatedSeries,
    StudyHeader,
    stored_values,
    study_keywords,
    write_series,
)
from qc_models.simulation.mr_protocols import FIELD_T, protocol_of
from qc_models.simulation.mr_signal import mr_blocks, signal_table
from qc_models.simulation.mr_study import MR_IMAGE_STORAGE
from qc_models.simulation.shapes import plane_grid


def write_mosaic(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 14,
    num_times: int = 4,
    csa_header: bool = True,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """Echo-planar volumes of the head as series 1, one mosaic a time; `drop_frame` and `double_frame` count times."""
    size = 64
    grid = plane_grid((0, 0, 770), (1, 0, 0), (0, 1, 0), (224, 224), (size, size), num_slices, 4.2)
    _, protocol = protocol_of("AX_DWI", "head")
    table, shapes = signal_table(protocol), body.whole_body(header.patient.sex)
    side = math.isqrt(num_slices - 1) + 1
    half = (side - 1) * size / 2
    corner = grid.position_mm(0) - half * (np.array(grid.row_step_mm) + np.array(grid.column_step_mm))
    own_keywords: dict[Any, Any] = {
        "SOPClassUID": MR_IMAGE_STORAGE,
        "ManufacturerModelName": header.vendor.models["MR"],
        "ImageType": ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"),
        "SeriesDate": header.study_date,
        "SeriesTime": header.time(60),
        "AcquisitionDate": header.study_date,
        "ContentDate": header.study_date,
        "SeriesDescription": "ep2d_bold_moco",
        "BodyPartExamined": "HEAD",
        "PatientPosition": "HFS",
        "FrameOfReferenceUID": header.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "ScanningSequence": "EP",
        "SequenceVariant": "SK",
        "ScanOptions": "FS",
        "MRAcquisitionType": "2D",
        "SequenceName": "*epfid2d1_64",
        "RepetitionTime": "2000",
        "EchoTime": "30",
        "EchoTrainLength": 64,
        "FlipAngle": "90",
        "MagneticFieldStrength": decimal_string(FIELD_T),
        "SliceThickness": "3.5",
        "SpacingBetweenSlices": "4.2",
        "AcquisitionMatrix": [size, 0, 0, size],
        "InPlanePhaseEncodingDirection": "COL",
        "ImagePositionPatient": [decimal_string(float(value), 6) for value in corner],
        **plane_keywords(grid, 6),
        (0x0019, "SIEMENS MR HEADER", 0x0A, "US"): num_slices,
    }
    keywords = {**study_keywords(header, "MR", "MR01"), **own_keywords}
    if csa_header:
        normal = np.array(grid.slice_step_mm) / np.linalg.norm(grid.slice_step_mm)
        keywords[(0x0029, "SIEMENS CSA HEADER", 0x10, "OB")] = _csa_header(num_slices, normal.tolist())
    times = [time for time in range(num_times) if time != drop_frame for _ in range(2 if time == double_frame else 1)]
    instances = []
    for number, time in enumerate(times, start=1):
        rng = np.random.default_rng([header.seed, time])
        volume = np.concatenate([*mr_blocks(shapes, grid, table, 10.0, rng)])
        mosaic = np.zeros((side * size, side * size), np.uint16)
        for index, image in enumerate(volume):
            row, column = divmod(index, side)
            mosaic[row * size : (row + 1) * size, column * size : (column + 1) * size] = stored_values(image, 0, 4095)
        own = {
            "InstanceNumber": number,
            "AcquisitionNumber": time + 1,
            "AcquisitionTime": header.time(60 + 2 * time),
            "ContentTime": header.time(70 + 2 * time),
        }
        instances.append((own, mosaic))
    return write_series(folder, header, "mosaic", 1, keywords, instances, what="mosaic")


def _csa_header(num_slices: int, normal: list[float]) -> bytes:
    """A CSA header of version 2 with what a reader of mosaics needs."""
    tags = {
        "NumberOfImagesInMosaic": ("US", [str(num_slices)]),
        "SliceNormalVector": ("FD", [f"{value:.8f}" for value in normal]),
    }
    data = b"SV10\4\3\2\1" + struct.pack("<2i", len(tags), 77)
    for name, (vr, values) in tags.items():
        data += struct.pack("<64si4s3i", name.encode(), len(values), vr.encode(), 0, len(values), 77)
        for value in values:
            text = value.encode() + b"\0"
            data += struct.pack("<4i", len(text), len(text), 77, len(text)) + text + bytes(-len(text) % 4)
    return data
