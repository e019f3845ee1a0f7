"""Limbs as analytic shapes: joints and long bones, hand and foot, each about its own origin, for the left side.

The limb's axis runs along z (distal below) with x to the patient's left and y to the back; a right limb is its mirror image.
"""

import itertools
import math

from qc_models.simulation.shapes import Point, Shape, ellipsoid, moved, rod


def _bone(start: Point, end: Point, radius: float, canal: float = 0.5) -> list[Shape]:
    """A shaft with its marrow canal."""
    return [rod("cortical", "muscle", start, end, radius), rod("fatty_marrow", "cortical", start, end, radius * canal)]


def _end(center: Point, semi: Point, cartilage: float = 0.0) -> list[Shape]:
    """A bone's end: thin shell, marrow within, cartilage around it."""
    a, b, c = semi
    shapes = [
        ellipsoid("cortical", "muscle", center, semi),
        ellipsoid("fatty_marrow", "cortical", center, (a - 1.2, b - 1.2, c - 1.2)),
    ]
    if cartilage:
        shapes.insert(0, ellipsoid("cartilage", "muscle", center, (a + cartilage, b + cartilage, c + cartilage)))
    return shapes


def _flesh(top: Point, bottom: Point, radius: float, fat: float = 6.0) -> list[Shape]:
    return [
        rod("skin", "air", top, bottom, radius),
        rod("fat", "skin", top, bottom, radius - 1.5),
        rod("muscle", "fat", top, bottom, radius - fat),
    ]


def knee() -> list[Shape]:
    """Knee joint: femur and tibia's ends, fibula, patella, menisci, ligaments; z = 0 is the joint space."""
    return [
        rod("skin", "air", (0, 4, -250), (0, 4, 250), 58, 62),
        rod("fat", "skin", (0, 4, -250), (0, 4, 250), 56, 60),
        ellipsoid("muscle", "fat", (0, 12, 130), (48, 52, 115)),
        rod("muscle", "fat", (0, 14, 80), (0, 14, 250), 46, 50),
        ellipsoid("muscle", "fat", (0, 22, -110), (46, 44, 95)),
        rod("muscle", "fat", (0, 22, -80), (0, 22, -250), 44, 40),
        ellipsoid("joint_fluid", "fat", (0, -26, 38), (15, 5, 24)),
        ellipsoid("fat", "muscle", (0, -30, -6), (18, 16, 14)),
        *_bone((0, 4, 55), (0, 2, 260), 14, 0.55),
        *_end((0, 2, 52), (30, 20, 38)),
        *_end((22, 8, 22), (18, 28, 20), 2.4),
        *_end((-22, 8, 22), (18, 28, 20), 2.4),
        ellipsoid("tendon", "cartilage", (25, 8, 0), (17, 22, 2.6)),
        ellipsoid("tendon", "cartilage", (-25, 8, 0), (17, 22, 2.6)),
        ellipsoid("cartilage", "muscle", (20, 6, 0), (11, 15, 2.2)),
        ellipsoid("cartilage", "muscle", (-20, 6, 0), (11, 15, 2.2)),
        *_end((0, 6, -18), (39, 27, 16), 1.5),
        *_bone((0, 4, -28), (0, 0, -260), 15, 0.5),
        *_end((0, 4, -40), (26, 20, 28)),
        *_end((38, 24, -36), (10, 10, 14)),
        *_bone((38, 24, -44), (36, 24, -260), 7, 0.45),
        *_end((0, -40, 24), (22, 10, 22), 1.5),
        rod("tendon", "fat", (0, -46, 46), (0, -36, 120), 4, 14),
        rod("tendon", "fat", (0, -44, 4), (0, -26, -52), 3, 12),
        rod("tendon", "joint_fluid", (8, -10, -2), (-4, 18, 24), 3.4),
        rod("tendon", "joint_fluid", (-4, 22, -8), (4, 2, 18), 4.4),
        rod("tendon", "muscle", (42, 6, 30), (40, 4, -30), 1.6, 8),
        rod("tendon", "muscle", (-42, 6, 30), (-40, 4, -30), 1.6, 8),
        rod("artery", "muscle", (4, 44, 160), (4, 40, -80), 3),
        rod("vein", "muscle", (-4, 46, 160), (-4, 42, -80), 3.6),
    ]


def thigh() -> list[Shape]:
    """The whole femur between hip and knee; z = 0 is its middle."""
    return [
        rod("skin", "air", (0, 6, -225), (4, 8, 240), 70, 72),
        rod("fat", "skin", (0, 6, -225), (4, 8, 240), 68, 70),
        rod("muscle", "fat", (0, 8, -190), (4, 10, 240), 56, 58),
        *moved(knee(), (0, 0, -220)),
        *_bone((0, 2, -60), (6, 0, 175), 14, 0.5),
        *_end((10, 4, 178), (17, 16, 26)),
        *_bone((8, 2, 180), (-36, 0, 212), 14, 0.85),
        *_end((-42, 0, 216), (24, 24, 24), 1.5),
    ]


def lower_leg() -> list[Shape]:
    """Tibia and fibula from the knee to the ankle; z = 0 is their middle."""
    return [
        rod("skin", "air", (0, 10, -180), (0, 10, 190), 46, 50),
        rod("fat", "skin", (0, 10, -180), (0, 10, 190), 44.5, 48.5),
        ellipsoid("muscle", "fat", (0, 20, 70), (42, 42, 140)),
        rod("muscle", "fat", (0, 14, -180), (0, 16, 100), 30, 32),
        *moved(knee(), (0, 0, 185)),
        *_bone((0, 0, -70), (0, 0, 130), 14, 0.5),
        *_bone((34, 18, -70), (38, 24, 130), 7, 0.45),
        *moved(ankle(), (0, 0, -180)),
    ]


def ankle() -> list[Shape]:
    """Ankle joint with hind foot; z = 0 is the joint space, toes point forward (-y)."""
    return [
        rod("skin", "air", (0, 8, 0), (0, 8, 190), 36, 42),
        rod("fat", "skin", (0, 8, 0), (0, 8, 190), 34.5, 40.5),
        rod("muscle", "fat", (0, 8, 10), (0, 10, 190), 26, 30),
        *foot_flesh(),
        *_bone((0, 0, 20), (0, 0, 195), 13, 0.5),
        *_end((0, 0, 14), (22, 18, 16), 1.2),
        *_end((-20, -2, -2), (6, 10, 13)),
        *_bone((22, 6, 10), (30, 14, 195), 6.5, 0.45),
        *_end((25, 6, -6), (7, 9, 18)),
        *_end((0, -6, -14), (18, 24, 12), 1.5),
        *calcaneus_bone(),
        rod("tendon", "fat", (0, 44, -30), (0, 34, 80), 6, 4),
        *midfoot(),
    ]


def foot_flesh() -> list[Shape]:
    """Soft parts of heel and foot."""
    return [
        ellipsoid("skin", "air", (0, 24, -40), (31, 36, 34)),
        ellipsoid("fat", "skin", (0, 24, -40), (29.5, 34.5, 32.5)),
        rod("skin", "air", (0, 20, -30), (4, -110, -48), 36, 26),
        rod("skin", "air", (4, -100, -48), (6, -165, -58), 44, 13),
        rod("muscle", "skin", (0, 20, -30), (4, -110, -48), 34, 24),
        rod("muscle", "skin", (4, -100, -48), (6, -163, -58), 42, 11),
    ]


def calcaneus_bone() -> list[Shape]:
    """The heel bone."""
    return [*_end((4, 26, -42), (17, 34, 17)), *_end((6, 0, -36), (14, 16, 11), 1.0)]


def midfoot() -> list[Shape]:
    """Tarsal bones, five metatarsals and toes."""
    shapes = [*_end((-4, -34, -24), (17, 9, 13), 1.0), *_end((18, -34, -36), (12, 14, 10), 1.0)]
    shapes += [shape for i in range(3) for shape in _end((-14 + 13 * i, -50, -30 - 4 * i), (6.5, 9, 10), 0.8)]
    for ray in range(5):
        x = -24 + 12 * ray
        thick = 7 if ray == 0 else 4.5
        start: Point = (-16 + 10 * ray, -60 + 2 * ray, -34 - 3 * ray)
        end: Point = (x, -118 + 5 * ray, -58)
        shapes += [*_bone(start, end, thick), *_end(end, (thick + 2, thick + 3, thick + 1.5), 0.8)]
        for i in range(2 if ray == 0 else 3):
            length = 22 if ray == 0 else (18, 10, 8)[i]
            a: Point = (x, end[1] - 6 - sum(([24, 22] if ray == 0 else [20, 12, 9])[:i]), -59)
            shapes += _bone(a, (x + 0.5, a[1] - length, -60), thick * 0.8 - i)
    return shapes


def elbow() -> list[Shape]:
    """Elbow joint, stretched; z = 0 is the joint space."""
    return [
        *_flesh((0, 0, 0), (0, 0, 230), 44, 8),
        *_flesh((0, 0, 10), (0, 0, -230), 40, 7),
        *_bone((0, 2, 40), (0, 0, 240), 11, 0.5),
        *_end((0, 0, 24), (24, 10, 20)),
        *_end((-14, 0, 11), (12, 12, 11), 1.2),
        *_end((14, 0, 11), (11, 11, 11), 1.2),
        *_end((-26, 2, 22), (7, 6, 9)),
        *_end((-12, 8, -2), (11, 12, 16), 1.0),
        *_end((-12, 17, 12), (9, 8, 18)),
        *_bone((-12, 6, -12), (-16, 4, -240), 7, 0.45),
        *_end((15, 0, -8), (11, 11, 7), 1.0),
        *_bone((15, 0, -12), (16, 2, -240), 6.5, 0.45),
    ]


def upper_arm() -> list[Shape]:
    """The whole humerus between shoulder and elbow; z = 0 is its middle."""
    return [
        *_flesh((0, 0, -160), (0, 0, 160), 48, 8),
        ellipsoid("skin", "air", (0, 0, 150), (62, 58, 50)),
        ellipsoid("fat", "skin", (0, 0, 150), (60, 56, 48)),
        ellipsoid("muscle", "fat", (0, 0, 150), (54, 50, 43)),
        *moved(elbow(), (0, 0, -150)),
        *_bone((0, 0, -60), (-2, 0, 130), 11.5, 0.55),
        *_end((-8, 0, 150), (24, 24, 24), 1.5),
        *_end((10, 0, 146), (12, 14, 18)),
    ]


def forearm() -> list[Shape]:
    """Radius and ulna from elbow to wrist; z = 0 is their middle."""
    return [
        *moved(elbow(), (0, 0, 125)),
        *_flesh((0, 0, -130), (0, 0, 125), 38, 7),
        *_bone((-13, 6, 90), (-16, 2, -110), 7, 0.45),
        *_bone((15, 0, 90), (14, 0, -105), 7, 0.45),
        *_end((-12, 8, 123), (11, 12, 16), 1.0),
        *_end((-14, 0, 136), (12, 12, 11), 1.2),
        *_end((14, 0, 136), (11, 11, 11), 1.2),
        *_bone((0, 2, 165), (0, 0, 240), 11, 0.5),
        *moved(wrist_bones(), (0, 0, -125)),
        *hand_flesh(-125),
    ]


def wrist_bones() -> list[Shape]:
    """Ends of radius and ulna, carpal bones, bases of the metacarpals; z = 0 is the joint space of the wrist."""
    shapes = [*_end((10, 0, 12), (16, 10, 13), 1.0), *_end((-16, 2, 14), (8, 8, 11), 0.8)]
    for i in range(4):
        shapes += _end((15 - 10 * i, 0, -8 - 2 * math.sin(i)), (6.5, 8, 6.5), 0.8)
        shapes += _end((17 - 10.5 * i, -1, -22), (6.2, 7.5, 6.8), 0.8)
    return shapes


def hand_flesh(wrist_z: float) -> list[Shape]:
    """Palm and finger soft parts below a wrist at `wrist_z`."""
    shapes = [
        rod("skin", "air", (0, 0, wrist_z - 5), (0, 0, wrist_z - 100), 42, 14),
        rod("muscle", "skin", (0, 0, wrist_z - 5), (0, 0, wrist_z - 100), 40.5, 12.5),
    ]
    for start, end, _ in _finger_rays():
        a: Point = (start[0], start[1], start[2] + wrist_z)
        b: Point = (end[0], end[1], end[2] + wrist_z)
        shapes += [rod("skin", "air", a, b, 9), rod("fat", "skin", a, b, 8.2)]
    return shapes


def _finger_rays() -> list[tuple[Point, Point, float]]:
    """From the base of each metacarpal to the finger's tip, with its bones' radius; the thumb first, on the radial side."""
    rays: list[tuple[Point, Point, float]] = [((24, -6, -30), (58, -10, -112), 5.5)]
    for i, length in enumerate((168, 178, 168, 142)):
        rays.append(((14 - 10 * i, 0, -30), (30 - 20 * i, 0, -30 - length), 4.6))
    return rays


def hand() -> list[Shape]:
    """The whole hand, palm to the front; z = 0 is the joint space of the wrist, fingers point down."""
    shapes = [*_flesh((0, 0, 90), (0, 0, -10), 32, 6), *hand_flesh(0)]
    shapes += [*_bone((10, 0, 20), (12, 0, 95), 7), *_bone((-14, 2, 20), (-14, 2, 95), 6), *wrist_bones()]
    for number, (start, end, radius) in enumerate(_finger_rays()):
        shares = (0.0, 0.47, 0.78, 1.0) if number == 0 else (0.0, 0.37, 0.63, 0.81, 1.0)
        for i, (a, b) in enumerate(itertools.pairwise(shares)):
            first, last = _between(start, end, a + 0.025), _between(start, end, b - 0.02)
            thin = radius * (1 - 0.12 * i)
            shapes += [
                *_bone(first, last, thin * 0.75),
                *_end(first, (thin * 1.15, thin, 5)),
                *_end(last, (thin, thin, 4)),
            ]
    return shapes


def _between(start: Point, end: Point, share: float) -> Point:
    return (
        start[0] + (end[0] - start[0]) * share,
        start[1] + (end[1] - start[1]) * share,
        start[2] + (end[2] - start[2]) * share,
    )
