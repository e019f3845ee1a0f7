"""A series is named for another sequence or plane than its parameters and geometry show.

Higher is worse: 1 for each stack concerned. `weighting`: the description names one of T1, T2, FLAIR and diffusion, and the
parameters of the header another; `plane`: the description names one plane, and the slices lie in another. What the description
alone told, and weightings that shade into each other (T2 and proton density, STIR, gradient echo), are never held against it.
Source: DICOM PS3.3 C.8.3.1 (ScanningSequence, EchoTime, InversionTime, …), C.7.6.2.1.1 (ImageOrientationPatient).
"""

import re
from collections.abc import Iterable
from functools import cache

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.roles.text_roles import role_in_text
from qc_models.vocabulary import Plane

_REMEDY_EN = "name the series for what it is, or send the right series"
_REMEDY_ZH = "请更正序列描述，或上传正确的序列"

QUANTITIES = {
    "weighting": Quantity(
        "stacks",
        "the series is described as {described}, and its parameters are those of {found}",
        "序列描述为 {described}，而扫描参数为 {found}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "plane": Quantity(
        "stacks",
        "the series is described as {described}, and its slices are {found}",
        "序列描述为 {described}，而层面方向为 {found}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}

_WEIGHTINGS = {"T1": "T1", "T1C": "T1", "T2": "T2", "T2FS": "T2", "FLAIR": "FLAIR", "DWI": "DWI", "ADC": "DWI"}
_EDGES = r"(?<![A-Z])(?:{})(?![A-Z])"
_PLANES: tuple[tuple[Plane, re.Pattern[str]], ...] = (
    ("axial", re.compile(_EDGES.format("AX|AXIAL|TRA|TRANS|TRANSVERSE|TRANSVERSAL") + "|轴位|横断|轴状")),
    ("sagittal", re.compile(_EDGES.format("SAG|SAGITTAL") + "|矢状")),
    ("coronal", re.compile(_EDGES.format("COR|CORONAL") + "|冠状")),
)
_CORONARY = re.compile(_EDGES.format("COR"))  # in CT the coronary arteries as well as the plane


def weightings_conflict(described: str | None, found: str | None) -> bool:
    """Whether two roles are of different weightings that nobody can take for each other."""
    one, other = _WEIGHTINGS.get(described or ""), _WEIGHTINGS.get(found or "")
    return one is not None and other is not None and one != other


@cache
def plane_in_text(text: str, modality: str) -> Plane | None:
    """The one plane that a description names; None where it names none or several."""
    words = text.upper().replace("_", " ")
    if modality == "CT":
        words = _CORONARY.sub(" ", words)
    named = [plane for plane, pattern in _PLANES if pattern.search(words)]
    return named[0] if len(named) == 1 else None


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """The description of every stack against its role and plane, scouts left out."""
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        text = evidence.instance(stack.frames[0]).header.text("SeriesDescription")
        if facts.is_localizer or text is None:
            continue
        place = Location(facts.series_instance_uid, stack=facts.index)
        described = role_in_text(text, facts.modality)
        if facts.modality == "MR" and facts.role_source == "header" and weightings_conflict(described, facts.role):
            yield Measurement(
                "metadata.series_role.weighting", 1, "stacks", place, {"described": described, "found": facts.role}
            )
        plane = plane_in_text(text, facts.modality)
        # An oblique stack may be named for either of the planes between which it lies.
        if plane is not None and facts.plane not in (None, "oblique", plane):
            yield Measurement(
                "metadata.series_role.plane", 1, "stacks", place, {"described": plane, "found": facts.plane}
            )
