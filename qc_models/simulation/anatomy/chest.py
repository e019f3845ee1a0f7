"""The chest and shoulders: lungs, heart, great vessels, ribs, shoulder girdle, hanging arms."""

import itertools
import math

from qc_models.simulation.anatomy.spine import vertebra_center_mm
from qc_models.simulation.shapes import Point, Shape, ellipsoid, mirrored, rod


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
