"""An adult's head and trunk as analytic shapes: one coordinate system from the vertex to the thighs, arms raised.

x to the patient's left, y to the back, z to the head, in mm; z = 0 is the lower edge of the pubic symphysis.
"""

import itertools
import math

from qc_models.simulation.shapes import Point, Shape, disc, ellipsoid, mirrored, moved, rod

# Where the body's regions lie along z, cranial end first: what a scan of each must hold.
REGION_RANGES_MM: dict[str, tuple[float, float]] = {
    "head": (842, 698),
    "brain": (842, 698),
    "skull": (845, 690),
    "face": (790, 690),
    "orbit": (790, 745),
    "sinus": (795, 703),
    "nasal": (780, 730),
    "temporal_bone": (765, 718),
    "pituitary": (775, 735),
    "neck": (722, 560),
    "head_neck": (845, 500),
    "cspine": (722, 565),
    "chest": (612, 318),
    "ribs": (612, 300),
    "heart": (515, 385),
    "tspine": (600, 285),
    "abdomen": (418, 205),
    "abdomen_pelvis": (418, -12),
    "lspine": (340, 95),
    "pelvis": (222, -14),
    "sacrum": (170, 20),
    "prostate": (85, -5),
    "hip": (125, -40),
    "fullspine": (610, 30),
}

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


def head() -> list[Shape]:
    """Skull, brain, face and eyes."""
    return [
        ellipsoid("skin", "air", (0, 0, 770), (79, 98, 72)),
        ellipsoid("skin", "air", (0, -45, 722), (62, 62, 55)),
        ellipsoid("fat", "skin", (0, 0, 770), (77, 96, 70)),
        ellipsoid("muscle", "skin", (0, -42, 722), (58, 60, 52)),
        ellipsoid("cortical", "fat", (0, 0, 770), (74, 92, 67)),
        ellipsoid("marrow", "cortical", (0, 0, 770), (72, 90, 65)),
        ellipsoid("cortical", "marrow", (0, 0, 770), (70, 87, 63.5)),
        ellipsoid("csf", "cortical", (0, 0, 770), (68, 85, 62)),
        ellipsoid("brain_gm", "csf", (0, 0, 770), (65.5, 82, 60), ripple=(0.012, 17)),
        ellipsoid("brain_wm", "brain_gm", (29, 0, 772), (27, 66, 46), ripple=(0.09, 21)),
        ellipsoid("brain_wm", "brain_gm", (-29, 0, 772), (27, 66, 46), ripple=(0.09, 21)),
        ellipsoid("brain_wm", "brain_gm", (0, -2, 788), (22, 40, 6)),
        disc("csf", "brain_gm", (0, 0, 800), (1.6, 72, 26)),
        ellipsoid("brain_gm", "brain_wm", (21, 0, 770), (11, 20, 14)),
        ellipsoid("brain_gm", "brain_wm", (-21, 0, 770), (11, 20, 14)),
        ellipsoid("csf", "brain_wm", (11, -12, 781), (6, 30, 8), tilt_deg=(0, 0, 8)),
        ellipsoid("csf", "brain_wm", (-11, -12, 781), (6, 30, 8), tilt_deg=(0, 0, -8)),
        ellipsoid("choroid", "csf", (10, 8, 777), (2.4, 8, 2.4)),
        ellipsoid("choroid", "csf", (-10, 8, 777), (2.4, 8, 2.4)),
        ellipsoid("csf", "brain_gm", (0, 0, 766), (2.2, 14, 9)),
        # Posterior fossa: tentorium of CSF, cerebellum, brain stem, fourth ventricle.
        ellipsoid("brain_gm", "csf", (0, 45, 727), (46, 30, 21), ripple=(0.03, 9)),
        ellipsoid("brain_wm", "brain_gm", (0, 43, 727), (30, 18, 11), ripple=(0.05, 9)),
        disc("brain_wm", "csf", (0, 16, 722), (12, 11, 30)),
        ellipsoid("csf", "brain_wm", (0, 30, 728), (6, 4, 9)),
        # Skull base: petrous bones with air cells, clivus, sella with the pituitary gland.
        rod("dense_bone", "brain_gm", (16, 12, 733), (60, 34, 742), 9),
        rod("dense_bone", "brain_gm", (-16, 12, 733), (-60, 34, 742), 9),
        *[
            ellipsoid("gut_gas", "dense_bone", (s * (56 + i), 36 + 2 * i, 740 - 5 * i), (3, 3, 3))
            for s in (1, -1)
            for i in range(4)
        ],
        ellipsoid("gut_gas", "dense_bone", (70, 28, 738), (12, 2.4, 2.4)),
        ellipsoid("gut_gas", "dense_bone", (-70, 28, 738), (12, 2.4, 2.4)),
        ellipsoid("joint_fluid", "dense_bone", (44, 26, 740), (3, 1.5, 3)),
        ellipsoid("joint_fluid", "dense_bone", (-44, 26, 740), (3, 1.5, 3)),
        rod("marrow", "csf", (0, 2, 742), (0, 6, 706), 10, 6),
        disc("cortical", "muscle", (0, -32, 742), (46, 38, 2)),
        disc("cortical", "muscle", (0, -12, 748), (9, 9, 6)),
        ellipsoid("pituitary", "cortical", (0, -14, 752), (6.5, 4.5, 4.2)),
        rod("pituitary", "csf", (0, -13, 756), (0, -11, 764), 1.3),
        # Face: eyes, sinuses, nose, jaws, teeth.
        *_face(),
        # Arteries of the brain: carotid siphons, basilar artery, middle and anterior cerebral arteries; the sagittal sinus.
        *mirrored(_cerebral_arteries()),
        *_cerebral_arteries(),
        rod("artery", "csf", (0, 2, 712), (0, -2, 756), 1.8),
        ellipsoid("vein", "csf", (0, 5, 831), (3.5, 62, 3.5)),
        ellipsoid("vein", "csf", (0, 84, 772), (3.5, 3, 38)),
    ]


def _face() -> list[Shape]:
    one_side = [
        ellipsoid("fat", "muscle", (32, -72, 766), (18, 26, 17)),
        ellipsoid("eye", "fat", (32, -82, 766), (12, 12, 12)),
        ellipsoid("lens", "eye", (32, -92, 766), (4.5, 2, 4.5)),
        rod("cord", "fat", (31, -70, 766), (14, -38, 764), 2),
        ellipsoid("cortical", "muscle", (31, -66, 726), (18.5, 21, 18.5)),
        ellipsoid("gut_gas", "cortical", (31, -66, 726), (17, 19.5, 17)),
        ellipsoid("cortical", "muscle", (52, -58, 738), (5, 18, 5)),
        ellipsoid("cortical", "fat", (14, -84, 786), (13, 6, 9)),
        ellipsoid("gut_gas", "cortical", (14, -84, 786), (11.5, 4.5, 7.5)),
        rod("cortical", "muscle", (48, -20, 730), (44, -34, 690), 5, 12),
        rod("cortical", "muscle", (44, -34, 690), (8, -92, 686), 10, 5),
        *[
            ellipsoid("tooth", "muscle", (8 + 6 * i, -88 + 3.2 * i * i / 2, z), (3, 3.5, 5))
            for i in range(5)
            for z in (704, 693)
        ],
    ]
    return [
        *one_side,
        *mirrored(one_side),
        ellipsoid("gut_gas", "muscle", (0, -70, 742), (8, 22, 22)),
        disc("cortical", "gut_gas", (0, -68, 742), (0.8, 20, 20)),
        ellipsoid("gut_gas", "muscle", (0, -46, 760), (10, 16, 7)),
        ellipsoid("gut_gas", "muscle", (0, -26, 744), (8, 9, 6)),
        ellipsoid("skin", "air", (0, -104, 742), (9, 14, 17)),
        ellipsoid("cortical", "skin", (0, -97, 757), (3.5, 9, 8), tilt_deg=(25, 0, 0)),
        rod("gut_gas", "muscle", (0, -20, 738), (0, -16, 700), 8, 11),
    ]


def _cerebral_arteries() -> list[Shape]:
    return [
        rod("artery", "muscle", (20, 0, 700), (18, -6, 742), 2.4),
        rod("artery", "csf", (18, -6, 742), (9, -12, 757), 2.3),
        rod("artery", "csf", (9, -12, 757), (42, -18, 762), 1.6),
        rod("artery", "csf", (42, -18, 762), (52, 2, 778), 1.3),
        rod("artery", "csf", (9, -12, 757), (2, -30, 762), 1.4),
        rod("artery", "csf", (2, -30, 762), (2, -46, 786), 1.2),
        rod("artery", "csf", (1, -2, 756), (20, 20, 758), 1.4),
        rod("artery", "csf", (7, 4, 700), (0, 2, 713), 1.8),
    ]


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


def neck() -> list[Shape]:
    """Airway, thyroid, vessels and muscles of the neck; the shoulders' root."""
    one_side = [
        rod("muscle", "fat", (30, 10, 700), (26, -4, 580), 12, 9),
        rod("muscle", "fat", (26, 52, 705), (34, 58, 575), 20, 15),
        rod("artery", "fat", (20, 0, 700), (18, -8, 575), 3.4),
        rod("vein", "fat", (29, 4, 705), (25, -6, 575), 5.5),
        rod("artery", "muscle", (14, 26, 695), (16, 24, 590), 1.8),
        ellipsoid("gland", "fat", (14, -24, 606), (8, 8, 20)),
        ellipsoid("gland", "fat", (44, -18, 697), (10, 14, 13)),
    ]
    return [
        rod("skin", "air", (0, 18, 725), (0, 22, 570), 60, 62),
        rod("fat", "skin", (0, 18, 725), (0, 22, 570), 58, 60),
        rod("muscle", "fat", (0, 22, 722), (0, 24, 570), 50, 50),
        *one_side,
        *mirrored(one_side),
        rod("cartilage", "muscle", (0, -22, 652), (0, -22, 628), 16, 14),
        rod("gut_gas", "muscle", (0, -16, 702), (0, -20, 640), 11, 8),
        rod("gut_gas", "muscle", (0, -20, 640), (0, -14, 575), 8, 8),
        ellipsoid("gland", "muscle", (0, -30, 600), (10, 4, 8)),
    ]


def torso() -> list[Shape]:
    """The trunk's outline, its muscles, the fat of the belly."""
    return [
        *(rod("skin", "air", (x, 12, 0), (x, 12, -200), 86) for x in (-100, 100)),
        ellipsoid("skin", "air", (0, 22, 548), (200, 88, 66)),
        ellipsoid("skin", "air", (0, 6, 480), (172, 114, 135)),
        rod("skin", "air", (0, 6, 490), (0, 6, -60), 172, 114),
        ellipsoid("skin", "air", (0, 14, 60), (190, 118, 150)),
        *(rod("fat", "skin", (x, 12, 0), (x, 12, -200), 84) for x in (-100, 100)),
        ellipsoid("fat", "skin", (0, 22, 548), (198, 86, 64)),
        ellipsoid("fat", "skin", (0, 6, 480), (170, 112, 133)),
        rod("fat", "skin", (0, 6, 490), (0, 6, -60), 170, 112),
        ellipsoid("fat", "skin", (0, 14, 60), (188, 116, 148)),
        *(rod("muscle", "fat", (x, 12, 0), (x, 12, -200), 74) for x in (-100, 100)),
        ellipsoid("muscle", "fat", (0, 24, 548), (188, 76, 56)),
        ellipsoid("muscle", "fat", (0, 10, 480), (154, 98, 125)),
        rod("muscle", "fat", (0, 10, 490), (0, 10, -60), 154, 98),
        ellipsoid("muscle", "fat", (0, 14, 50), (165, 100, 125)),
        ellipsoid("fat", "muscle", (0, -20, 195), (134, 64, 190)),
    ]


def thorax() -> list[Shape]:
    """Lungs, heart, great vessels, ribs and breast bone."""
    shapes = [
        ellipsoid("fat", "muscle", (0, -8, 470), (52, 78, 140)),
        ellipsoid("lung", "muscle", (72, 2, 470), (58, 82, 138)),
        ellipsoid("lung", "muscle", (-72, 2, 465), (60, 82, 140)),
        # The diaphragm's domes push liver and spleen into the lungs' lower ends.
        ellipsoid("muscle", "lung", (-70, -4, 325), (66, 86, 76)),
        ellipsoid("muscle", "lung", (70, 2, 320), (62, 86, 68)),
        ellipsoid("muscle", "fat", (0, -10, 330), (60, 80, 58)),
        ellipsoid("myocardium", "lung", (26, -28, 432), (54, 46, 54), tilt_deg=(0, -25, 0)),
        ellipsoid("left_heart", "myocardium", (42, -26, 428), (28, 28, 36), tilt_deg=(0, -25, 0)),
        ellipsoid("left_heart", "myocardium", (14, 6, 448), (32, 16, 20)),
        ellipsoid("right_heart", "myocardium", (8, -46, 424), (34, 20, 34)),
        ellipsoid("right_heart", "myocardium", (-28, -18, 432), (20, 26, 30)),
        rod("artery", "fat", (6, -12, 450), (-14, -26, 505), 15),
        rod("artery", "fat", (-14, -26, 505), (8, 0, 528), 14),
        rod("artery", "fat", (8, 0, 528), (22, 34, 510), 13),
        rod("artery", "fat", (22, 34, 512), (16, 40, 340), 12),
        rod("artery", "fat", (2, -6, 528), (16, -8, 580), 4),
        rod("artery", "fat", (-8, -14, 524), (-18, -8, 580), 5),
        rod("pulmonary_artery", "fat", (20, -36, 462), (16, -18, 492), 14),
        rod("pulmonary_artery", "fat", (16, -14, 490), (-38, -6, 486), 10),
        rod("pulmonary_artery", "fat", (18, -12, 490), (50, 6, 492), 10),
        rod("vein", "fat", (-22, -16, 560), (-24, -14, 455), 9),
        rod("gut_gas", "fat", (0, -14, 576), (0, 4, 502), 9),
        rod("gut_gas", "fat", (0, 4, 504), (32, 12, 478), 6),
        rod("gut_gas", "fat", (0, 4, 504), (-28, 12, 482), 7),
        rod("gut", "fat", (2, 22, 570), (10, 22, 400), 7),
        rod("cortical", "muscle", (0, -88, 552), (0, -94, 400), 18, 5),
        rod("marrow", "cortical", (0, -88, 550), (0, -94, 402), 16, 3),
    ]
    one_side = _ribs() + _lung_vessels() + _shoulder_girdle()
    return shapes + one_side + mirrored(one_side)


def _ribs() -> list[Shape]:
    shapes: list[Shape] = []
    for number in range(1, 13):
        _, y, z = vertebra_center_mm(f"T{number}")
        width = 62 + 19 * min(number, 6) ** 0.85 if number < 7 else 158 - 2 * (number - 7)
        width, depth = min(width, 140), 56 + 5.5 * min(number, 7)
        last = 16 if number < 8 else 30 - 2 * number  # the lower ribs are shorter
        drop = 40 + 4 * number
        points: list[Point] = []
        for i in range(last + 1):
            angle = math.radians(112 - 12 * i)
            share = i / 16
            points.append(
                (
                    max(width * math.cos(angle - 0.35), 24 if i < 3 else 20),
                    6 + depth * math.sin(angle),
                    z - drop * share**1.2,
                )
            )
        points[0] = (18, y + 16, z)
        shapes += [rod("cortical", "muscle", a, b, 4.2, 6.4) for a, b in itertools.pairwise(points)]
        shapes += [rod("marrow", "cortical", a, b, 2.6, 4.6) for a, b in itertools.pairwise(points)]
    return shapes


def _lung_vessels() -> list[Shape]:
    shapes = []
    for i in range(9):
        angle = math.radians(-100 + 25 * i)
        start: Point = (36, 4, 484)
        middle: Point = (66 + 8 * (i % 2), 4 + 14 * math.sin(2.1 * i), 470 + 46 * math.sin(angle))
        end: Point = (84 + 14 * math.cos(angle), 4 + 40 * math.sin(2.1 * i), 466 + 92 * math.sin(angle))
        shapes += [rod("pulmonary_artery", "lung", start, middle, 4), rod("pulmonary_artery", "lung", middle, end, 2.2)]
        tip: Point = (end[0] + 8, end[1] * 1.3, end[2] + 16 * math.sin(angle))
        shapes.append(rod("pulmonary_artery", "lung", end, tip, 1.3))
    return shapes


def _shoulder_girdle() -> list[Shape]:
    return [
        rod("cortical", "muscle", (12, -66, 560), (70, -48, 574), 6),
        rod("cortical", "muscle", (70, -48, 574), (150, 6, 588), 6),
        rod("marrow", "cortical", (14, -66, 560), (70, -48, 574), 4),
        rod("marrow", "cortical", (70, -48, 574), (148, 6, 588), 4),
        ellipsoid("cortical", "muscle", (112, 84, 520), (36, 4, 52), tilt_deg=(0, 0, 20)),
        rod("cortical", "muscle", (86, 94, 560), (152, 70, 582), 5),
    ]


def belly() -> list[Shape]:
    """Organs between diaphragm and pelvis, with the vessels that tell the contrast phases apart."""
    kidney = [
        ellipsoid("kidney", "fat", (66, 46, 280), (27, 24, 54), tilt_deg=(0, 10, 0)),
        ellipsoid("fat", "kidney", (56, 42, 280), (10, 12, 24), tilt_deg=(0, 10, 0)),
        ellipsoid("urine", "fat", (54, 42, 278), (6, 7, 14)),
        ellipsoid("adrenal", "fat", (42, 42, 342), (10, 3, 12), tilt_deg=(0, 0, 30)),
        ellipsoid("muscle", "fat", (40, 58, 230), (21, 22, 110)),
        rod("artery", "fat", (8, 20, 290), (44, 38, 284), 3),
        rod("vein", "fat", (8, 14, 288), (44, 34, 286), 4),
        ellipsoid("fat", "muscle", (84, 44, 285), (36, 34, 62)),
    ]
    order = [kidney[-1], *kidney[:-1]]
    loops = [
        ellipsoid("gut", "fat", (x, y, z), (17, 15, 16), ripple=(0.05, 9))
        for x, y, z in [
            (-40, -30, 180),
            (0, -36, 170),
            (38, -32, 185),
            (-20, -18, 140),
            (24, -14, 145),
            (60, -20, 140),
            (-62, -16, 150),
            (0, -20, 205),
        ]
    ]
    colon = [
        rod("gut", "fat", (-104, 6, 120), (-104, -6, 230), 18),
        rod("gut", "fat", (-100, -34, 232), (96, -40, 240), 15),
        rod("gut", "fat", (106, 6, 235), (106, 8, 130), 14),
        rod("gut_gas", "gut", (-104, -2, 140), (-104, -8, 220), 8),
        rod("gut_gas", "gut", (-70, -42, 236), (70, -46, 240), 7),
        rod("gut_gas", "gut", (106, -1, 225), (106, 2, 150), 6),
    ]
    return [
        *order,
        *mirrored(order),
        ellipsoid("liver", "muscle", (-66, -6, 330), (68, 82, 72)),
        ellipsoid("liver", "muscle", (-4, -34, 348), (62, 42, 36)),
        ellipsoid("spleen", "muscle", (98, 36, 338), (24, 40, 46), tilt_deg=(20, 0, 0)),
        ellipsoid("gut", "muscle", (58, -24, 338), (36, 42, 46)),
        ellipsoid("gut_gas", "gut", (58, -44, 346), (20, 16, 22)),
        *loops,
        *colon,
        ellipsoid("bile", "liver", (-42, -52, 286), (13, 16, 26)),
        rod("pancreas", "fat", (-26, -4, 276), (10, -10, 296), 12, 10),
        rod("pancreas", "fat", (10, -10, 296), (76, 24, 316), 9, 8),
        rod("bile", "pancreas", (-22, -6, 276), (70, 20, 313), 1.4),
        rod("bile", "liver", (-30, -10, 332), (-24, -4, 270), 3.2),
        rod("bile", "liver", (-30, -10, 332), (-70, -20, 356), 2.2),
        rod("bile", "liver", (-30, -10, 332), (10, -34, 356), 2.0),
        rod("bile", "liver", (-70, -20, 356), (-100, -16, 372), 1.5),
        rod("bile", "liver", (-70, -20, 356), (-96, 20, 344), 1.5),
        rod("artery", "fat", (4, 20, 352), (2, 20, 195), 9.5),
        rod("vein", "fat", (-22, 18, 400), (-20, 18, 195), 11),
        rod("portal_vein", "fat", (4, -4, 290), (-36, -4, 330), 7),
        rod("portal_vein", "liver", (-36, -4, 330), (-90, -2, 340), 5),
        rod("portal_vein", "fat", (4, -4, 290), (0, -12, 230), 5),
        rod("portal_vein", "fat", (4, -4, 292), (86, 28, 320), 4),
        rod("vein", "liver", (-24, 14, 392), (-80, -10, 366), 4),
        rod("vein", "liver", (-22, 10, 392), (-40, -40, 368), 3.5),
        rod("artery", "fat", (2, 12, 310), (0, -18, 240), 3.4),
    ]


def pelvis(sex: str) -> list[Shape]:
    """Pelvic bones, hips, thighs, bladder, rectum and what the sex brings."""
    bones = [
        ellipsoid("cortical", "muscle", (92, 38, 150), (12, 60, 66), tilt_deg=(0, 14, -28)),
        ellipsoid("marrow", "cortical", (92, 38, 150), (9.5, 57, 63), tilt_deg=(0, 14, -28)),
        ellipsoid("cortical", "muscle", (86, 10, 74), (36, 38, 40)),
        ellipsoid("marrow", "cortical", (86, 10, 74), (33, 35, 37)),
        rod("cortical", "muscle", (66, -10, 62), (8, -52, 26), 11, 9),
        rod("marrow", "cortical", (66, -10, 62), (9, -52, 26), 8.5, 6.5),
        rod("cortical", "muscle", (70, 34, 50), (56, 34, -8), 15, 13),
        rod("marrow", "cortical", (70, 34, 50), (56, 34, -7), 12, 10),
        rod("cortical", "muscle", (54, 26, -4), (10, -44, 8), 9, 7),
        ellipsoid("cartilage", "marrow", (96, 6, 68), (27, 27, 27)),
        ellipsoid("cortical", "cartilage", (97, 6, 67), (25, 25, 25)),
        ellipsoid("fatty_marrow", "cortical", (97, 6, 67), (23.6, 23.6, 23.6)),
        rod("cortical", "muscle", (104, 6, 62), (144, 12, 24), 15),
        rod("fatty_marrow", "cortical", (104, 6, 62), (143, 12, 25), 13),
        ellipsoid("cortical", "muscle", (154, 16, 36), (16, 18, 24)),
        ellipsoid("fatty_marrow", "cortical", (154, 16, 36), (14.5, 16.5, 22.5)),
        rod("cortical", "muscle", (147, 12, 30), (132, 10, -160), 15.5),
        rod("fatty_marrow", "cortical", (147, 12, 30), (132, 10, -160), 9),
        ellipsoid("muscle", "fat", (98, 92, 70), (58, 24, 66)),
        rod("artery", "fat", (30, -20, 120), (72, -58, 40), 4.6),
        rod("vein", "fat", (26, -10, 120), (62, -54, 40), 5.5),
        rod("artery", "fat", (2, 20, 196), (30, -20, 120), 5.5),
        rod("vein", "fat", (-20, 18, 196), (26, -10, 120), 6),
    ]
    bladder_z = 62
    shapes = [
        ellipsoid("fat", "muscle", (0, 8, 78), (64, 60, 80)),
        *bones,
        *mirrored(bones),
        rod("tendon", "muscle", (0, -54, 36), (0, -52, 6), 4, 12),
        ellipsoid("muscle", "fat", (0, -28, bladder_z), (41, 33, 31)),
        ellipsoid("urine", "muscle", (0, -28, bladder_z), (38, 30, 28)),
        rod("gut", "fat", (0, 62, 110), (0, 46, 0), 15),
        rod("gut_gas", "gut", (0, 60, 100), (0, 50, 40), 5),
    ]
    if sex == "F":
        return shapes + [
            ellipsoid("uterus", "fat", (0, 4, 92), (26, 30, 22), tilt_deg=(30, 0, 0)),
            ellipsoid("endometrium", "uterus", (0, 4, 93), (10, 20, 4), tilt_deg=(30, 0, 0)),
            ellipsoid("ovary", "fat", (40, 18, 96), (11, 10, 14)),
            ellipsoid("ovary", "fat", (-40, 18, 96), (11, 10, 14)),
            rod("uterus", "fat", (0, 22, 70), (0, 26, 30), 12, 9),
        ]
    return shapes + [
        ellipsoid("prostate_pz", "fat", (0, 4, 24), (25, 18, 19)),
        ellipsoid("prostate_tz", "prostate_pz", (0, -1, 28), (17, 12, 14), ripple=(0.05, 8)),
        ellipsoid("joint_fluid", "fat", (16, 20, 46), (14, 5, 6), tilt_deg=(0, 20, 0)),
        ellipsoid("joint_fluid", "fat", (-16, 20, 46), (14, 5, 6), tilt_deg=(0, -20, 0)),
    ]


def hanging_arm() -> list[Shape]:
    """The left shoulder joint with the arm beside the body, for examinations of the shoulder."""
    return [
        ellipsoid("skin", "air", (172, 22, 535), (66, 66, 62)),
        rod("skin", "air", (190, 20, 530), (215, 20, 260), 52, 50),
        ellipsoid("fat", "skin", (172, 22, 535), (64, 64, 60)),
        rod("fat", "skin", (190, 20, 530), (215, 20, 260), 50, 48),
        ellipsoid("muscle", "fat", (172, 22, 530), (58, 56, 56)),
        rod("muscle", "fat", (190, 20, 530), (215, 20, 260), 43, 41),
        ellipsoid("cortical", "muscle", (142, 30, 535), (9, 12, 19)),
        ellipsoid("marrow", "cortical", (142, 30, 535), (7, 10, 17)),
        ellipsoid("cartilage", "muscle", (175, 22, 540), (26.5, 26.5, 26.5)),
        ellipsoid("cortical", "cartilage", (175, 22, 540), (24.5, 24.5, 24.5)),
        ellipsoid("fatty_marrow", "cortical", (175, 22, 540), (23.5, 23.5, 23.5)),
        rod("cortical", "muscle", (182, 22, 530), (208, 22, 260), 12),
        rod("fatty_marrow", "cortical", (182, 22, 530), (208, 22, 260), 7),
        rod("tendon", "muscle", (110, 40, 572), (190, 20, 566), 3.5, 9),
        ellipsoid("joint_fluid", "muscle", (160, 30, 516), (7, 9, 6)),
        ellipsoid("cortical", "muscle", (158, 22, 586), (22, 18, 5)),
        ellipsoid("marrow", "cortical", (158, 22, 586), (20, 16, 3.2)),
        rod("cortical", "muscle", (138, 14, 570), (150, -14, 552), 6),
    ]


def whole_body(sex: str, arms_down: bool = False) -> list[Shape]:
    """Head and trunk; with `arms_down` both arms hang beside the chest."""
    arms = hanging_arm()
    return [
        *torso(),
        *neck(),
        *head(),
        *thorax(),
        *belly(),
        *pelvis(sex),
        *spine(),
        *([*arms, *mirrored(arms)] if arms_down else []),
    ]


def couch(y_mm: float, z_mm: float) -> list[Shape]:
    """A scanner's table below the patient, as long as any scan."""
    return moved(
        [
            disc("couch_skin", "air", (0, 8, 0), (215, 14, 2000)),
            disc("couch", "couch_skin", (0, 9, 0), (213, 12, 2000)),
        ],
        (0, y_mm, z_mm),
    )
