"""What the tissues of a phantom look like in CT, MR and X-ray: Hounsfield units by contrast phase, relaxation times, attenuation.

Values are typical ones of the literature (Bottomley 1984 and Stanisz 2005 for relaxation at 1.5-3 T), rounded: a phantom needs
their order and size, not their third digit.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Phase = Literal["plain", "pulmonary", "angio", "arterial", "portal", "delayed"]
PHASES: tuple[Phase, ...] = ("plain", "pulmonary", "angio", "arterial", "portal", "delayed")


@dataclass(frozen=True)
class Tissue:
    """`hu` plain, `enhancement_hu` added in the phases pulmonary, angio, arterial, portal, delayed; times in ms; ADC in 1e-3 mm²/s.

    `uptake` is the rise of the relaxation rate R1 after a gadolinium contrast agent, in 1/s; `lipid` signal goes with fat
    suppression.
    """

    hu: float
    enhancement_hu: tuple[float, float, float, float, float] = (0, 0, 0, 0, 0)
    proton_density: float = 0.0
    t1_ms: float = 1000.0
    t2_ms: float = 50.0
    adc: float = 1.0
    uptake: float = 0.0
    lipid: float = 0.0
    flows: bool = False


_ORGAN = (5, 10, 15, 30, 25)

TISSUES: dict[str, Tissue] = {
    "air": Tissue(-1000),
    "lung": Tissue(-850, (10, 5, 10, 10, 5), 0.10, 1200, 30),
    "fat": Tissue(-100, (0, 0, 0, 2, 2), 0.95, 280, 75, 0.3, 0.1, lipid=1.0),
    "muscle": Tissue(50, (2, 3, 6, 12, 12), 0.75, 950, 40, 1.3, 0.5),
    "soft": Tissue(38, _ORGAN, 0.80, 900, 65, 1.4, 0.8),
    "skin": Tissue(30, (0, 2, 5, 10, 10), 0.60, 700, 35),
    "cortical": Tissue(1100, (0, 0, 0, 0, 0), 0.04, 500, 5, 0.5),
    "dense_bone": Tissue(1500, (0, 0, 0, 0, 0), 0.03, 500, 5, 0.5),
    "marrow": Tissue(180, (0, 2, 5, 8, 5), 0.80, 420, 65, 0.4, 0.2, lipid=0.6),
    "fatty_marrow": Tissue(30, (0, 0, 2, 4, 4), 0.92, 320, 70, 0.3, 0.1, lipid=0.85),
    "disc": Tissue(85, (0, 0, 0, 0, 0), 0.80, 1100, 95, 1.6, 0.1),
    "cartilage": Tissue(80, (0, 0, 0, 0, 0), 0.78, 1100, 42, 1.4, 0.1),
    "tendon": Tissue(75, (0, 0, 0, 0, 0), 0.25, 800, 8, 0.8),
    "joint_fluid": Tissue(12, (0, 0, 0, 0, 5), 1.0, 3000, 600, 2.6, 0.1),
    "brain_gm": Tissue(40, (1, 3, 4, 6, 5), 0.86, 1200, 95, 0.85, 0.05),
    "brain_wm": Tissue(29, (1, 2, 2, 4, 3), 0.73, 780, 75, 0.72, 0.03),
    "csf": Tissue(6, (0, 0, 0, 0, 0), 1.0, 4200, 1900, 3.0, 0.0),
    "cord": Tissue(38, (0, 1, 1, 2, 2), 0.76, 850, 78, 0.8, 0.03),
    "pituitary": Tissue(50, (20, 60, 60, 60, 40), 0.82, 850, 85, 1.0, 3.0),
    "choroid": Tissue(45, (10, 50, 50, 60, 50), 0.85, 1100, 110, 1.3, 3.0),
    "eye": Tissue(10, (0, 0, 0, 0, 0), 1.0, 3500, 900, 2.8),
    "lens": Tissue(90, (0, 0, 0, 0, 0), 0.6, 900, 25, 1.0),
    "gland": Tissue(70, (20, 90, 80, 70, 50), 0.82, 850, 75, 1.1, 1.5),
    "artery": Tissue(42, (140, 390, 260, 125, 90), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "pulmonary_artery": Tissue(42, (390, 250, 180, 125, 90), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "vein": Tissue(42, (60, 20, 40, 135, 95), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "portal_vein": Tissue(42, (0, 10, 60, 150, 95), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "right_heart": Tissue(42, (400, 180, 160, 125, 90), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "left_heart": Tissue(42, (180, 400, 260, 125, 90), 0.85, 1550, 180, 2.0, 5.0, flows=True),
    "myocardium": Tissue(45, (15, 60, 60, 60, 50), 0.80, 1000, 48, 1.5, 1.0),
    "liver": Tissue(58, (0, 5, 14, 55, 40), 0.72, 600, 48, 1.1, 2.0),
    "spleen": Tissue(48, (5, 60, 75, 75, 50), 0.85, 1150, 80, 0.85, 2.0),
    "kidney": Tissue(34, (10, 100, 120, 140, 120), 0.85, 1100, 90, 1.9, 2.5),
    "pancreas": Tissue(42, (5, 40, 65, 50, 35), 0.80, 600, 55, 1.3, 1.5),
    "adrenal": Tissue(20, (5, 30, 40, 45, 20), 0.78, 750, 60, 1.2, 1.2),
    "bile": Tissue(8, (0, 0, 0, 0, 0), 1.0, 2600, 900, 2.8),
    "gut": Tissue(30, (2, 15, 30, 30, 20), 0.80, 900, 75, 1.6, 0.8),
    "gut_gas": Tissue(-950),
    "urine": Tissue(5, (0, 0, 0, 0, 60), 1.0, 3500, 1200, 3.0),
    "uterus": Tissue(48, (2, 20, 40, 60, 50), 0.82, 1200, 70, 1.3, 1.8),
    "endometrium": Tissue(45, (0, 5, 10, 20, 25), 0.9, 1500, 190, 1.5, 1.0),
    "ovary": Tissue(28, (0, 5, 10, 15, 15), 0.92, 1800, 220, 1.8, 0.8),
    "prostate_pz": Tissue(42, (0, 10, 20, 30, 30), 0.90, 1500, 150, 1.8, 1.2),
    "prostate_tz": Tissue(45, (0, 15, 30, 35, 30), 0.82, 1200, 80, 1.3, 1.8),
    "breast_gland": Tissue(40, (0, 10, 20, 30, 30), 0.85, 1300, 70, 1.7, 1.0),
    "tooth": Tissue(2000),
    "couch": Tissue(-650),
    "couch_skin": Tissue(-150),
}
NAMES: tuple[str, ...] = tuple(TISSUES)
TISSUE_INDEX: dict[str, int] = {name: index for index, name in enumerate(NAMES)}


def hounsfield(phase: Phase) -> NDArray[np.float32]:
    """Hounsfield units of every tissue in a phase, by label."""
    column = PHASES.index(phase) - 1
    return np.array(
        [tissue.hu + (tissue.enhancement_hu[column] if column >= 0 else 0) for tissue in TISSUES.values()], np.float32
    )


def attenuation(kvp: float) -> NDArray[np.float32]:
    """Effective linear attenuation in 1/mm of every tissue at a tube voltage, by label.

    Water follows μ ≈ 0.206 cm⁻¹ at 70 kV (effective ~38 keV hardened) falling with voltage; bone adds photoelectric absorption
    that falls faster (about kV^-1.2).
    """
    water = 0.0206 * (70 / kvp) ** 0.35
    bone = 1.0 + 0.9 * (70 / kvp) ** 1.2
    values = []
    for tissue in TISSUES.values():
        density = max(1 + tissue.hu / 1000, 0.0)
        mineral = max(tissue.hu - 150, 0) / 1000
        values.append(water * (density + mineral * (bone - 1)))
    return np.array(values, np.float32)
