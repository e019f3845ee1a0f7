"""What each region is called in headers: BodyPartExamined (PS3.16 Annex L), its SNOMED CT code, English and Chinese words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from qc_models.errors import InputError

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class RegionCode:
    """`body_part` is a defined term of PS3.16 table L-1, or the word that hospitals write where it has none."""

    body_part: str
    snomed: str
    meaning: str
    protocol: str  # the word of a scan protocol
    zh: str


REGION_CODES: dict[str, RegionCode] = {
    "abdomen": RegionCode("ABDOMEN", "818981001", "Abdomen", "Abdomen", "腹部"),
    "abdomen_pelvis": RegionCode("ABDOMENPELVIS", "818982008", "Abdomen and Pelvis", "AbdPelvis", "全腹部"),
    "ankle": RegionCode("ANKLE", "70258002", "Ankle", "Ankle", "踝关节"),
    "brain": RegionCode("BRAIN", "12738006", "Brain", "Brain", "脑部"),
    "breast": RegionCode("BREAST", "76752008", "Breast", "Mammo", "乳腺"),
    "calcaneus": RegionCode("CALCANEUS", "80144004", "Calcaneus", "Calcaneus", "跟骨"),
    "chest": RegionCode("CHEST", "816094009", "Chest", "Thorax", "胸部"),
    "clavicle": RegionCode("CLAVICLE", "51299004", "Clavicle", "Clavicle", "锁骨"),
    "cspine": RegionCode("CSPINE", "122494005", "Cervical spine", "CSpine", "颈椎"),
    "elbow": RegionCode("ELBOW", "16953009", "Elbow", "Elbow", "肘关节"),
    "femur": RegionCode("FEMUR", "71341001", "Femur", "Femur", "股骨"),
    "foot": RegionCode("FOOT", "56459004", "Foot", "Foot", "足"),
    "forearm": RegionCode("FOREARM", "14975008", "Forearm", "Forearm", "前臂"),
    "fullspine": RegionCode("WHOLESPINE", "421060004", "Spine", "FullSpine", "全脊柱"),
    "hand": RegionCode("HAND", "85562004", "Hand", "Hand", "手"),
    "head": RegionCode("HEAD", "69536005", "Head", "Head", "头颅"),
    "head_neck": RegionCode("HEADNECK", "774007", "Head and Neck", "HeadNeck", "头颈部"),
    "heart": RegionCode("HEART", "80891009", "Heart", "Coronary", "心脏"),
    "hip": RegionCode("HIP", "29836001", "Hip", "Hip", "髋关节"),
    "humerus": RegionCode("HUMERUS", "85050009", "Humerus", "Humerus", "肱骨"),
    "knee": RegionCode("KNEE", "72696002", "Knee", "Knee", "膝关节"),
    "lspine": RegionCode("LSPINE", "122496007", "Lumbar spine", "LSpine", "腰椎"),
    "nasal": RegionCode("NOSE", "74386004", "Nasal bone", "NasalBone", "鼻骨"),
    "neck": RegionCode("NECK", "45048000", "Neck", "Neck", "颈部"),
    "orbit": RegionCode("ORBIT", "363654007", "Orbital structure", "Orbit", "眼眶"),
    "patella": RegionCode("PATELLA", "64234005", "Patella", "Patella", "髌骨"),
    "pelvis": RegionCode("PELVIS", "816092008", "Pelvis", "Pelvis", "盆腔"),
    "pituitary": RegionCode("SELLA", "42575006", "Sella turcica", "Pituitary", "垂体"),
    "prostate": RegionCode("PROSTATE", "41216001", "Prostate", "Prostate", "前列腺"),
    "ribs": RegionCode("RIB", "113197003", "Rib", "Ribs", "肋骨"),
    "sacrum": RegionCode("SSPINE", "54735007", "Sacrum", "Sacrum", "骶尾椎"),
    "shoulder": RegionCode("SHOULDER", "16982005", "Shoulder", "Shoulder", "肩关节"),
    "sinus": RegionCode("SINUS", "2095001", "Paranasal sinus", "Sinus", "鼻窦"),
    "skull": RegionCode("SKULL", "89546000", "Skull", "Skull", "头颅"),
    "temporal_bone": RegionCode("TEMPORALBONE", "60911003", "Temporal bone", "InnerEar", "颞骨"),
    "tibia": RegionCode("LEG", "30021000", "Lower leg", "TibFib", "小腿"),
    "tspine": RegionCode("TSPINE", "122495006", "Thoracic spine", "TSpine", "胸椎"),
    "wrist": RegionCode("WRIST", "74670003", "Wrist", "Wrist", "腕关节"),
}


def of_region(table: Mapping[str, Entry], region: str) -> Entry:
    """What a table holds for a region; raises InputError where this kind of image has no phantom of it."""
    if region not in table:
        raise InputError(
            f"there is no phantom of region {region!r} for this modality; there are {', '.join(sorted(table))}"
        )
    return table[region]
