"""A series is named for another sequence or plane than its parameters and geometry show.

Higher is worse: 1 for each stack concerned. `weighting`: the description of an MR series names one sequence, and its parameters
are those of another; `phase`: the description of a CT series names one phase of contrast, and its header another; `plane`: the
description names one plane, and the slices lie in another; `pixels`: a model is at least 0.95 sure of a sequence that header or
description exclude. What the description alone told is never held against it, nor what shades into it (T2 and proton density, T2
and FLAIR, arterial and enhanced: `qc_models.roles.conflict`).
Source: DICOM PS3.3 C.8.3.1 (ScanningSequence, EchoTime, …), C.7.6.4 (Contrast/Bolus), C.7.6.2.1.1 (ImageOrientationPatient).
"""

import re
from collections.abc import Iterable
from functools import cache

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.roles.conflict import role_conflict
from qc_models.roles.seen import seen
from qc_models.roles.sequence_fusion import contradicted
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
    "phase": Quantity(
        "stacks",
        "the series is described as {described}, and its header says {found}",
        "序列描述为 {described}，而头信息显示为 {found}",
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
    "pixels": Quantity(
        "stacks",
        "the header or the description of the series tells {described}, and its images look like {found}",
        "序列的头信息或描述为 {described}，而图像显示为 {found}",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}

_BY_MODALITY = {"MR": "weighting", "CT": "phase"}
_EDGES = r"(?<![A-Z])(?:{})(?![A-Z])"
_PLANES: tuple[tuple[Plane, re.Pattern[str]], ...] = (
    ("axial", re.compile(_EDGES.format("AX|AXIAL|TRA|TRANS|TRANSVERSE|TRANSVERSAL") + "|轴位|横断|轴状")),
    ("sagittal", re.compile(_EDGES.format("SAG|SAGITTAL") + "|矢状")),
    ("coronal", re.compile(_EDGES.format("COR|CORONAL") + "|冠状")),
)
_CORONARY = re.compile(_EDGES.format("COR"))  # in CT the coronary arteries as well as the plane


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
        quantity, described = _BY_MODALITY.get(facts.modality), role_conflict(facts, text)
        if quantity is not None and described is not None:
            yield Measurement(
                f"metadata.series_role.{quantity}", 1, "stacks", place, {"described": described, "found": facts.role}
            )
        plane = plane_in_text(text, facts.modality)
        # An oblique stack may be named for either of the planes between which it lies.
        if plane is not None and facts.plane not in (None, "oblique", plane):
            yield Measurement(
                "metadata.series_role.plane", 1, "stacks", place, {"described": plane, "found": facts.plane}
            )
    for read, predictions in evidence.seen_stacks():
        looks = seen(predictions)
        if contradicted(read.roles, looks):
            place = Location(read.series_instance_uid, stack=read.index)
            detail = {"described": read.role, "found": looks.role}
            yield Measurement("metadata.series_role.pixels", 1, "stacks", place, detail)
