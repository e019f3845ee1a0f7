"""What a radiograph of each region shows: its anatomy, where the beam is centred, how large the field is, and the breast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_models.exam_item import ExamItem
from qc_models.simulation.anatomy import body, limbs
from qc_models.simulation.shapes import Point, Shape, disc, ellipsoid, mirrored, rod


@dataclass(frozen=True)
class XrayRegion:
    """Centre in mm, field (width, height) of frontal and lateral views in mm, source to detector distance, tube voltage default."""

    center_mm: Point
    field_mm: tuple[float, float]
    lateral_field_mm: tuple[float, float]
    sid_mm: float = 1100.0
    depth_mm: float = 420.0
    coarse_mm: float = 2.5


_LIMB = {"depth_mm": 200.0, "coarse_mm": 1.2}

REGIONS: dict[str, XrayRegion] = {
    "skull": XrayRegion((0, -6, 762), (220, 270), (250, 250)),
    "sinus": XrayRegion((0, -50, 745), (190, 220), (200, 220)),
    "nasal": XrayRegion((0, -90, 752), (90, 110), (90, 110)),
    "open_mouth": XrayRegion((0, -10, 700), (110, 110), (110, 110)),
    "cspine": XrayRegion((0, 25, 648), (180, 230), (180, 240), 1500),
    "tspine": XrayRegion((0, 60, 440), (180, 400), (240, 400)),
    "lspine": XrayRegion((0, 55, 215), (220, 390), (240, 390)),
    "sacrum": XrayRegion((0, 85, 80), (220, 240), (200, 240)),
    "fullspine": XrayRegion((0, 30, 320), (350, 860), (350, 860), 1800),
    "chest": XrayRegion((0, 0, 455), (350, 400), (350, 400), 1800),
    "ribs": XrayRegion((40, 0, 440), (320, 400), (320, 400)),
    "clavicle": XrayRegion((85, 0, 570), (220, 180), (220, 180)),
    "abdomen": XrayRegion((0, 0, 185), (350, 430), (350, 430)),
    "pelvis": XrayRegion((0, 0, 85), (400, 330), (400, 330)),
    "hip": XrayRegion((105, 5, 40), (200, 260), (200, 260)),
    "shoulder": XrayRegion((150, 15, 530), (220, 260), (220, 260)),
    "humerus": XrayRegion((0, 0, 0), (180, 420), (180, 420), **_LIMB),
    "elbow": XrayRegion((0, 0, 0), (160, 230), (160, 230), **_LIMB),
    "forearm": XrayRegion((0, 0, 0), (160, 400), (160, 400), **_LIMB),
    "wrist": XrayRegion((0, 0, -6), (150, 200), (130, 200), **_LIMB),
    "hand": XrayRegion((4, 0, -85), (200, 280), (180, 280), **_LIMB),
    "femur": XrayRegion((0, 0, 0), (240, 480), (240, 480), **_LIMB),
    "knee": XrayRegion((0, 0, 0), (180, 240), (180, 240), **_LIMB),
    "patella": XrayRegion((0, -20, 24), (140, 120), (140, 120), **_LIMB),
    "tibia": XrayRegion((0, 0, 0), (200, 430), (200, 430), **_LIMB),
    "ankle": XrayRegion((0, 0, 10), (170, 220), (220, 220), **_LIMB),
    "foot": XrayRegion((4, -60, -40), (180, 290), (290, 180), 1000, 260, 1.2),
    "calcaneus": XrayRegion((4, 20, -30), (150, 150), (170, 150), **_LIMB),
    "breast": XrayRegion((0, 0, 0), (192, 230), (192, 230), 660, 64, 0.9),
}
_LIMBS = {
    "humerus": limbs.upper_arm,
    "elbow": limbs.elbow,
    "forearm": limbs.forearm,
    "wrist": limbs.hand,
    "hand": limbs.hand,
    "femur": limbs.thigh,
    "knee": limbs.knee,
    "tibia": limbs.lower_leg,
    "ankle": limbs.ankle,
    "calcaneus": limbs.ankle,
}


def xray_shapes(item: ExamItem, token: str, sex: str, side: str | None, seed: int) -> Sequence[Shape]:
    """The anatomy in the beam; for a right-sided examination the mirror image of the left."""
    if item.region == "breast":
        return breast(token, seed)
    shapes: Sequence[Shape]
    if item.region == "patella":
        shapes = [s for s in limbs.knee() if -5 < s.center_mm[2] < 45 and s.semi_axes_mm[2] < 40] + flesh_of_bent_knee()
    elif item.region == "foot":  # the lower leg is out of the beam
        shapes = [s for s in limbs.ankle() if s.center_mm[2] < 15]
    elif item.region in _LIMBS:
        shapes = _LIMBS[item.region]()
    else:
        shapes = body.whole_body(sex, arms_down=item.region == "shoulder")
    return mirrored(shapes) if side == "R" else shapes


def flesh_of_bent_knee() -> list[Shape]:
    """Soft parts that a tangential beam meets before and behind the patella."""
    return [ellipsoid("muscle", "air", (0, 4, 20), (58, 60, 30))]


def breast(token: str, seed: int) -> list[Shape]:
    """A compressed breast seen along y: chest wall at x = -96 mm, nipple towards +x, head up (+z); MLO shows pectoral muscle."""
    rng = np.random.default_rng([seed, 31, len(token)])
    half = 26.0
    lower = -10.0 if token.startswith("MLO") else 0.0
    shapes = [
        _slab("skin", (-96, 0, lower), (152, half, 92)),
        _slab("fat", (-96, 0, lower), (150, half - 1, 90)),
        ellipsoid("skin", "air", (56, 0, lower), (7, 5, 6)),
        ellipsoid("breast_gland", "fat", (-10, 0, lower), (58, 17, 52), ripple=(0.08, 17)),
    ]
    for _ in range(60):
        x, z = float(rng.uniform(-60, 30)), float(rng.uniform(-48, 48))
        size = float(rng.uniform(3, 11))
        shapes.append(
            ellipsoid(
                "fat" if rng.random() < 0.55 else "breast_gland",
                "fat",
                (x, float(rng.uniform(-14, 14)), z + lower),
                (size, size * 0.7, size),
            )
        )
    for i in range(9):
        shapes.append(
            rod(
                "breast_gland",
                "fat",
                (50, 0, lower),
                (-20 - 3 * i, float(rng.uniform(-12, 12)), lower + 11 * (i - 4)),
                1.6,
            )
        )
    if token.startswith("MLO"):
        shapes += [
            _slab("muscle", (-96, 6, 118), (72, 18, 150)),
            _slab("skin", (-96, 0, 108), (80, half, 40)),
            _slab("fat", (-96, 0, 108), (78, half - 1, 38)),
            _slab("muscle", (-96, 6, 118), (72, 18, 150)),
        ]
    return shapes


def _slab(tissue: str, center: Point, semi: Point) -> Shape:
    """An elliptic plate, flat across y; `semi` along x, y, z."""
    return disc(tissue, "air", center, (semi[0], semi[2], semi[1]), tilt_deg=(90, 0, 0))
