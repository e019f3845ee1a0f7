"""The table of strengths: what a reader would call just visible, disturbing or non-diagnostic, and why.

Named by looking at real studies and pictures at the usual window: body CT at 400 HU, MR and radiographs at their own range. A
head at 80 HU shows noise, rings, bands and motion of a third of these strengths as well.
"""

from qc_models.simulation.pixel_defects.pixel_defect import StrengthLevels

STRENGTH_LEVELS: dict[str, StrengthLevels] = {
    "ct_noise": StrengthLevels(
        "HU added",
        12,
        35,
        100,
        "A body CT has 10 to 15 HU; at 35 the liver's vessels go, at 100 organs lose their edges.",
    ),
    "photon_starvation": StrengthLevels(
        "HU of streaks",
        12,
        35,
        100,
        "Streaks of the size of the noise show; at 35 they cross organs, at 100 hide them.",
    ),
    "ring": StrengthLevels(
        "HU",
        20,
        80,
        250,
        "A thin ring shows at about the noise; at 80 it reads as a wall, at 250 it leaves the window.",
    ),
    "metal_streak": StrengthLevels(
        "mm of titanium",
        1.5,
        5,
        12,
        "A clip, a pedicle screw, a hip stem: streaks beside it, across the slice, everywhere.",
    ),
    "beam_hardening": StrengthLevels(
        "HU of dark bands",
        10,
        35,
        100,
        "The band between petrous bones is 10 to 20 HU on good scanners; 35 passes for a lesion.",
    ),
    "ct_motion": StrengthLevels(
        "mm in half a turn",
        0.6,
        3,
        10,
        "Below a pixel only edges tell; 3 mm doubles vessels and gut walls, 10 mm all organs.",
    ),
    "fov_truncation": StrengthLevels(
        "share of the body cut",
        0.01,
        0.08,
        0.25,
        "1 % is a strip of skin, 8 % both flanks, 25 % reaches muscle and organs.",
    ),
    "mr_motion": StrengthLevels(
        "mm",
        0.6,
        2.5,
        8,
        "About a pixel shows as faint ringing; several pixels as doubled cortex; more hides grey and white.",
    ),
    "ghost": StrengthLevels(
        "ghost-to-signal ratio",
        0.05,
        0.15,
        0.4,
        "The ACR phantom test fails at 0.03; 0.15 crosses tissue, 0.4 imitates anatomy.",
    ),
    "wrap": StrengthLevels(
        "share of the body outside",
        0.05,
        0.2,
        0.45,
        "Skin on skin, then a fifth of the body, then nearly all overlaps.",
    ),
    "gibbs": StrengthLevels(
        "share of k-space left out",
        0.5,
        0.7,
        0.85,
        "Scanners interpolate twofold, so half is hardly missed; then lines, then blur.",
    ),
    "mr_noise": StrengthLevels(
        "1 / SNR of tissue",
        0.06,
        0.15,
        0.45,
        "SNR 20 is ordinary, 7 loses small structures, at 2 only outlines are left.",
    ),
    "spike": StrengthLevels(
        "share of tissue signal",
        0.06,
        0.2,
        0.7,
        "Stripes show against flat tissue from 5 %; at 70 % they are the brightest thing.",
    ),
    "zipper": StrengthLevels(
        "share of tissue signal",
        0.3,
        1,
        4,
        "Only in air, then through tissue, then so bright that the window is spoilt.",
    ),
    "bias_field": StrengthLevels(
        "(max − min) / (max + min)",
        0.25,
        0.55,
        0.9,
        "NEMA asks below 0.2; 0.55 is 3.4 to 1, at 0.9 (19 to 1) a part is black.",
    ),
    "fat_suppression_failure": StrengthLevels(
        "share of tissue signal",
        0.15,
        0.4,
        1,
        "Dark fat turns grey, then as bright as muscle, then as bright as oedema would be.",
    ),
    "xr_noise": StrengthLevels(
        "1 / √photons",
        0.04,
        0.12,
        0.35,
        "A right dose gives 0.025 a pixel; 0.12 is a twentieth of it, at 0.35 dense parts count none.",
    ),
    "under_exposure": StrengthLevels(
        "halvings of dose",
        0.4,
        1,
        2.5,
        "A deviation index of −1.2, −3 and −7.5 (IEC 62494-1; AAPM TG-116 has −3 repeated).",
    ),
    "over_exposure": StrengthLevels(
        "doublings of dose",
        0.7,
        1.7,
        3,
        "A deviation index of 2, 5 and 9 (AAPM TG-116: above 3 only if burnt through).",
    ),
    "double_exposure": StrengthLevels(
        "share of the first dose",
        0.03,
        0.12,
        0.7,
        "Skin passes ten times what bone does, so 3 % already shows as a shadow.",
    ),
    "xr_motion": StrengthLevels(
        "mm", 2, 6, 15, "Lung vessels and trabeculae are 1 to 2 mm; 6 mm smears ribs, 15 mm heart and diaphragm."
    ),
    "focal_blur": StrengthLevels(
        "mm of full width", 1.2, 3.5, 10, "Trabeculae go at 1 mm, cortex at 3, joint spaces at 10."
    ),
    "grid_lines": StrengthLevels(
        "share of the grey range",
        0.01,
        0.04,
        0.15,
        "The eye finds regular lines at 1 %; 4 % rivals lung markings, 15 % ribs.",
    ),
    "grid_cutoff": StrengthLevels(
        "share lost at the edge", 0.4, 0.8, 0.97, "0.4 is 0.7 halvings of dose at the edge, 0.8 is 2.3, 0.97 is 5."
    ),
    "dead_lines": StrengthLevels(
        "lines", 1, 6, 40, "One is seen by who looks, six by all; forty cover every structure somewhere."
    ),
    "collimation_cut": StrengthLevels(
        "share of the field", 0.04, 0.15, 0.35, "A border, the flank of the part, a third of what was asked for."
    ),
    "foreign_object": StrengthLevels(
        "share of the grey range",
        0.1,
        0.35,
        1.5,
        "A plastic button, a thin chain, and thick metal that hides what lies behind.",
    ),
}
