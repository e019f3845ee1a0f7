"""The view of a radiograph: ViewPosition, view code, beam and patient orientation; then words, which alone name special views."""

import re
from collections.abc import Iterator
from typing import Literal

from qc_models.facts import ViewLabel
from qc_models.region_names import view_in, view_of_code
from qc_models.roles.clues import Clues
from qc_models.vocabulary import ITEM_REGIONS, Laterality

_TEXTS = ("SeriesDescription", "ProtocolName", "AcquisitionProtocolName", "PerformedProcedureStepDescription")
_STUDY_TEXTS = ("RequestedProcedureDescription", "StudyDescription")

# ViewPosition has no term for these (PS3.3 C.8.11.5): a text that names one says more than the header, and no other thing.
_FRONTAL_KINDS = frozenset(
    "OPEN_MOUTH MORTISE TOWNE CALDWELL WATERS SCAPHOID FROG Y AXIAL OBL OBL:L OBL:R DECUB".split()
)
_SPECIAL: dict[str, frozenset[str]] = {
    "AP": _FRONTAL_KINDS,
    "PA": _FRONTAL_KINDS,
    "LAT": frozenset("SWIMMER FLEX EXT FROG AXIAL Y DECUB".split()),
    "OBL": frozenset({"OBL:L", "OBL:R"}),
}
_FRONTAL = frozenset({"AP", "PA"})
_FROM_FRONT_OR_BACK = _FRONTAL | frozenset("OPEN_MOUTH MORTISE TOWNE CALDWELL WATERS SCAPHOID".split())
_FROM_THE_SIDE = frozenset("LAT SWIMMER FLEX EXT".split())
# Defined terms of ViewPosition that are no words.
_POSITIONS = {
    "LL": "LAT",
    "RL": "LAT",
    "RLD": "DECUB",
    "LLD": "DECUB",
    "RLO": "OBL",
    "LLO": "OBL",
    "ML": "LAT",
    "LM": "LAT",
}

# Two views of a limb on one film, and how a text joins their names: 正侧位, AP/LAT, PA + OBL.
_FILM_TEXTS = ("SeriesDescription", "ProtocolName", "AcquisitionProtocolName")
_TOGETHER = re.compile("正位?[侧斜轴]|侧位?[斜轴]")
_JOINTS = re.compile(r"[/+&,，、和]|\b(?:AND|UND|ET)\b")

LATERAL_BEAM_DEG = (75.0, 105.0)
OBLIQUE_BEAM_DEG = (20.0, 70.0)


def view_of(clues: Clues, regions: tuple[str, ...]) -> ViewLabel:
    """The view of a radiograph with its probability and who says it; no label where nothing tells."""
    coded = next(_coded_views(clues, regions), None)
    said = next((view for view in (view_in(clues.text(keyword), regions) for keyword in _TEXTS) if view), None)
    said = said or next(
        (view for view in (view_in(clues.text(keyword), regions) for keyword in _STUDY_TEXTS) if view), None
    )
    if coded is None:
        if said is not None:
            return ViewLabel(said, 0.85, "text")
        frontal = _from_patient_orientation(clues) == "FRONTAL" and num_views_of(clues, regions) == 1
        return ViewLabel(view_in("FRONTAL", regions), 0.5, "header") if frontal else ViewLabel()
    if said is None or said == coded:
        return ViewLabel(coded, 0.95 if said else 0.85, "header")
    if said in _SPECIAL.get(coded, ()):
        return ViewLabel(said, 0.85, "text")
    same_direction = {said, coded} <= _FRONTAL or coded in _SPECIAL.get(said, ())
    return ViewLabel(coded, 0.8 if same_direction else 0.6, "header")


def num_views_of(clues: Clues, regions: tuple[str, ...]) -> int:
    """How many views the words of a radiograph name: 2 for two views of a limb on one film, 1 for any other."""
    texts = [clues.text(keyword) for keyword in _FILM_TEXTS]
    named = [{_one_frontal(view_in(part, regions)) for part in _JOINTS.split(text)} - {None} for text in texts]
    together = any(_TOGETHER.search(text) for text in texts) or any(len(views) > 1 for views in named)
    return 2 if together and ITEM_REGIONS["extremity"].intersection(regions) else 1


def level_of(view: str | None) -> Literal["frontal", "lateral"] | None:
    """Whether a view looks from front or back, or from the side; None of any other."""
    return "frontal" if view in _FROM_FRONT_OR_BACK else "lateral" if view in _FROM_THE_SIDE else None


def _one_frontal(view: str | None) -> str | None:
    """The view, PA being AP: a text that says AP/PA means either."""
    return "AP" if view == "PA" else view


def components_of_view(view: str | None, side: Laterality | None) -> tuple[str, ...]:
    """The tokens that a view fills: an oblique or a mammogram fills its own with and without its side."""
    if view is None:
        return ()
    base = view.split(":")[0]
    sides = {"L": ("L",), "R": ("R",), "B": ("L", "R"), None: ()}[side] if base in ("CC", "MLO") else ()
    return tuple(dict.fromkeys((base, view, *(f"{base}:{letter}" for letter in sides))))


def _coded_views(clues: Clues, regions: tuple[str, ...]) -> Iterator[str]:
    position = clues.text("ViewPosition")
    if position and (view := _POSITIONS.get(position) or view_in(position, regions)):
        yield view
    for code in clues.header.items("ViewCodeSequence"):
        view = view_of_code(code.text("CodeValue") or "", code.text("CodingSchemeDesignator") or "", regions)
        if view := view or view_in(code.text("CodeMeaning") or "", regions):
            yield view
    if _from_patient_orientation(clues) == "LAT":
        yield "LAT"
    angle = clues.number("PositionerPrimaryAngle")
    if angle is not None and clues.text("Modality") != "MG":
        if LATERAL_BEAM_DEG[0] <= abs(angle) <= LATERAL_BEAM_DEG[1]:
            yield "LAT"
        elif OBLIQUE_BEAM_DEG[0] <= abs(angle) <= OBLIQUE_BEAM_DEG[1]:
            yield "OBL:R" if angle > 0 else "OBL:L"  # positive towards LAO (PS3.3 C.8.7.5)


def _from_patient_orientation(clues: Clues) -> str | None:
    """Rows that run front to back are a lateral, those that run side to side a frontal view of either kind (C.7.6.1.1.1)."""
    row = clues.text("PatientOrientation")[:1]
    return {"A": "LAT", "P": "LAT", "L": "FRONTAL", "R": "FRONTAL"}.get(row)
