"""Writes the radiographs of a simulated study as DX, CR, RG or MG: Beer-Lambert exposure, quantum noise, a display curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qc_models.exam_item import ExamItem
from qc_models.simulation.anatomy_codes import REGION_CODES, of_region
from qc_models.simulation.components import filled_components, wanted_tokens
from qc_models.simulation.decimal_strings import decimal_string
from qc_models.simulation.instance_writing import SimulatedSeries, StudyHeader, code, study_keywords, write_series
from qc_models.simulation.noise import WHITE, noise_field
from qc_models.simulation.projection import attenuation_map, enlarged
from qc_models.simulation.radiograph_anatomy import REGIONS, XrayRegion, xray_shapes
from qc_models.simulation.radiograph_views import WORDS, View, directions, view_of
from qc_models.simulation.shapes import Floats, Grid, plane_grid
from qc_models.simulation.tissues import attenuation

_SOP_CLASSES = {
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "RG": "1.2.840.10008.5.1.4.1.1.1",
}
_LIMB_SIDES = {"L": "左", "R": "右"}
_SMALL = 96  # pixels along the longer side
_BITS = 12
_QUANTA = 9000.0  # per pixel in the direct beam behind 2 attenuation lengths
# A marker of lead: 5×7 dots.
_LETTERS = {"L": ("10000",) * 6 + ("11111",), "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001")}


def write_radiographs(
    header: StudyHeader, item: ExamItem, folder: Path, omit: Sequence[str], include_optional: bool
) -> list[SimulatedSeries]:
    """Writes every view of an X-ray study below `folder`: a series a view, or all in one series where the vendor does so."""
    tokens, _ = wanted_tokens(item, omit, include_optional)
    study = _RadiographStudy(header, item)
    groups = [tokens] if header.vendor.one_series_of_views and tokens else [[token] for token in tokens]
    series = []
    for number, group in enumerate(groups, start=1):
        images = [study.image(token, tokens.index(token), place + 1) for place, token in enumerate(group)]
        series.append(
            write_series(
                folder,
                header,
                " ".join(group),
                number,
                study.common(),
                images,
                components=filled_components(item, group),
                what=", ".join(group),
            )
        )
    return series


class _RadiographStudy:
    """What the images of one X-ray study share."""

    def __init__(self, header: StudyHeader, item: ExamItem) -> None:
        self.header, self.item = header, item
        self.mammography = item.region == "breast"
        self.modality = "MG" if self.mammography else header.vendor.radiograph_modality
        self.side = header.side
        self.place: XrayRegion = of_region(REGIONS, "open_mouth" if item.required == ("OPEN_MOUTH",) else item.region)
        self.region = of_region(REGION_CODES, item.region)
        low, high = item.kvp or (60, 80)
        self.kvp = float(round((low + high) / 2))
        self.pitch_mm = 0.1 if self.mammography else header.vendor.detector_pitch_mm
        if item.region == "fullspine":
            self.pitch_mm = 0.2

    def image(self, token: str, order: int, number: int) -> tuple[Mapping[str, Any], NDArray[Any]]:
        """One radiograph: its own keywords and its pixels."""
        # Of the ribs, the side examined tells which oblique it is; of a limb every oblique is one.
        view = view_of(f"OBL:{self.side}" if token == "OBL" and self.item.region == "ribs" else token)
        side = token[-1] if token.startswith(("CC:", "MLO:")) else self.side
        grid, pitch_mm = self._grid(view)
        pixels = self._pixels(token, grid, side)
        if side is not None or not self.mammography:
            _mark(pixels, side or "R", self.mammography or side == "L")
        inverted = self.modality == "CR"
        after_s = 30.0 + 45 * order
        word = WORDS.get(token.partition(":")[0], view.position)
        sided = f"{side} " if side else ""
        own: dict[str, Any] = {
            "SeriesTime": self.header.time(30.0),
            "SeriesDescription": f"{self.region.protocol} {sided}{word} {_LIMB_SIDES.get(side or '', '')}{self.region.zh}{view.zh}",
            "InstanceNumber": number,
            "AcquisitionNumber": order + 1,
            "AcquisitionTime": self.header.time(after_s),
            "ContentTime": self.header.time(after_s + 4),
            "AcquisitionDeviceProcessingDescription": f"{self.region.body_part} {word}"[:64],
            "PatientOrientation": _patient_orientation(token, view, side),
            "ViewPosition": self._view_position(view),
            "ViewCodeSequence": [
                {**code(view.snomed, view.meaning), "ViewModifierCodeSequence": [] if self.mammography else None}
            ],
            "PositionerPrimaryAngle": ("0" if token.startswith("CC") else "45") if self.mammography else None,
            "Laterality": side if self.modality in ("CR", "RG") else None,
            "ImageLaterality": side or "U" if self.modality in ("DX", "MG") else None,
            "ImagerPixelSpacing": [decimal_string(pitch_mm), decimal_string(pitch_mm)],
            "PhotometricInterpretation": "MONOCHROME1" if inverted else "MONOCHROME2",
            "PresentationLUTShape": "INVERSE" if inverted else "IDENTITY",
            **self._exposure(order),
        }
        return own, (2**_BITS - 1 - pixels if inverted else pixels).astype(np.uint16)

    def common(self) -> dict[str, Any]:
        """Keywords that all images of a series share."""
        header, vendor = self.header, self.header.vendor
        day = header.study_date
        keywords = study_keywords(header, self.modality, "DR01") | {
            "SOPClassUID": _SOP_CLASSES[self.modality],
            "ManufacturerModelName": vendor.models["MG" if self.mammography else "XR"],
            "SeriesDate": day,
            "AcquisitionDate": day,
            "ContentDate": day,
            "ProtocolName": self.region.protocol + ("Erect" if self.item.id.endswith("ERECT") else ""),
            "BodyPartExamined": self.region.body_part,
            "AnatomicRegionSequence": [code(self.region.snomed, self.region.meaning)],
            "ImageType": ("ORIGINAL", "PRIMARY", ""),
            "BitsStored": _BITS,
            "HighBit": _BITS - 1,
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
            "RescaleIntercept": "0",
            "RescaleSlope": "1",
            "RescaleType": "US",
            "PixelIntensityRelationship": "LOG",
            "PixelIntensityRelationshipSign": 1 if self.modality != "CR" else -1,
            "WindowCenter": str(2 ** (_BITS - 1)),
            "WindowWidth": str(2**_BITS),
            "DistanceSourceToDetector": decimal_string(self.place.sid_mm),
            "DistanceSourceToPatient": decimal_string(self.place.sid_mm - 60),
            "Grid": "NONE" if self.place.depth_mm < 400 else ["RECIPROCATING", "FOCUSED"],
            "FocalSpots": "0.3" if self.mammography else "0.6",
            "DetectorID": "FPD-7731",
        }
        if self.modality in ("DX", "MG"):
            keywords |= {
                "PresentationIntentType": "FOR PRESENTATION",
                "DetectorType": "DIRECT" if self.mammography else "SCINTILLATOR",
                "DetectorConfiguration": "AREA",
                "FieldOfViewShape": "RECTANGLE",
                "AcquisitionContextSequence": [],
                "ExposureControlMode": "AUTOMATIC",
                "PositionerType": "MAMMOGRAPHIC" if self.mammography else "NONE",
            }
        else:
            keywords |= {
                "PlateType": "ST-VI",
                "CassetteSize": "35CMX43CM" if self.place.field_mm[0] > 300 else "24CMX30CM",
            }
        if self.mammography:
            keywords |= {
                "OrganExposed": "BREAST",
                "BreastImplantPresent": "NO",
                "PartialView": "NO",
                "BodyPartThickness": "52",
                "CompressionForce": "98",
                "AnodeTargetMaterial": "TUNGSTEN",
                "FilterMaterial": "RHODIUM",
                "OrganDose": "0.0142",
            }
        return keywords

    def _grid(self, view: View) -> tuple[Grid, float]:
        width, height = self.place.lateral_field_mm if view.turn_deg >= 80 else self.place.field_mm
        pitch = self.pitch_mm
        matrix = round(height / pitch), round(width / pitch)
        if self.header.size == "small":
            pitch = max(height, width) / _SMALL
            matrix = round(height / pitch), round(width / pitch)
        row, column = directions(view)
        if self.item.region == "patella":
            row, column = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
        elif self.item.region == "foot" and view.turn_deg < 80:  # seen from above, toes up
            row, column = (row[0], 0.0, row[1]), (0.0, 1.0, 0.0)
        center = self.place.center_mm
        if self.side == "R":
            center = (-center[0], center[1], center[2])
        return plane_grid(center, row, column, (matrix[0] * pitch, matrix[1] * pitch), matrix, 1, 1.0), pitch

    def _pixels(self, token: str, grid: Grid, side: str | None) -> NDArray[np.uint16]:
        """Attenuation, quantum noise, logarithm and display curve; 12 bits, bone bright."""
        shapes = xray_shapes(
            self.item, token, self.header.patient.sex, side if not self.mammography else None, self.header.seed
        )
        lengths = _attenuation(shapes, grid, self.place, attenuation(self.kvp) * (2.2 if self.mammography else 1.0))
        if self.mammography and side == "R":
            lengths = lengths[:, ::-1]
        rng = np.random.default_rng([self.header.seed, *token.encode()])
        quanta = np.float32(_QUANTA) * np.exp(2 - lengths)
        noisy = lengths + noise_field(WHITE, lengths.shape, rng) / np.sqrt(np.maximum(quanta, 4))
        high = float(np.percentile(lengths[::8, ::8], 99.7)) * 1.06
        low = 0.6 * high if self.mammography else 0.05
        share = np.clip((noisy - low) / (high - low), 0, 1)
        curve = share * share * (3 - 2 * share) * 0.5 + share * 0.5
        return np.asarray(curve * (2**_BITS - 1), np.uint16)

    def _view_position(self, view: View) -> str:
        trunk = self.item.laterality == "no"
        return "LAT" if view.position == "LL" and not trunk else view.position

    def _exposure(self, order: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.header.seed, 613, order])
        target = 250.0 if self.place.depth_mm < 400 else 400.0
        index = target * float(rng.uniform(0.85, 1.18))
        milliamperes, seconds = (320, 0.008) if self.item.region == "chest" else (200, 0.05)
        return {
            "KVP": decimal_string(self.kvp),
            "XRayTubeCurrent": milliamperes,
            "ExposureTime": max(int(seconds * 1000), 1),
            "Exposure": max(int(milliamperes * seconds), 1),
            "ExposureInuAs": int(milliamperes * seconds * 1000),
            "ExposureIndex": decimal_string(index, 1),
            "TargetExposureIndex": decimal_string(target, 1),
            "DeviationIndex": decimal_string(10 * float(np.log10(index / target)), 1),
            "RelativeXRayExposure": int(index),
            "Sensitivity": decimal_string(200 * target / index, 1) if self.modality == "CR" else None,
        }


def _attenuation(shapes: Sequence[Any], grid: Grid, place: XrayRegion, table: Floats) -> Floats:
    """Large images are projected at half their matrix and enlarged: anatomy has no finer detail than that, noise has."""
    if grid.rows * grid.columns < 1_500_000:
        return attenuation_map(shapes, grid, table, place.coarse_mm, place.depth_mm)
    matrix = (grid.rows // 2, grid.columns // 2)
    half = plane_grid(grid.center_mm, grid.row_step_mm, grid.column_step_mm, grid.field_mm, matrix, 1, 1.0)
    return enlarged(attenuation_map(shapes, half, table, place.coarse_mm, place.depth_mm), (grid.rows, grid.columns))


def _mark(pixels: NDArray[np.uint16], letter: str, right_edge: bool) -> None:
    """Puts the lead letter of a side into an upper corner, on the patient's side of it."""
    rows, columns = pixels.shape
    dot = max(min(rows, columns) // 120, 1)
    glyph = np.kron(
        np.array([[int(bit) for bit in line] for line in _LETTERS[letter]], bool), np.ones((dot, dot), bool)
    )
    top, left = rows // 25, columns - glyph.shape[1] - columns // 25 if right_edge else columns // 25
    part = pixels[top : top + glyph.shape[0], left : left + glyph.shape[1]]
    part[glyph[: part.shape[0], : part.shape[1]]] = 2**_BITS - 1


def _patient_orientation(token: str, view: View, side: str | None) -> list[str]:
    if token.startswith("CC"):
        return ["A", "R"] if side == "L" else ["P", "L"]
    if token.startswith("MLO"):
        return ["A", "FR"] if side == "L" else ["P", "FL"]
    if view.turn_deg >= 80:
        return ["P", "F"]
    return ["L", "F"]
