"""Enhanced multi-frame CT and MR objects: one file, its frames described by functional groups (PS3.3 C.7.6.16, C.8.13, C.8.15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.anatomy import body
from qc_models.simulation.anatomy_codes import REGION_CODES, RegionCode
from qc_models.simulation.ct_images import ct_blocks
from qc_models.simulation.decimal_strings import decimal_string, plane_keywords
from qc_models.simulation.instance_writing import (
    SimulatedSeries,
    StudyHeader,
    code,
    stored_values,
    study_keywords,
    write_series,
)
from qc_models.simulation.mr_protocols import FIELD_T, protocol_of
from qc_models.simulation.mr_signal import mr_blocks, signal_table
from qc_models.simulation.shapes import Floats, Grid, plane_grid

ENHANCED_CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2.1"
ENHANCED_MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4.1"


@dataclass(frozen=True)
class FramePlan:
    """One frame to write: its slice, its time, and its b-value where it has one."""

    slice_index: int
    time_index: int = 0
    b_value: float | None = None


def planned(frames: Sequence[FramePlan], drop_frame: int | None, double_frame: int | None) -> list[FramePlan]:
    """The frames less one left out, with one written twice in a row; both count in the order of the complete object."""
    result = []
    for index, frame in enumerate(frames):
        if index != drop_frame:
            result.append(frame)
        if index == double_frame:
            result.append(frame)
    return result


def write_enhanced_ct(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 12,
    num_times: int = 1,
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """An enhanced CT of the chest as series 1; with `num_times` above 1 each slice comes once a time (TemporalPositionIndex)."""
    grid = _grid(header, "chest", num_slices, 5.0)
    volume = np.concatenate(
        [
            *ct_blocks(
                body.whole_body(header.patient.sex), grid, "plain", "soft", 10.0, np.random.default_rng(header.seed)
            )
        ]
    )
    frames = planned(
        [FramePlan(index, time) for time in range(num_times) for index in range(num_slices)], drop_frame, double_frame
    )
    day = header.study_date
    keywords = _common(header, "CT", ENHANCED_CT_STORAGE, "chest") | {
        "ImageType": ("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
        "SeriesDescription": "Enhanced chest",
        "DimensionIndexSequence": _dimensions(header),
    }
    shared = _shared(grid, REGION_CODES["chest"]) | {
        "CTImageFrameTypeSequence": [_frame_type(("ORIGINAL", "PRIMARY", "VOLUME", "NONE"))],
        "CTAcquisitionTypeSequence": [
            {"AcquisitionType": "SPIRAL", "ConstantVolumeFlag": "NO", "FluoroscopyFlag": "NO"}
        ],
        "CTAcquisitionDetailsSequence": [
            {
                "RotationDirection": "CW",
                "RevolutionTime": 0.5,
                "SingleCollimationWidth": 0.6,
                "TotalCollimationWidth": 38.4,
                "TableHeight": "150",
                "GantryDetectorTilt": "0",
                "DataCollectionDiameter": "500",
            }
        ],
        "CTReconstructionSequence": [
            {
                "ReconstructionAlgorithm": "FILTER_BACK_PROJ",
                "ConvolutionKernel": header.vendor.kernels["soft"],
                "ConvolutionKernelGroup": "SOFT_TISSUE",
                "ReconstructionDiameter": "405",
                "ReconstructionPixelSpacing": [grid.field_mm[0] / grid.rows, grid.field_mm[1] / grid.columns],
            }
        ],
        "CTExposureSequence": [
            {"ExposureTimeInms": 500.0, "XRayTubeCurrentInmA": 210.0, "ExposureInmAs": 105.0, "CTDIvol": 7.5}
        ],
        "CTXRayDetailsSequence": [{"KVP": "120", "FocalSpots": "1.2", "FilterType": "FLAT"}],
        "PixelValueTransformationSequence": [{"RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU"}],
        "FrameVOILUTSequence": [{"WindowCenter": "40", "WindowWidth": "400"}],
    }
    groups = [_frame_groups(grid, frame, day, header.time(60 + 2 * frame.time_index)) for frame in frames]
    pixels = stored_values(volume[[frame.slice_index for frame in frames]] + 1024, 0, 4095)
    return _write(header, folder, "enhanced CT", keywords, shared, groups, pixels)


def write_enhanced_mr(
    header: StudyHeader,
    folder: Path,
    *,
    num_slices: int = 12,
    num_times: int = 1,
    b_values: Sequence[float] = (),
    drop_frame: int | None = None,
    double_frame: int | None = None,
) -> SimulatedSeries:
    """An enhanced MR of the head as series 1: T2, or with `num_times` 4D, or with `b_values` diffusion-weighted."""
    _, protocol = protocol_of("AX_DWI" if b_values else "AX_T2", "head")
    grid = _grid(header, "head", num_slices, 6.0)
    shapes = body.whole_body(header.patient.sex)
    volumes: list[Floats] = []
    for index in range(len(b_values) or num_times):
        table = signal_table(protocol, b_value=b_values[index] if b_values else 0.0) * np.float32(1 + 0.04 * index)
        volumes.append(
            np.concatenate([*mr_blocks(shapes, grid, table, 12.0, np.random.default_rng([header.seed, index]))])
        )
    complete = [
        FramePlan(index, 0 if b_values else volume, b_values[volume] if b_values else None)
        for volume in range(len(volumes))
        for index in range(num_slices)
    ]
    frames = planned(complete, drop_frame, double_frame)
    day = header.study_date
    words = ("ORIGINAL", "PRIMARY", "DIFFUSION" if b_values else "VOLUME", "NONE")
    keywords = _common(header, "MR", ENHANCED_MR_STORAGE, "head") | {
        "ImageType": words,
        "SeriesDescription": "Enhanced diffusion" if b_values else "Enhanced T2",
        "DimensionIndexSequence": _dimensions(header),
        "MagneticFieldStrength": decimal_string(FIELD_T),
        "ResonantNucleus": "1H",
        "KSpaceFiltering": "NONE",
        "AcquisitionContrast": "DIFFUSION" if b_values else "T2",
        "ComplexImageComponent": "MAGNITUDE",
        "ApplicableSafetyStandardAgency": "IEC",
        "PulseSequenceName": protocol.word,
        "MRAcquisitionType": "2D",
        "EchoPulseSequence": "SPIN",
        "EchoPlanarPulseSequence": "YES" if b_values else "NO",
        "MultipleSpinEcho": "NO" if b_values else "YES",
        "PhaseContrast": "NO",
        "TimeOfFlightContrast": "NO",
        "SteadyStatePulseSequence": "NONE",
        "MagnetizationTransfer": "NONE",
        "NumberOfKSpaceTrajectories": 1,
    }
    shared = _shared(grid, REGION_CODES["head"]) | {
        "MRImageFrameTypeSequence": [
            _frame_type(words)
            | {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": keywords["AcquisitionContrast"]}
        ],
        "MRTimingAndRelatedParametersSequence": [
            {
                "RepetitionTime": decimal_string(protocol.tr_ms),
                "FlipAngle": decimal_string(protocol.flip_deg),
                "EchoTrainLength": protocol.echo_train,
                "RFEchoTrainLength": protocol.echo_train,
                "GradientEchoTrainLength": 64 if b_values else 0,
            }
        ],
        "MREchoSequence": [{"EffectiveEchoTime": protocol.echo_times_ms[0]}],
        "MRModifierSequence": [
            {
                "InversionRecovery": "NO",
                "FlowCompensation": "NONE",
                "Spoiling": "NONE",
                "T2Preparation": "NO",
                "SpectrallySelectedSuppression": "FAT" if protocol.fat_saturated else "NONE",
                "ParallelAcquisition": "NO",
                "PartialFourier": "NO",
            }
        ],
        "MRFOVGeometrySequence": [
            {
                "InPlanePhaseEncodingDirection": "COLUMN",
                "MRAcquisitionFrequencyEncodingSteps": grid.columns,
                "MRAcquisitionPhaseEncodingStepsInPlane": grid.rows,
                "PercentSampling": "100",
                "PercentPhaseFieldOfView": "100",
            }
        ],
        "MRAveragesSequence": [{"NumberOfAverages": "1"}],
        "PixelValueTransformationSequence": [{"RescaleIntercept": "0", "RescaleSlope": "1", "RescaleType": "US"}],
        "FrameVOILUTSequence": [{"WindowCenter": "400", "WindowWidth": "800"}],
    }
    groups = [_frame_groups(grid, frame, day, header.time(60 + 10 * frame.time_index)) for frame in frames]
    for frame, group in zip(frames, groups, strict=True):
        if frame.b_value is not None:
            group["MRDiffusionSequence"] = [
                {
                    "DiffusionBValue": float(frame.b_value),
                    "DiffusionDirectionality": "ISOTROPIC" if frame.b_value else "NONE",
                }
            ]
    volume_of = {(0 if b_values else i, b_values[i] if b_values else None): volume for i, volume in enumerate(volumes)}
    stored = np.stack([volume_of[frame.time_index, frame.b_value][frame.slice_index] for frame in frames])
    return _write(header, folder, "enhanced MR", keywords, shared, groups, stored_values(stored, 0, 4095))


def _grid(header: StudyHeader, region: str, num_slices: int, spacing_mm: float) -> Grid:
    top, bottom = body.REGION_RANGES_MM[region]
    size = 64 if header.size == "small" else 256
    field = 405.0 if region == "chest" else 240.0
    return plane_grid(
        (0, 0, (top + bottom) / 2), (1, 0, 0), (0, 1, 0), (field, field), (size, size), num_slices, spacing_mm
    )


def _common(header: StudyHeader, modality: str, sop_class_uid: str, region: str) -> dict[str, Any]:
    named = REGION_CODES[region]
    return study_keywords(header, modality, f"{modality}01") | {
        "SOPClassUID": sop_class_uid,
        "ManufacturerModelName": header.vendor.models[modality],
        "SeriesDate": header.study_date,
        "SeriesTime": header.time(60),
        "AcquisitionDateTime": header.study_date + header.time(60),
        "AcquisitionDuration": 6.0,
        "AcquisitionNumber": 1,
        "ContentDate": header.study_date,
        "ContentTime": header.time(70),
        "BodyPartExamined": named.body_part,
        "PatientPosition": "HFS",
        "FrameOfReferenceUID": header.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "InstanceNumber": 1,
        "ContentQualification": "PRODUCT",
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "AcquisitionContextSequence": [],
        "BitsStored": 12,
        "HighBit": 11,
        "DimensionOrganizationSequence": [{"DimensionOrganizationUID": header.uid("dimensions")}],
    }


def _dimensions(header: StudyHeader) -> list[dict[str, Any]]:
    return [
        {
            "DimensionOrganizationUID": header.uid("dimensions"),
            "DimensionIndexPointer": pointer,
            "FunctionalGroupPointer": 0x00209111,
            "DimensionDescriptionLabel": label,
        }
        for pointer, label in ((0x00209128, "Temporal Position Index"), (0x00209057, "In-Stack Position Number"))
    ]


def _frame_type(words: tuple[str, ...]) -> dict[str, Any]:
    return {
        "FrameType": words,
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }


def _shared(grid: Grid, region: RegionCode) -> dict[str, Any]:
    plane = plane_keywords(grid, 6)
    spacing = decimal_string(float(np.linalg.norm(grid.slice_step_mm)))
    return {
        "PixelMeasuresSequence": [
            {"PixelSpacing": plane["PixelSpacing"], "SliceThickness": spacing, "SpacingBetweenSlices": spacing}
        ],
        "PlaneOrientationSequence": [{"ImageOrientationPatient": plane["ImageOrientationPatient"]}],
        "FrameAnatomySequence": [
            {"FrameLaterality": "U", "AnatomicRegionSequence": [code(region.snomed, region.meaning)]}
        ],
    }


def _frame_groups(grid: Grid, frame: FramePlan, day: str, time: str) -> dict[str, Any]:
    return {
        "FrameContentSequence": [
            {
                "FrameAcquisitionNumber": 1 + frame.time_index,
                "FrameReferenceDateTime": day + time,
                "FrameAcquisitionDateTime": day + time,
                "FrameAcquisitionDuration": 500.0,
                "DimensionIndexValues": [1 + frame.time_index, 1 + frame.slice_index],
                "StackID": "1",
                "InStackPositionNumber": 1 + frame.slice_index,
                "TemporalPositionIndex": 1 + frame.time_index,
            }
        ],
        "PlanePositionSequence": [
            {"ImagePositionPatient": [decimal_string(float(value), 5) for value in grid.position_mm(frame.slice_index)]}
        ],
    }


def _write(
    header: StudyHeader,
    folder: Path,
    name: str,
    keywords: Mapping[str, Any],
    shared: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    pixels: NDArray[np.uint16],
) -> SimulatedSeries:
    own = {
        "NumberOfFrames": len(groups),
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": list(groups),
    }
    return write_series(folder, header, name, 1, keywords, [(own, pixels)], what=name)
