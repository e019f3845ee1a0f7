"""The views of radiographs: how the beam looks at the body, and what each is called in ViewPosition, ViewCodeSequence and words."""

import math
from dataclasses import dataclass

from qc_models.errors import InputError
from qc_models.simulation.shapes import Point


@dataclass(frozen=True)
class View:
    """A projection: turned about the body's axis, tilted towards head or feet, in degrees; codes are SNOMED CT (CID 4010, 4014)."""

    turn_deg: float
    tilt_deg: float
    position: str  # ViewPosition
    snomed: str
    meaning: str
    zh: str


VIEWS: dict[str, View] = {
    "AP": View(0, 0, "AP", "399348003", "antero-posterior", "正位"),
    "PA": View(0, 0, "PA", "272479007", "postero-anterior", "正位"),
    "LAT": View(90, 0, "LL", "399067008", "lateral", "侧位"),
    "OBL": View(40, 0, "OBL", "399182000", "oblique", "斜位"),
    "OBL:L": View(45, 0, "LPO", "399006002", "left posterior oblique", "左后斜位"),
    "OBL:R": View(-45, 0, "RPO", "399038007", "right posterior oblique", "右后斜位"),
    "AXIAL": View(0, 40, "AXIAL", "399061009", "axial", "轴位"),
    "Y": View(60, 0, "Y", "399182000", "oblique", "Y位"),
    "FROG": View(35, 0, "FROG", "260427002", "lateral oblique", "蛙式位"),
    "DECUB": View(0, 0, "LLD", "399348003", "antero-posterior", "左侧卧水平位"),
    "MORTISE": View(18, 0, "MORTISE", "399312000", "antero-posterior oblique", "踝穴位"),
    "SCAPHOID": View(12, 15, "PA", "272479007", "postero-anterior", "舟骨位"),
    "SWIMMER": View(82, 0, "LL", "399067008", "lateral", "游泳者位"),
    "WATERS": View(0, 37, "WATERS", "399272005", "parieto-acanthial", "瓦氏位"),
    "CALDWELL": View(0, 15, "CALDWELL", "272479007", "postero-anterior", "柯氏位"),
    "TOWNE": View(0, -30, "TOWNE", "399348003", "antero-posterior", "汤氏位"),
    "OPEN_MOUTH": View(0, 0, "AP", "399348003", "antero-posterior", "张口位"),
    "FLEX": View(90, 0, "LL", "399067008", "lateral", "过屈侧位"),
    "EXT": View(90, 0, "LL", "399067008", "lateral", "过伸侧位"),
    "CC": View(0, 0, "CC", "399162004", "cranio-caudal", "CC位"),
    "MLO": View(0, 0, "MLO", "399368009", "medio-lateral oblique", "MLO位"),
}
WORDS: dict[str, str] = {
    "SCAPHOID": "Scaphoid",
    "SWIMMER": "Swimmer",
    "WATERS": "Waters",
    "CALDWELL": "Caldwell",
    "TOWNE": "Towne",
    "OPEN_MOUTH": "Open mouth",
    "FLEX": "Lateral flexion",
    "EXT": "Lateral extension",
    "DECUB": "Decubitus",
    "MORTISE": "Mortise",
    "FROG": "Frog leg",
    "Y": "Scapula Y",
    "AXIAL": "Axial",
    "LAT": "Lateral",
    "OBL": "Oblique",
}


def view_of(token: str) -> View:
    """The view of a component, `CC:L` being CC of the left breast; raises InputError for an unknown one."""
    view = VIEWS.get(token) or VIEWS.get(token.partition(":")[0])
    if view is None:
        raise InputError(f"no view for component {token!r}; there are {', '.join(VIEWS)}")
    return view


def directions(view: View) -> tuple[Point, Point]:
    """Directions along a row and down a column of the detector, in patient axes."""
    turn, tilt = math.radians(view.turn_deg), math.radians(view.tilt_deg)
    row = (math.cos(turn), math.sin(turn), 0.0)
    # Beam and column turn about the row together: tilted by 90 degrees, the detector lies across the body's axis.
    across = (-math.sin(turn), math.cos(turn), 0.0)
    column = (across[0] * math.sin(tilt), across[1] * math.sin(tilt), -math.cos(tilt))
    return row, column
