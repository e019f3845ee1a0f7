"""The organs of abdomen and pelvis, with the vessels that tell contrast phases apart, pelvic bones and hips."""

from qc_models.simulation.shapes import Shape, ellipsoid, mirrored, rod


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
