"""Where the slices of an MR series lie: centre, field of view, number and thickness by region and plane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_models.exam_item import ExamItem
from qc_models.simulation.anatomy import body, limbs
from qc_models.simulation.anatomy_codes import of_region
from qc_models.simulation.mr_protocols import Protocol
from qc_models.simulation.shapes import Grid, Shape, mirrored, plane_grid


@dataclass(frozen=True)
class MrRegion:
    """Centre in mm, how far slices reach across x, y and z, the field of view, slice thickness and gap."""

    center_mm: tuple[float, float, float]
    reach_mm: tuple[float, float, float]
    field_mm: float
    thickness_mm: float
    gap_mm: float
    tilt_deg: float = 0.0  # of coronal and sagittal planes about z


REGIONS: dict[str, MrRegion] = {
    "head": MrRegion((0, 0, 767), (136, 166, 144), 240, 5.0, 1.0),
    "pituitary": MrRegion((0, -14, 752), (33, 36, 36), 180, 2.5, 0.25),
    "cspine": MrRegion((0, 32, 640), (40, 60, 140), 250, 3.0, 0.3),
    "tspine": MrRegion((0, 62, 442), (46, 70, 300), 350, 4.0, 0.4),
    "lspine": MrRegion((0, 52, 205), (60, 80, 215), 320, 4.0, 0.4),
    "abdomen": MrRegion((0, 6, 312), (300, 200, 230), 380, 6.0, 1.0),
    "pelvis": MrRegion((0, 10, 60), (130, 130, 160), 300, 5.0, 1.0),
    "prostate": MrRegion((0, 6, 40), (80, 80, 96), 200, 3.0, 0.0),
    "knee": MrRegion((0, 2, 0), (100, 100, 110), 160, 3.5, 0.4),
    "shoulder": MrRegion((172, 22, 536), (90, 90, 100), 170, 3.5, 0.4, 35.0),
    "hip": MrRegion((0, 8, 62), (290, 120, 140), 380, 5.0, 0.8),
}
_VOLUME_MM = {"TOF": 1.0, "SWI": 2.0, "MRCP": 1.6, "DYNAMIC": 3.0}
_TOF_REACH_MM = 96.0


def mr_shapes(item: ExamItem, sex: str, side: str | None) -> Sequence[Shape]:
    """The anatomy that a region's examination shows; a right limb is the mirror image of a left one."""
    if item.region == "knee":
        return mirrored(limbs.knee()) if side == "R" else limbs.knee()
    if item.region == "shoulder":
        shapes = body.whole_body(sex, arms_down=True)
        return mirrored(shapes) if side == "R" else shapes
    return body.whole_body(sex)


def mr_grid(item: ExamItem, plane: str, protocol: Protocol, matrix: int, side: str | None) -> tuple[Grid, float]:
    """The grid of a series and its slice thickness in mm."""
    region = of_region(REGIONS, item.region)
    center, field, tilt = np.array(region.center_mm), region.field_mm, math.radians(region.tilt_deg)
    if side == "R":
        center, tilt = center * (-1, 1, 1), -tilt
    thickness = min(region.thickness_mm, item.max_slice_mm or region.thickness_mm)
    gap = region.gap_mm
    if protocol.weight in _VOLUME_MM:
        thickness, gap = _VOLUME_MM[protocol.weight], 0.0
    reach = dict(zip(("SAG", "COR", "AX"), region.reach_mm, strict=True))[plane]
    if plane == "AX" and item.scan_range and item.scan_range.min_coverage_mm:
        reach = max(reach, item.scan_range.min_coverage_mm + 20)
    if protocol.weight == "TOF":
        center, reach = np.array([0.0, 0.0, 756.0]), _TOF_REACH_MM
    if protocol.weight == "MRCP":
        center, reach = np.array([-20.0, 2.0, 318.0]), 90.0
    rows = {
        "AX": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        "COR": ((math.cos(tilt), -math.sin(tilt), 0.0), (0.0, 0.0, -1.0)),
        "SAG": ((math.sin(tilt), math.cos(tilt), 0.0), (0.0, 0.0, -1.0)),
    }[plane]
    if protocol.sequence == ("EP",):
        matrix = max(matrix // 2, 64)
    spacing = thickness + gap
    num_slices = math.ceil((reach - thickness) / spacing) + 1
    return plane_grid(
        center.tolist(), rows[0], rows[1], (field, field), (matrix, matrix), num_slices, spacing
    ), thickness


def projection_grids(item: ExamItem, matrix: int, images: int = 6) -> list[Grid]:
    """Coarse volumes about the region's centre, turned about z, to be seen from the front round to the side."""
    region = of_region(REGIONS, item.region)
    center = (0.0, 0.0, 756.0) if item.region == "head" else (-20.0, 2.0, 318.0)
    field = min(region.field_mm, 220.0)
    grids = []
    for i in range(images):
        angle = math.pi * i / images
        row = (math.cos(angle), math.sin(angle), 0.0)
        grids.append(plane_grid(center, row, (0, 0, -1), (field, field), (matrix, matrix), 70, 2.0))
    return grids
