"""An adult's whole head and trunk in one coordinate system, arms raised, and where its regions lie.

x to the patient's left, y to the back, z to the head, in mm; z = 0 is the lower edge of the pubic symphysis.
"""

from functools import lru_cache

from qc_models.simulation.anatomy.belly import belly, pelvis
from qc_models.simulation.anatomy.chest import hanging_arm, thorax
from qc_models.simulation.anatomy.head import head, neck
from qc_models.simulation.anatomy.spine import spine
from qc_models.simulation.shapes import Shape, disc, ellipsoid, mirrored, moved, rod

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


@lru_cache
def whole_body(sex: str, arms_down: bool = False) -> tuple[Shape, ...]:
    """Head and trunk; with `arms_down` both arms hang beside the chest."""
    arms = hanging_arm() if arms_down else []
    return (*torso(), *neck(), *head(), *thorax(), *belly(), *pelvis(sex), *spine(), *arms, *mirrored(arms))


def couch(y_mm: float, z_mm: float) -> list[Shape]:
    """A scanner's table below the patient, as long as any scan."""
    return moved(
        [
            disc("couch_skin", "air", (0, 8, 0), (215, 14, 2000)),
            disc("couch", "couch_skin", (0, 9, 0), (213, 12, 2000)),
        ],
        (0, y_mm, z_mm),
    )
