"""The spine: where its vertebrae lie, and their bodies, arches, discs, canal and cord."""

import math

from qc_models.simulation.shapes import Point, Shape, disc, ellipsoid, mirrored, rod

_CERVICAL_TOP, _CERVICAL_STEP = 706.0, 17.5
_THORACIC_TOP, _THORACIC_STEP = 583.0, 22.5
_LUMBAR_TOP, _LUMBAR_STEP = 313.0, 36.0


def vertebra_center_mm(name: str) -> Point:
    """The centre of a vertebral body: C1-C7, T1-T12, L1-L5, S1."""
    number = int(name[1:])
    if name[0] == "C":
        z = _CERVICAL_TOP - (number - 0.5) * _CERVICAL_STEP
    elif name[0] == "T":
        z = _THORACIC_TOP - (number - 0.5) * _THORACIC_STEP
    elif name[0] == "L":
        z = _LUMBAR_TOP - (number - 0.5) * _LUMBAR_STEP
    else:
        z = _LUMBAR_TOP - 5 * _LUMBAR_STEP - (number - 0.5) * 30
    return (0.0, spine_y_mm(z), z)


def spine_y_mm(z: float) -> float:
    """How far back the vertebral bodies lie: lordosis of neck and loin, kyphosis of the chest, a sacrum that runs backwards."""
    if z < 133:
        return 48 + (133 - z) * 0.45
    waves = 24 * math.cos((z - 430) / 290 * math.pi) if z > 285 else 24 * math.cos((430 - 285) / 290 * math.pi)
    lumbar = -16 * math.sin((z - 133) / 152 * math.pi) if z < 285 else 0
    return 48 + waves + lumbar


def spine() -> list[Shape]:
    """Vertebrae C1 to S5 and coccyx with discs, processes, canal, cord and cauda equina."""
    shapes: list[Shape] = []
    names = [f"C{i}" for i in range(1, 8)] + [f"T{i}" for i in range(1, 13)] + [f"L{i}" for i in range(1, 6)]
    for name in names:
        x, y, z = vertebra_center_mm(name)
        half_width, half_depth, step = {
            "C": (12, 9, _CERVICAL_STEP),
            "T": (15, 14, _THORACIC_STEP),
            "L": (23, 17, _LUMBAR_STEP),
        }[name[0]]
        body = step * 0.38
        arch = y + half_depth + 9
        shapes += [
            disc("cortical", "muscle", (x, y, z), (half_width, half_depth, body)),
            disc("marrow", "cortical", (x, y, z), (half_width - 1.2, half_depth - 1.2, body - 1.0)),
            disc("tendon", "muscle", (x, y, z - step / 2), (half_width, half_depth, step * 0.12)),
            disc("disc", "tendon", (x, y, z - step / 2), (half_width * 0.75, half_depth * 0.75, step * 0.115)),
            ellipsoid(
                "cortical", "muscle", (x, arch + 17, z - step * 0.2), (3.2, 15, step * 0.28), tilt_deg=(-18, 0, 0)
            ),
        ]
        sided = [
            rod(
                "cortical",
                "muscle",
                (half_width * 0.65, y + half_depth - 3, z + 2),
                (half_width * 0.75, arch + 6, z + 1),
                3.2,
                step * 0.2,
            ),
            rod("cortical", "muscle", (half_width * 0.75, arch + 5, z), (2, arch + 13, z - 1), 2.6, step * 0.24),
            rod(
                "cortical",
                "muscle",
                (half_width * 0.7, arch, z),
                (half_width + (16 if name[0] == "L" else 11), arch + 2, z),
                3.4,
                3.0,
            ),
        ]
        shapes += sided + mirrored(sided)
    for number in range(1, 6):
        z = 133 - (number - 0.5) * 22
        y = spine_y_mm(z)
        wide = 46 - 6 * number
        shapes += [
            ellipsoid("cortical", "muscle", (0, y, z), (wide, 17 - 1.6 * number, 13), tilt_deg=(25, 0, 0)),
            ellipsoid("marrow", "cortical", (0, y, z), (wide - 2, 15 - 1.6 * number, 11), tilt_deg=(25, 0, 0)),
        ]
    shapes += [
        ellipsoid("cortical", "muscle", (0, spine_y_mm(22) - 6 + 3 * i, 24 - 9 * i), (5, 4, 5)) for i in range(3)
    ]
    for i in range(48):  # the canal as short pieces that follow the curve; the cord ends at L1
        top = 712.0 - i * 12.0
        y = spine_y_mm(top - 6) + (17 if top > 583 else 22 if top > 313 else 25)
        width = 10 if top > 583 else 8.5 if top > 313 else 10
        next_y = spine_y_mm(top - 18) + (17 if top - 12 > 583 else 22 if top - 12 > 313 else 25)
        shapes.append(rod("csf", "muscle", (0, y, top), (0, next_y, top - 12.5), width, 7.5))
        if top > 300:
            shapes.append(rod("cord", "csf", (0, y, top), (0, next_y, top - 12.5), 6 if top > 583 else 4.5, 4.5))
        else:
            shapes.append(rod("cord", "csf", (0, y + 4, top), (0, next_y + 4, top - 12.5), 5, 1.6))
    return shapes
