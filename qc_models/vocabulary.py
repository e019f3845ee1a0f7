"""The closed sets of ids that all parts speak: dimensions, levels, verdicts, regions, planes, roles, views, components.

Region and role ids are those of the exam-item catalogue, plus what must be told apart from them.
Free text and DICOM codes are mapped onto these ids by `configs/vocabulary.yaml`; nothing else may invent one.
"""

from typing import Literal, get_args

Dimension = Literal["completeness", "metadata", "body_part", "artifacts", "adequacy"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
DIMENSIONS_ZH: dict[Dimension, str] = {
    "completeness": "完整性",
    "metadata": "信息准确",
    "body_part": "部位正确",
    "artifacts": "伪影",
    "adequacy": "诊断质量",
}

Level = Literal["note", "review", "reject"]
LEVELS: tuple[Level, ...] = get_args(Level)

Verdict = Literal["pass", "review", "reject"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
VERDICTS_ZH: dict[Verdict, str] = {"pass": "通过", "review": "复核", "reject": "退回"}

Grade = Literal["A", "B", "C", "D"]
GRADES_ZH: dict[Grade, str] = {"A": "甲", "B": "乙", "C": "丙", "D": "废"}

Modality = Literal["CT", "MR", "XR"]
XR_MODALITIES = frozenset({"DX", "CR", "MG", "RG"})  # one radiograph is one stack

Plane = Literal["axial", "sagittal", "coronal", "oblique"]
PLANES: tuple[Plane, ...] = get_args(Plane)

Source = Literal["pixels", "header", "text"]

Laterality = Literal["L", "R", "B"]

REGIONS = frozenset(
    "abdomen ankle brain breast calcaneus chest clavicle cspine elbow face femur finger foot forearm fullspine hand head "
    "heart hip humerus knee lspine nasal neck orbit patella pelvis pituitary prostate ribs sacrum shoulder sinus skull "
    "temporal_bone thigh tibia toe tspine wrist phantom".split()
)

# What an item may be about, as the regions that a stack must show one of (or, for the joined ones, any of).
ITEM_REGIONS: dict[str, frozenset[str]] = {region: frozenset({region}) for region in REGIONS} | {
    "abdomen_pelvis": frozenset({"abdomen", "pelvis"}),
    "head_neck": frozenset({"head", "neck"}),
    "extremity": frozenset(
        "shoulder humerus elbow forearm wrist hand finger hip femur thigh knee patella tibia ankle foot calcaneus toe".split()
    ),
    "head": frozenset({"head", "brain"}),
    "skull": frozenset({"skull", "head"}),
    "hand": frozenset({"hand", "finger"}),
    "foot": frozenset({"foot", "toe"}),
    "femur": frozenset({"femur", "thigh"}),
}

# Views of radiographs: items.csv, XR. OBL carries a side where one is known (`OBL:L` = LPO or RAO).
VIEWS = frozenset(
    "AP PA LAT OBL AXIAL Y FROG DECUB MORTISE SCAPHOID SWIMMER WATERS CALDWELL TOWNE OPEN_MOUTH FLEX EXT CC MLO".split()
)
XR_COMPONENTS = VIEWS | {"OBL:L", "OBL:R", "CC:L", "CC:R", "MLO:L", "MLO:R"}

CT_PHASES = frozenset({"plain", "enhanced", "arterial", "portal", "delayed", "calcium_score"})
CT_COMPONENTS = CT_PHASES | {"thin", "bone", "lung", "coronal", "sagittal", "MIP"}

MR_WEIGHTS = frozenset({"T1", "T1C", "T2", "T2FS", "T2STAR", "PD", "PDFS", "STIR", "FLAIR", "DWI"})
MR_PLANES = {"AX": "axial", "SAG": "sagittal", "COR": "coronal"}
MR_COMPONENTS = frozenset(
    {f"{plane}_{weight}" for plane in MR_PLANES for weight in MR_WEIGHTS}
    | {"ADC", "SWI", "TOF", "MRCP", "IN_OUT_PHASE", "DYNAMIC", "MIP"}
)

# Roles of one stack. LOC is any scout, localizer, bolus tracking or dose page: it never fills a component.
ROLES = (
    CT_PHASES
    | MR_WEIGHTS
    | frozenset("LOC ADC SWI TOF MRCP IN_OUT_PHASE DYNAMIC MIP EPI CINE ASL FIELDMAP GRE PHASE SUB RADIOGRAPH".split())
)

COMPONENTS: dict[Modality, frozenset[str]] = {"CT": CT_COMPONENTS, "MR": MR_COMPONENTS, "XR": XR_COMPONENTS}
