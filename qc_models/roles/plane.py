"""The anatomical plane of a stack, from its normal."""

import math

from qc_models.study import Vector
from qc_models.vocabulary import Plane

OBLIQUE_FROM_DEG = 35.0  # joints are planned up to this far off the body's axes
_BY_AXIS: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")


def plane_of(normal: Vector | None) -> Plane | None:
    """The plane whose axis (DICOM x, y or z) lies within 35° of the normal, else `oblique`; None without a normal."""
    if normal is None:
        return None
    steep = max(abs(value) for value in normal) < math.cos(math.radians(OBLIQUE_FROM_DEG))
    return "oblique" if steep else nearest_plane_of(normal)


def nearest_plane_of(normal: Vector | None) -> Plane | None:
    """The plane nearest to a normal, however oblique; None without a normal."""
    if normal is None:
        return None
    sizes = [abs(value) for value in normal]
    return _BY_AXIS[sizes.index(max(sizes))]
