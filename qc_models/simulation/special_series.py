"""Classic series that trip readers up: cine, 4D with and without labels, phases or echoes in one series, tilted blocks, a scout."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.anatomy import body
from qc_models.simulation.anatomy.spine import spine_y_mm
from qc_models.simulation.ct_images import ct_blocks
from qc_models.simulation.ct_plan import DELAYS_S
from qc_models.simulation.ct_study import CT_IMAGE_STORAGE
from qc_models.simulation.decimal_strings import decimal_string, plane_keywords, slice_location
from qc_models.simulation.instance_writing import (
    SimulatedSeries,
    StudyHeader,
    code,
    stored_values,
    study_keywords,
    write_series,
)
from qc_models.simulation.mr_protocols import FIELD_T, Protocol, protocol_of
from qc_models.simulation.mr_signal import mr_blocks, signal_table
from qc_models.simulation.mr_study import MR_IMAGE_STORAGE
from qc_models.simulation.shapes import Grid, plane_grid
from qc_models.simulation.tissues import Phase

Image = tuple[dict[Any, Any], NDArray[Any]]
_INJECTION_S = 100.0


def write_cine(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 6,
    num_phases: int = 8,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """Heart cine, every slice at every TriggerTime, as series 1; frames count by slice, then phase."""
    row, column = (0.6, 0.7, -0.387), (0.0, -0.48, -0.877)
    column = tuple(np.cross(np.cross(row, column), row).tolist())
    grid = plane_grid((25, -25, 432), row, column, (300, 300), _matrix(header), num_slices, 10.0)
    volumes = [_mr_volume(header, grid, "AX_T2STAR", "head", phase) for phase in range(num_phases)]
    images = []
    for index in range(num_slices):
        for phase in range(num_phases):
            own = _place(grid, index) | {
                "TriggerTime": decimal_string(phase * 850 / num_phases),
                "AcquisitionTime": header.time(60 + 12 * index),
                "AcquisitionNumber": index + 1,
            }
            images.append((own, volumes[phase][index]))
    protocol = protocol_of("AX_T2STAR", "head")[1]
    keywords = _mr_keywords(header, protocol, grid, "cine_sa", "HEART") | {
        "ScanOptions": ["CT"],
        "CardiacNumberOfImages": num_phases,
        "NominalInterval": 850,
        "HeartRate": 70,
    }
    return _write(header, folder, "cine", keywords, _changed(images, drop_frame, double_frame))


def write_dynamic(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 10,
    num_times: int = 4,
    labelled: bool = True,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """The same slices again and again as series 1, each with TemporalPositionIdentifier or, not `labelled`, its time alone."""
    grid = plane_grid((0, 0, 770), (1, 0, 0), (0, 1, 0), (240, 240), _matrix(header), num_slices, 6.0)
    images = []
    for time in range(num_times):
        for index, image in enumerate(_mr_volume(header, grid, "DYNAMIC", "head", time)):
            own = _place(grid, index) | {"AcquisitionTime": header.time(60 + 30 * time + 0.1 * index)}
            if labelled:
                own |= {"TemporalPositionIdentifier": time + 1, "NumberOfTemporalPositions": num_times}
            images.append((own, image))
    keywords = _mr_keywords(header, protocol_of("DYNAMIC", "head")[1], grid, "dynamic", "HEAD")
    return _write(header, folder, "dynamic", keywords, _changed(images, drop_frame, double_frame))


def write_dual_echo(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 10,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """In- and opposed-phase images of the abdomen in one series, as GE sends them: both echoes of a slice follow each other."""
    grid = plane_grid((0, 6, 320), (1, 0, 0), (0, 1, 0), (380, 380), _matrix(header), num_slices, 8.0)
    protocol = protocol_of("IN_OUT_PHASE", "abdomen")[1]
    volumes = [_mr_volume(header, grid, "IN_OUT_PHASE", "abdomen", echo=echo) for echo in range(2)]
    images = []
    for index in range(num_slices):
        for echo, te in enumerate(protocol.echo_times_ms):
            own = _place(grid, index) | {
                "EchoTime": decimal_string(te),
                "EchoNumbers": echo + 1,
                "AcquisitionTime": header.time(60 + 0.2 * index),
            }
            images.append((own, volumes[echo][index]))
    keywords = _mr_keywords(header, protocol, grid, "Ax Dual Echo", "ABDOMEN")
    return _write(header, folder, "dual echo", keywords, _changed(images, drop_frame, double_frame))


def write_multiphase_ct(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 12,
    phases: Sequence[Phase] = ("plain", "arterial", "portal"),
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """Contrast phases of the abdomen in one series; only AcquisitionNumber and times tell them apart."""
    grid = plane_grid((0, 10, 320), (1, 0, 0), (0, 1, 0), (405, 405), _matrix(header), num_slices, 5.0)
    images: list[Image] = []
    for number, phase in enumerate(phases, start=1):
        start_s = _INJECTION_S + DELAYS_S.get(phase, -60.0)
        contrast = _contrast(header) if phase != "plain" else dict.fromkeys(_contrast(header))
        for index, image in enumerate(_ct_volume(header, grid, phase)):
            own = (
                _place(grid, index)
                | contrast
                | {"AcquisitionNumber": number, "AcquisitionTime": header.time(start_s + 0.2 * index)}
            )
            images.append((own, image))
    keywords = _ct_keywords(header, grid, "Abdomen multiphase", "ABDOMEN")
    return _write(header, folder, "multi-phase", keywords, _changed(images, drop_frame, double_frame))


def write_tilted_blocks(
    header: StudyHeader,
    folder: Path,
    *,
    num_blocks: int = 4,
    slices_a_block: int = 5,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """Blocks through the lumbar discs in one series, each with its own tilt, as a spine CT without a continuous range."""
    images: list[Image] = []
    for block in range(num_blocks):
        z = 313 - 36 * (5 - num_blocks + block + 1)
        tilt = np.radians(-12 + 9 * block)
        center = (0.0, spine_y_mm(z), z)
        grid = plane_grid(
            center, (1, 0, 0), (0, np.cos(tilt), np.sin(tilt)), (180, 180), _matrix(header), slices_a_block, 3.0
        )
        for index, image in enumerate(_ct_volume(header, grid, "plain")):
            own = (
                _place(grid, index)
                | plane_keywords(grid, 6)
                | {
                    "GantryDetectorTilt": decimal_string(float(np.degrees(tilt)), 2),
                    "AcquisitionNumber": block + 1,
                    "AcquisitionTime": header.time(60 + 6 * block + 0.5 * index),
                }
            )
            images.append((own, image))
    keywords = _ct_keywords(header, grid, "Lumbar discs", "LSPINE")
    return _write(header, folder, "tilted blocks", keywords, _changed(images, drop_frame, double_frame))


def write_scout_in_series(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 20,
    labelled: bool = False,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """An axial chest CT whose first instance is a frontal scout; only when `labelled` does its ImageType say so."""
    grid = plane_grid((0, 10, 455), (1, 0, 0), (0, 1, 0), (405, 405), _matrix(header), num_slices, 5.0)
    scout = plane_grid((0, 10, 455), (1, 0, 0), (0, 0, -1), (472, 472), _matrix(header), 1, 5.0)
    (image,) = _ct_volume(header, scout, "plain")
    words = ("ORIGINAL", "PRIMARY", "LOCALIZER") if labelled else ("ORIGINAL", "PRIMARY", "AXIAL")
    images: list[Image] = [
        (
            _place(scout, 0) | plane_keywords(scout, 6) | {"ImageType": words, "AcquisitionTime": header.time(30)},
            image,
        )
    ]
    for index, image in enumerate(_ct_volume(header, grid, "plain")):
        own = _place(grid, index) | plane_keywords(grid, 6)
        images.append(
            (
                own | {"ImageType": ("ORIGINAL", "PRIMARY", "AXIAL"), "AcquisitionTime": header.time(60 + 0.1 * index)},
                image,
            )
        )
    keywords = _ct_keywords(header, grid, "Chest 5.0", "CHEST")
    return _write(header, folder, "scout in series", keywords, _changed(images, drop_frame, double_frame))


def _changed(images: list[Image], drop_frame: int | None, double_frame: int | None) -> list[Image]:
    """The images less one left out, with one repeated under its own UID; instance numbers keep those of the complete series."""
    result = []
    for index, (own, pixels) in enumerate(images):
        numbered = own | {"InstanceNumber": index + 1}
        if index != drop_frame:
            result.append((numbered, pixels))
        if index == double_frame:
            result.append((numbered | {"InstanceNumber": len(images) + 1}, pixels))
    return result


def _write(
    header: StudyHeader, folder: Path, name: str, keywords: Mapping[Any, Any], images: list[Image]
) -> SimulatedSeries:
    return write_series(folder, header, name, 1, keywords, images, what=name)


def _matrix(header: StudyHeader) -> tuple[int, int]:
    return (64, 64) if header.size == "small" else (256, 256)


def _place(grid: Grid, index: int) -> dict[Any, Any]:
    return {
        "ImagePositionPatient": [decimal_string(float(value), 5) for value in grid.position_mm(index)],
        "SliceLocation": decimal_string(slice_location(grid, index), 3),
    }


def _mr_volume(header: StudyHeader, grid: Grid, token: str, region: str, time: int = 0, echo: int = 0) -> NDArray[Any]:
    table = signal_table(protocol_of(token, region)[1], echo=echo) * np.float32(1 + 0.05 * time)
    rng = np.random.default_rng([header.seed, time, echo])
    blocks = mr_blocks(body.whole_body(header.patient.sex), grid, table, 12.0, rng)
    return stored_values(np.concatenate([*blocks]), 0, 4095)


def _ct_volume(header: StudyHeader, grid: Grid, phase: Phase) -> NDArray[Any]:
    rng = np.random.default_rng([header.seed, len(phase)])
    volume = np.concatenate([*ct_blocks(body.whole_body(header.patient.sex), grid, phase, "soft", 10.0, rng)])
    return stored_values(volume, -1024, 3071)


def _mr_keywords(
    header: StudyHeader, protocol: Protocol, grid: Grid, description: str, body_part: str
) -> dict[Any, Any]:
    return _keywords(header, "MR", MR_IMAGE_STORAGE, grid, description, body_part) | {
        "ImageType": ("ORIGINAL", "PRIMARY", *header.vendor.mr_words),
        "ScanningSequence": protocol.sequence,
        "SequenceVariant": protocol.variant,
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": decimal_string(protocol.tr_ms),
        "EchoTime": decimal_string(protocol.echo_times_ms[0]),
        "EchoTrainLength": protocol.echo_train,
        "FlipAngle": decimal_string(protocol.flip_deg),
        "MagneticFieldStrength": decimal_string(FIELD_T),
        "AcquisitionNumber": 1,
    }


def _ct_keywords(header: StudyHeader, grid: Grid, description: str, body_part: str) -> dict[Any, Any]:
    return _keywords(header, "CT", CT_IMAGE_STORAGE, grid, description, body_part) | {
        "ImageType": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "KVP": "120",
        "ConvolutionKernel": header.vendor.kernels["soft"],
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "AcquisitionNumber": 1,
        "WindowCenter": "40",
        "WindowWidth": "400",
    }


def _keywords(
    header: StudyHeader, modality: str, sop_class_uid: str, grid: Grid, description: str, body_part: str
) -> dict[Any, Any]:
    spacing = decimal_string(float(np.linalg.norm(grid.slice_step_mm)))
    return study_keywords(header, modality, f"{modality}01") | {
        "SOPClassUID": sop_class_uid,
        "ManufacturerModelName": header.vendor.models[modality],
        "SeriesDate": header.study_date,
        "SeriesTime": header.time(30),
        "AcquisitionDate": header.study_date,
        "ContentDate": header.study_date,
        "ContentTime": header.time(300),
        "SeriesDescription": description,
        "BodyPartExamined": body_part,
        "PatientPosition": "HFS",
        "FrameOfReferenceUID": header.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "SliceThickness": spacing,
        "SpacingBetweenSlices": spacing if modality == "MR" else None,
        **plane_keywords(grid, 6),
    }


def _contrast(header: StudyHeader) -> dict[Any, Any]:
    return {
        "ContrastBolusAgent": "碘海醇 350",
        "ContrastBolusAgentSequence": [code("418294000", "Iohexol")],
        "ContrastBolusRoute": "IV",
        "ContrastBolusStartTime": header.time(_INJECTION_S),
    }
