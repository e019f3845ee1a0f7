"""The head and neck: skull, brain, face, eyes, vessels, airway."""

from qc_models.simulation.shapes import Shape, disc, ellipsoid, mirrored, rod


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
