"""Writes the series of a simulated MR study: localizer, sequences by plane and weight, maps, dynamic and contrast series."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_models.exam_item import ExamItem
from qc_models.simulation.anatomy_codes import REGION_CODES, of_region
from qc_models.simulation.components import filled_components, wanted_tokens
from qc_models.simulation.decimal_strings import decimal_string, plane_keywords, slice_location
from qc_models.simulation.instance_writing import (
    SimulatedSeries,
    StudyHeader,
    code,
    stored_values,
    study_keywords,
    write_series,
)
from qc_models.simulation.mr_geometry import mr_grid, mr_shapes, projection_grids
from qc_models.simulation.mr_protocols import FIELD_T, Protocol, protocol_of
from qc_models.simulation.mr_signal import SCALE, maximum_projections, mr_blocks, signal_table
from qc_models.simulation.shapes import Grid, plane_grid
from qc_models.simulation.vendors import Vendor

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
_SERIES_S = 150.0  # a sequence lasts this long
_TURN_DEGREES = (
    3.0  # nobody lies exactly straight: edges that run along the matrix, and halves alike, look like artifacts
)
_DYNAMIC_S = (-20.0, 25.0, 70.0, 180.0)  # its times, from the start of injection
_DYNAMIC_UPTAKE = (0.0, 0.8, 1.0, 0.7)
_COILS = {"head": "HeadNeck_20", "pituitary": "HeadNeck_20", "knee": "TxRx_15Ch_Knee", "shoulder": "ShoulderLarge16"}
_PLANE_WORDS = {"AX": "tra", "SAG": "sag", "COR": "cor"}


def write_mr_study(
    header: StudyHeader, item: ExamItem, folder: Path, omit: Sequence[str], include_optional: bool
) -> list[SimulatedSeries]:
    """Writes all series of an MR study below `folder`; the localizer is series 1, series after contrast come last."""
    tokens, _ = wanted_tokens(item, omit, include_optional)
    study = _MrStudy(header, item, folder, with_contrast=any("T1C" in token or token == "DYNAMIC" for token in tokens))
    series = [study.write_localizer()]
    for token in sorted(tokens, key=lambda token: 2 if "T1C" in token else 1 if token == "DYNAMIC" else 0):
        series.append(study.write(token, len(series) + 1))
    return series


class _MrStudy:
    """What the series of one MR study share: patient in the coil, scanner, clock."""

    def __init__(self, header: StudyHeader, item: ExamItem, folder: Path, with_contrast: bool) -> None:
        self.header, self.folder, self.item = header, folder, item
        self.shapes = mr_shapes(item, header.patient.sex, header.side)
        self.region = of_region(REGION_CODES, item.region)
        smallest = max(item.min_matrix) if item.min_matrix else 256
        self.matrix = 64 if header.size == "small" else max(256, smallest)
        self.clock_s = 60.0
        self.with_contrast = with_contrast
        self.injection_s: float | None = None

    def write_localizer(self) -> SimulatedSeries:
        """Three crossing planes with three slices each."""
        matrix = 64 if self.header.size == "small" else 256
        protocol = protocol_of("AX_T2STAR", self.item.region)[1]
        table = signal_table(protocol)
        instances: list[tuple[Mapping[str, Any], NDArray[Any]]] = []
        for plane in ("AX", "COR", "SAG"):
            grid, _ = mr_grid(
                self.item, plane, protocol, matrix, None if self.item.region == "knee" else self.header.side
            )
            part = _about_middle(grid, 3, 20.0)
            for block in mr_blocks(self.shapes, part, table, 25.0, self._rng("localizer", plane)):
                for image in block:
                    number = len(instances) + 1
                    own = self._slice(part, (number - 1) % 3, number, 5.0 + number) | plane_keywords(
                        part, self.header.vendor.decimals
                    )
                    instances.append((own, stored_values(image, 0, 4095)))
        keywords = self._common(protocol, 5.0) | {
            "ImageType": ("ORIGINAL", "PRIMARY", "LOCALIZER"),
            "SeriesDescription": "localizer",
            "ProtocolName": "localizer",
            "SliceThickness": "8",
            "SpacingBetweenSlices": "20",
            "ScanOptions": "",
        }
        return write_series(self.folder, self.header, "localizer", 1, keywords, instances, what="localizer")

    def write(self, token: str, number: int) -> SimulatedSeries:
        """The series of one component."""
        plane, protocol = protocol_of(token, self.item.region)
        after_s = self._start(protocol)
        grid, thickness = mr_grid(self.item, plane, protocol, self.matrix, self.header.side)
        if token == "MIP":
            instances = self._projections(protocol, after_s)
        else:
            if not self.header.vendor.ascending:
                grid = grid.reversed()
            instances = self._instances(token, grid, protocol, after_s)
        spacing = float(np.linalg.norm(grid.slice_step_mm))
        description = self._description(plane, protocol)
        keywords = self._common(protocol, after_s) | {
            "ImageType": self._image_type(protocol),
            "SeriesDescription": description,
            "ProtocolName": description,
            "SliceThickness": decimal_string(thickness),
            "SpacingBetweenSlices": decimal_string(spacing),
            **plane_keywords(grid, self.header.vendor.decimals),
        }
        return write_series(
            self.folder,
            self.header,
            token,
            number,
            keywords,
            instances,
            components=filled_components(self.item, [token]),
            what=token,
        )

    def _start(self, protocol: Protocol) -> float:
        """Seconds after the study's begin; the first series that needs contrast sets the injection."""
        start, self.clock_s = self.clock_s, self.clock_s + _SERIES_S
        if self.injection_s is None and protocol.dynamic:
            self.injection_s = start + 40
            self.clock_s = self.injection_s + 260
        elif self.injection_s is None and protocol.weight == "T1C":
            self.injection_s = start
            start += 180
            self.clock_s = start + _SERIES_S
        return start

    def _instances(
        self, token: str, grid: Grid, protocol: Protocol, after_s: float
    ) -> Iterator[tuple[Mapping[str, Any], NDArray[Any]]]:
        number = 0
        lying = grid.turned(_TURN_DEGREES)
        for index, (own, table) in enumerate(self._images(protocol, after_s)):
            noise = 0.0 if protocol.weight == "ADC" else SCALE / 85.0
            shading = 0.0 if protocol.weight == "ADC" else 0.15
            taken_s = own.pop("after_s", after_s)
            own |= _window(table)
            place = 0
            for block in mr_blocks(self.shapes, lying, table, noise, self._rng(token, index), shading):
                for image in block:
                    number += 1
                    yield self._slice(grid, place, number, taken_s + 0.05 * place) | own, stored_values(image, 0, 4095)
                    place += 1

    def _images(self, protocol: Protocol, after_s: float) -> Iterator[tuple[dict[str, Any], NDArray[np.float32]]]:
        """What differs between the images at one place, and the signals of each: b-values, times, echoes."""
        if protocol.dynamic:
            assert self.injection_s is not None
            for index, (delay, uptake) in enumerate(zip(_DYNAMIC_S, _DYNAMIC_UPTAKE, strict=True), start=1):
                own = {
                    "TemporalPositionIdentifier": index,
                    "NumberOfTemporalPositions": len(_DYNAMIC_S),
                    "AcquisitionNumber": index,
                    "after_s": self.injection_s + delay,
                }
                yield own, signal_table(protocol, contrast=uptake)
        elif protocol.b_values:
            for b_value in protocol.b_values:
                yield _b_value_keywords(self.header.vendor, b_value), signal_table(protocol, b_value=b_value)
        elif len(protocol.echo_times_ms) > 1:
            for index, te in enumerate(protocol.echo_times_ms):
                yield {"EchoTime": decimal_string(te), "EchoNumbers": index + 1}, signal_table(protocol, echo=index)
        else:
            contrast = 0.9 if self.injection_s is not None and after_s > self.injection_s else 0.0
            yield {}, signal_table(protocol, contrast=contrast)

    def _projections(self, protocol: Protocol, after_s: float) -> Iterator[tuple[Mapping[str, Any], NDArray[Any]]]:
        grids = projection_grids(self.item, max(self.matrix // 2, 64))
        for i, image in enumerate(maximum_projections(self.shapes, grids, signal_table(protocol))):
            yield (
                self._slice(grids[i], 35, i + 1, after_s) | plane_keywords(grids[i], self.header.vendor.decimals),
                stored_values(image, 0, 4095),
            )

    def _slice(self, grid: Grid, index: int, number: int, after_s: float) -> dict[str, Any]:
        decimals = self.header.vendor.decimals
        return {
            "InstanceNumber": number,
            "ImagePositionPatient": [decimal_string(value, decimals) for value in grid.position_mm(index)],
            "SliceLocation": decimal_string(slice_location(grid, index), min(decimals, 3)),
            "AcquisitionTime": self.header.time(after_s),
            "ContentTime": self.header.time(after_s + 120),
        }

    def _description(self, plane: str, protocol: Protocol) -> str:
        if protocol.weight == "MIP":  # turned about the body, of no one plane
            return protocol.word
        if self.header.vendor.name in ("siemens", "uih"):
            return f"{protocol.word}_{_PLANE_WORDS[plane]}"
        contrast = " +C" if protocol.weight == "T1C" else ""
        return f"{plane.title()} {protocol.weight.replace('T1C', 'T1').replace('_', ' ')}{contrast}"

    def _image_type(self, protocol: Protocol) -> tuple[str, ...]:
        vendor = self.header.vendor
        if protocol.weight == "MIP":
            return ("DERIVED", "SECONDARY", "MIP")
        if protocol.weight == "ADC":
            return ("DERIVED", "PRIMARY", *vendor.adc_words)
        words = vendor.mr_words
        if vendor.name == "siemens" and protocol.b_values:
            words = ("DIFFUSION", "TRACEW", "ND", "NORM")
        elif vendor.name == "siemens" and protocol.weight == "SWI":
            words = ("M", "SWI", "NORM")
        elif vendor.name == "philips" and protocol.gradient_echo:
            words = ("M_FFE", "M", "FFE")
        elif vendor.name == "philips" and protocol.ti_ms:
            words = ("M_IR", "M", "IR")
        return ("ORIGINAL", "PRIMARY", *words)

    def _common(self, protocol: Protocol, after_s: float) -> dict[str, Any]:
        header, vendor = self.header, self.header.vendor
        day = header.study_date
        options = [vendor.fat_saturation] if protocol.fat_saturated else []
        options += ["PFP"] if protocol.sequence == ("EP",) else []
        keywords = study_keywords(header, "MR", "MR01") | {
            "SOPClassUID": MR_IMAGE_STORAGE,
            "ManufacturerModelName": vendor.models["MR"],
            "SeriesDate": day,
            "SeriesTime": header.time(after_s),
            "AcquisitionDate": day,
            "ContentDate": day,
            "BodyPartExamined": self.region.body_part,
            "Laterality": header.side,
            "PatientPosition": "FFS" if self.item.region == "knee" else "HFS",
            "FrameOfReferenceUID": header.frame_of_reference_uid,
            "PositionReferenceIndicator": "",
            "AcquisitionNumber": 1,
            "ScanningSequence": protocol.sequence,
            "SequenceVariant": protocol.variant,
            "ScanOptions": options or "",
            "MRAcquisitionType": "3D" if protocol.volume else "2D",
            "SequenceName": f"*{protocol.word[:15]}" if vendor.name == "siemens" else None,
            "AngioFlag": "Y" if protocol.inflow else "N",
            "RepetitionTime": decimal_string(protocol.tr_ms),
            "EchoTime": decimal_string(protocol.echo_times_ms[0]),
            "InversionTime": decimal_string(protocol.ti_ms) if protocol.ti_ms else None,
            "EchoTrainLength": protocol.echo_train,
            "FlipAngle": decimal_string(protocol.flip_deg),
            "EchoNumbers": 1,
            "NumberOfAverages": "1",
            "ImagingFrequency": decimal_string(42.5775 * FIELD_T),
            "ImagedNucleus": "1H",
            "MagneticFieldStrength": decimal_string(FIELD_T),
            "NumberOfPhaseEncodingSteps": self.matrix,
            "PercentSampling": "100",
            "PercentPhaseFieldOfView": "100",
            "PixelBandwidth": "180",
            "ReceiveCoilName": _COILS.get(self.item.region, "BodyMatrix_18"),
            "TransmitCoilName": "Body",
            "AcquisitionMatrix": [self.matrix, 0, 0, self.matrix],
            "InPlanePhaseEncodingDirection": "COL",
            "VariableFlipAngleFlag": "N",
            "SAR": "0.8",
            "BurnedInAnnotation": "NO",
            "WindowCenter": "500",
            "WindowWidth": "1100",
        }
        if self.with_contrast and (protocol.dynamic or (self.injection_s is not None and after_s > self.injection_s)):
            assert self.injection_s is not None
            keywords |= {
                "ContrastBolusAgent": "钆喷酸葡胺",
                "ContrastBolusAgentSequence": [code("404846006", "Gadopentetate dimeglumine")],
                "ContrastBolusRoute": "IV",
                "ContrastBolusVolume": "12",
                "ContrastBolusStartTime": header.time(self.injection_s),
                "ContrastBolusTotalDose": "12",
                "ContrastBolusIngredient": "GADOLINIUM",
            }
        return keywords

    def _rng(self, *parts: object) -> np.random.Generator:
        return np.random.default_rng([self.header.seed, *" ".join(map(str, parts)).encode()])


def _b_value_keywords(vendor: Vendor, b_value: int) -> dict[Any, Any]:
    """Where a scanner writes a b-value: the public attribute, or the private one of its maker's conformance statement."""
    if vendor.name == "siemens":
        return {
            (0x0019, "SIEMENS MR HEADER", 0x0C, "IS"): b_value,
            "SequenceName": f"*ep_b{b_value}" + ("t" if b_value else ""),
        }
    if vendor.name == "ge":
        return {(0x0043, "GEMS_PARM_01", 0x39, "IS"): [1_000_000_000 + b_value, 8, 0, 0]}
    if vendor.name == "philips":
        return {(0x2001, "Philips Imaging DD 001", 0x03, "FL"): float(b_value), "DiffusionBValue": float(b_value)}
    if vendor.name == "uih":
        return {(0x0065, "Image Private Header", 0x09, "FD"): float(b_value)}
    return {"DiffusionBValue": float(b_value)}


def _window(table: NDArray[np.float32]) -> dict[str, str]:
    """A display window up to the brighter tissues."""
    bright = float(np.percentile(table[table > 0], 92)) * 1.1
    return {"WindowCenter": decimal_string(bright / 2, 0), "WindowWidth": decimal_string(bright, 0)}


def _about_middle(grid: Grid, count: int, spacing_mm: float) -> Grid:
    return plane_grid(
        grid.center_mm,
        grid.row_step_mm,
        grid.column_step_mm,
        grid.field_mm,
        (grid.rows, grid.columns),
        count,
        spacing_mm,
    )
