"""Writes the series of a simulated CT study: scout, scans by phase, reconstructions and reformats, with a scanner's headers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_models.exam_item import ExamItem
from qc_models.simulation.anatomy import body, limbs
from qc_models.simulation.anatomy.spine import spine_y_mm
from qc_models.simulation.anatomy_codes import REGION_CODES, of_region
from qc_models.simulation.ct_images import ct_blocks, noise_of
from qc_models.simulation.ct_plan import DELAYS_S, CtSeries, Kernel, Scan, plan_ct
from qc_models.simulation.decimal_strings import decimal_string, plane_keywords, slice_location
from qc_models.simulation.instance_writing import SimulatedSeries, StudyHeader, code, study_keywords, write_series
from qc_models.simulation.projection import attenuation_map
from qc_models.simulation.shapes import Grid, Shape, mirrored, plane_grid
from qc_models.simulation.tissues import attenuation

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SMALL_MATRIX = 64
_MARGIN_MM = 10.0
_VERTEX_MM = 839.0  # no slice lies wholly above the head

# Field of view in mm and how far behind the origin its centre lies, by region; others as the trunk.
_FIELDS_MM: dict[str, tuple[float, float]] = {
    "head": (235, -4),
    "head_neck": (250, 10),
    "orbit": (180, -50),
    "sinus": (190, -45),
    "temporal_bone": (200, 10),
    "neck": (240, 10),
    "cspine": (180, 30),
    "lspine": (200, 45),
    "heart": (240, -10),
    "extremity": (190, 4),
}
_TRUNK_FIELD_MM = (405.0, 10.0)
# CTDIvol in mGy, below the 75th percentile of WS/T 637-2018 for adults.
_DOSES_MGY: dict[str, float] = {
    "head": 48,
    "head_neck": 18,
    "neck": 14,
    "cspine": 18,
    "lspine": 15,
    "sinus": 14,
    "chest": 7.5,
    "heart": 22,
}
_WINDOWS: dict[Kernel, tuple[int, int]] = {
    "soft": (40, 400),
    "brain": (35, 80),
    "bone": (500, 2000),
    "lung": (-600, 1500),
    "vessel": (150, 700),
}
_WORDS: dict[str, str] = {
    "plain": "Plain",
    "arterial": "A 动脉期",
    "enhanced": "C+",
    "portal": "V 门脉期",
    "delayed": "D 延迟期",
    "calcium_score": "CaSc",
}
_LIMB_RANGE_MM = 110.0
_ANGIOGRAPHIES = {"CT-CTPA": "CTPA", "CT-CTA-HN": "CarotidCTA", "CT-CTA-COR": "CoronaryCTA"}  # their protocols


def write_ct_study(
    header: StudyHeader, item: ExamItem, folder: Path, omit: Sequence[str], include_optional: bool
) -> list[SimulatedSeries]:
    """Writes all series of a CT study below `folder`; the scout is series 1."""
    study = _CtStudy(header, item, folder)
    series = [study.write_scout()]
    plans = plan_ct(item, omit, include_optional)
    for plan in plans:
        series.append(study.write(plan, len(series) + 1))
    return series


class _CtStudy:
    """What the series of one CT study share: patient on the table, range, scanner, clock."""

    def __init__(self, header: StudyHeader, item: ExamItem, folder: Path) -> None:
        self.header, self.folder, self.item = header, folder, item
        self.limb = item.region == "extremity"
        shapes: Sequence[Shape] = (
            (limbs.knee() if header.side == "L" else mirrored(limbs.knee()))
            if self.limb
            else body.whole_body(header.patient.sex)
        )
        top, bottom = (
            (_LIMB_RANGE_MM / 2, -_LIMB_RANGE_MM / 2) if self.limb else of_region(body.REGION_RANGES_MM, item.region)
        )
        least = (item.scan_range.min_coverage_mm or 0.0) if item.scan_range else 0.0
        length = max(top - bottom, least) + 2 * _MARGIN_MM
        self.range_mm = (min((top + bottom + length) / 2, _VERTEX_MM), (top + bottom - length) / 2)
        field, back = _FIELDS_MM.get(item.region, _TRUNK_FIELD_MM)
        self.field_mm = field
        self.center_y_mm = spine_y_mm((top + bottom) / 2) if item.region in ("lspine", "cspine") else back
        table_y = 66 if self.limb else 105 if item.region in ("head", "orbit", "sinus", "temporal_bone") else 124
        self.shapes: list[Shape] = [*body.couch(table_y, 0), *shapes]
        self.region = of_region(REGION_CODES, "knee" if self.limb else item.region)
        self.kvp = _tube_voltage(item)
        self.matrix = SMALL_MATRIX if header.size == "small" else 512

    def write_scout(self) -> SimulatedSeries:
        """A frontal localizer of the range and its surroundings."""
        top, bottom = self.range_mm
        size = 128 if self.header.size == "small" else 512
        length = max(top - bottom + 60, 256.0)
        grid = plane_grid(
            (0, self.center_y_mm, (top + bottom) / 2), (1, 0, 0), (0, 0, -1), (length, length), (size, size), 1, 1.0
        )
        path_lengths = attenuation_map(self.shapes, grid, attenuation(120), coarse_mm=6.0)
        pixels = np.clip(path_lengths * 180 - 200, -1024, 3071)
        keywords = self._common(Scan("plain", "plain"), acquisition=1, after_s=10) | {
            "ImageType": ("ORIGINAL", "PRIMARY", "LOCALIZER"),
            "SeriesDescription": f"Topogram {self.region.protocol} AP"
            if self.header.vendor.name == "siemens"
            else "Scout 定位像",
            "ConvolutionKernel": self.header.vendor.kernels["soft"],
            "SliceThickness": "0.6",
            "WindowCenter": 100,
            "WindowWidth": 800,
            "ScanOptions": "SCOUT MODE" if self.header.vendor.name == "ge" else None,
            "CTDIvol": 0.1,
            **plane_keywords(grid, 3),
        }
        return write_series(
            self.folder,
            self.header,
            "scout",
            1,
            keywords,
            [(self._slice_keywords(grid, 0, 1, 10.0), self._stored(pixels))],
            what="localizer",
        )

    def write(self, plan: CtSeries, number: int) -> SimulatedSeries:
        """One reconstruction or reformat."""
        grid = self._grid(plan)
        vendor, scan = self.header.vendor, plan.scan
        acquisition, after_s = self._clock(scan)
        derived = plan.view != "axial"
        words = {"coronal": "Cor", "sagittal": "Sag", "MIP": "MIP", "axial": ""}[plan.view]
        description = " ".join(
            word
            for word in (
                self.region.protocol,
                _WORDS[scan.token],
                f"{plan.thickness_mm:.1f}",
                vendor.kernels[plan.kernel],
                words,
            )
            if word
        )
        keywords = self._common(scan, acquisition, after_s) | {
            "ImageType": self._image_type(plan),
            "SeriesDescription": description,
            "SeriesTime": self.header.time(after_s + 15 + number),
            "ConvolutionKernel": vendor.kernels[plan.kernel],
            "SliceThickness": decimal_string(plan.thickness_mm),
            "SpacingBetweenSlices": decimal_string(plan.thickness_mm) if vendor.name in ("philips", "ge") else None,
            "ReconstructionDiameter": decimal_string(self.field_mm),
            "WindowCenter": _WINDOWS[plan.kernel][0],
            "WindowWidth": _WINDOWS[plan.kernel][1],
            "DerivationDescription": "multiplanar reformat" if derived and plan.view != "MIP" else None,
            **plane_keywords(grid, vendor.decimals),
        }
        return write_series(
            self.folder,
            self.header,
            f"{scan.token} {plan.kernel} {plan.view} {plan.thickness_mm}",
            number,
            keywords,
            self._instances(plan, grid, after_s),
            components=plan.components,
            what=f"{scan.token} {plan.kernel} {plan.view} {plan.thickness_mm:g} mm",
        )

    def _grid(self, plan: CtSeries) -> Grid:
        top, bottom = self.range_mm
        middle, length, field = (top + bottom) / 2, top - bottom, self.field_mm
        center = (0.0, self.center_y_mm, middle)
        if plan.view in ("axial", "MIP"):
            num_slices = int(np.ceil(length / plan.thickness_mm))
            return plane_grid(
                center, (1, 0, 0), (0, 1, 0), (field, field), (self.matrix,) * 2, num_slices, plan.thickness_mm
            )
        pixel = field / self.matrix
        rows = int(np.ceil(length / pixel))
        row_direction = (1, 0, 0) if plan.view == "coronal" else (0, 1, 0)
        depth = min(field * 0.55, 200)
        return plane_grid(
            center,
            row_direction,
            (0, 0, -1),
            (rows * pixel, field),
            (rows, self.matrix),
            int(depth / plan.thickness_mm),
            plan.thickness_mm,
        )

    def _instances(
        self, plan: CtSeries, grid: Grid, after_s: float
    ) -> Iterator[tuple[Mapping[str, Any], NDArray[Any]]]:
        rng = np.random.default_rng([self.header.seed, *map(ord, f"{plan.scan.token}{plan.kernel}{plan.view}")])
        noise_hu = noise_of(plan.kernel, plan.thickness_mm)
        if plan.view != "axial":
            noise_hu *= 0.7
        if not self.header.vendor.ascending:  # the first instance is the last along the normal
            grid = grid.reversed()
        index = 0
        for block in ct_blocks(self.shapes, grid, plan.scan.phase, plan.kernel, noise_hu, rng):
            for image in block:
                share = index / max(grid.slices - 1, 1)
                share = share if self.header.vendor.ascending else 1 - share
                yield self._slice_keywords(grid, index, index + 1, after_s + 4 * share), self._stored(image)
                index += 1

    def _slice_keywords(self, grid: Grid, index: int, number: int, after_s: float) -> dict[str, Any]:
        decimals = self.header.vendor.decimals
        return {
            "InstanceNumber": number,
            "ImagePositionPatient": [decimal_string(value, decimals) for value in grid.position_mm(index)],
            "SliceLocation": decimal_string(slice_location(grid, index), min(decimals, 3)),
            "AcquisitionTime": self.header.time(after_s),
            "ContentTime": self.header.time(after_s + 40),
        }

    def _stored(self, hu: NDArray[Any]) -> NDArray[Any]:
        vendor = self.header.vendor
        values = np.clip(np.rint(hu), -1024, 3071) - vendor.ct_intercept
        if vendor.ct_padding is not None and hu.shape[0] == hu.shape[1]:
            values[_outside_circle(hu.shape[0])] = vendor.ct_padding
        return np.asarray(values, np.int16 if vendor.ct_signed else np.uint16)

    def _image_type(self, plan: CtSeries) -> tuple[str, ...]:
        words = self.header.vendor.ct_words
        if plan.view == "axial":
            return ("ORIGINAL", "PRIMARY", "AXIAL", *words)
        if plan.view == "MIP":
            return ("DERIVED", "SECONDARY", "MIP")
        return (
            ("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE")
            if self.header.vendor.name == "ge"
            else ("DERIVED", "SECONDARY", "MPR")
        )

    def _clock(self, scan: Scan) -> tuple[int, float]:
        """AcquisitionNumber and seconds after the study's begin; injection starts at 150 s."""
        order = ["calcium_score", "plain", "pulmonary", "angio", "arterial", "portal", "delayed"]
        if scan.phase in DELAYS_S:
            return 2 + order.index(scan.phase), _INJECTION_S + DELAYS_S[scan.phase]
        return (2, 60.0) if scan.token == "calcium_score" else (3, 90.0)

    def _common(self, scan: Scan, acquisition: int, after_s: float) -> dict[str, Any]:
        header, vendor, item = self.header, self.header.vendor, self.item
        day = header.study_date
        seconds = 0.5
        current = {"head": 280}.get(item.region, 210)
        keywords = study_keywords(header, "CT", "CT01") | {
            "SOPClassUID": CT_IMAGE_STORAGE,
            "ManufacturerModelName": vendor.models["CT"],
            "SeriesDate": day,
            "SeriesTime": header.time(after_s),
            "AcquisitionDate": day,
            "ContentDate": day,
            "ProtocolName": _ANGIOGRAPHIES.get(item.id, f"{self.region.protocol}Routine"),
            "BodyPartExamined": self.region.body_part,
            "Laterality": header.side,
            "PatientPosition": "FFS" if self.limb else "HFS",
            "FrameOfReferenceUID": header.frame_of_reference_uid,
            "PositionReferenceIndicator": "",
            "AcquisitionNumber": acquisition,
            "IrradiationEventUID": header.uid("irradiation", acquisition),
            "KVP": decimal_string(self.kvp),
            "DataCollectionDiameter": decimal_string(500),
            "DistanceSourceToDetector": decimal_string(1085.6),
            "DistanceSourceToPatient": decimal_string(595),
            "GantryDetectorTilt": decimal_string(0),
            "TableHeight": decimal_string(150),
            "RotationDirection": "CW",
            "ExposureTime": int(seconds * 1000),
            "XRayTubeCurrent": current,
            "Exposure": int(current * seconds),
            "FilterType": "FLAT",
            "GeneratorPower": 42,
            "FocalSpots": decimal_string(1.2),
            "ScanOptions": vendor.ct_scan_options,
            "SpiralPitchFactor": 0.9,
            "RevolutionTime": seconds,
            "CTDIvol": _DOSES_MGY.get(item.region, 9.0),
            "RescaleIntercept": decimal_string(vendor.ct_intercept),
            "RescaleSlope": decimal_string(1),
            "RescaleType": "HU",
            "PixelPaddingValue": vendor.ct_padding,
            "BurnedInAnnotation": "NO",
        }
        if scan.gated:
            keywords |= {
                "ScanOptions": "CARDIAC_GATED",
                "HeartRate": 64,
                "TriggerTime": decimal_string(680),
                "NominalPercentageOfCardiacPhase": 75.0,
            }
        if scan.phase != "plain":
            keywords |= {
                "ContrastBolusAgent": "碘海醇 350",
                "ContrastBolusAgentSequence": [code("418294000", "Iohexol")],
                "ContrastBolusRoute": "IV",
                "ContrastBolusVolume": decimal_string(80),
                "ContrastBolusStartTime": header.time(_INJECTION_S),
                "ContrastBolusStopTime": header.time(_INJECTION_S + 24),
                "ContrastBolusTotalDose": decimal_string(80),
                "ContrastFlowRate": decimal_string(3.5),
                "ContrastFlowDuration": decimal_string(24),
                "ContrastBolusIngredient": "IODINE",
                "ContrastBolusIngredientConcentration": decimal_string(350),
            }
        return keywords


_INJECTION_S = 150.0


def _tube_voltage(item: ExamItem) -> float:
    low, high = item.kvp or (80, 140)
    if item.region in ("heart", "head_neck") or ((item.max_slice_mm or 5) <= 1.5 and item.region == "chest"):
        return min(max(100.0, low), high)
    return min(max(120.0, low), high)


def _outside_circle(size: int) -> NDArray[np.bool_]:
    offsets = (np.arange(size) - (size - 1) / 2) ** 2
    outside: NDArray[np.bool_] = offsets[:, None] + offsets[None, :] > (size / 2) ** 2
    return outside
