"""The body region of a stack: codes and BodyPartExamined first, then what most of the texts say."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_models.facts import RegionLabel
from qc_models.region_names import is_vague, laterality_in, regions_in, regions_of_code
from qc_models.roles.clues import Clues
from qc_models.vocabulary import Laterality, Source

# What is said of the series weighs more than what is said of the study, whose description may name another part.
_TEXTS = (
    ("SeriesDescription", 2.0),
    ("ProtocolName", 1.5),
    ("PerformedProcedureStepDescription", 1.0),
    ("RequestedProcedureDescription", 1.0),
    ("StudyDescription", 1.0),
)
_CODED_WEIGHT, _BODY_PART_WEIGHT = 3.0, 2.5
_CHANNELS = re.compile(r"\d+(?:HR|CH)?")  # 8HRBRAIN, HEAD32
_SIDE_CODES: dict[str, Laterality] = {
    "7771000": "L",
    "G-A101": "L",
    "24028007": "R",
    "G-A100": "R",
    "51440002": "B",
    "G-A102": "B",
}


@dataclass(frozen=True, slots=True)
class _Claim:
    regions: tuple[str, ...]
    weight: float
    source: Source


def region_of(clues: Clues, modality: str) -> RegionLabel:
    """The region that headers and texts agree on best; its probability falls where they contradict each other."""
    claims = list(_claims(clues))
    if not claims:
        return _by_equipment(clues)
    precise = [claim for claim in claims if not is_vague(claim.regions)] or claims
    best = max(precise, key=lambda claim: (_support(claim, claims), len(claim.regions)))
    agreement = _support(best, claims) / sum(claim.weight for claim in claims)
    said_by: Source = (
        "header" if any(c.source == "header" and set(c.regions) & set(best.regions) for c in claims) else "text"
    )
    certain = 0.95 if said_by == "header" else 0.85
    return RegionLabel(
        _brain_or_head(best.regions, claims, modality), round(certain * (0.5 + 0.5 * agreement), 2), said_by
    )


def laterality_of(clues: Clues) -> Laterality | None:
    """The side of a stack: coded on the image, then on the series, then in the words of series and study."""
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        said = clues.text(keyword)
        if said in ("L", "R", "B"):
            return said  # type: ignore[return-value]
    for place in clues.places:
        for region in place.items("AnatomicRegionSequence"):
            for modifier in region.items("AnatomicRegionModifierSequence"):
                side = _SIDE_CODES.get(modifier.text("CodeValue") or "")
                if side is not None:
                    return side
    for keyword in ("SeriesDescription", "ProtocolName", "BodyPartExamined", *(keyword for keyword, _ in _TEXTS[2:])):
        side = laterality_in(clues.header.text(keyword) or "")
        if side is not None:
            return side
    return None


def _claims(clues: Clues) -> Iterator[_Claim]:
    for place in clues.places:
        for code in place.items("AnatomicRegionSequence"):
            regions = regions_of_code(code.text("CodeValue") or "", code.text("CodingSchemeDesignator") or "")
            if regions or (regions := regions_in(code.text("CodeMeaning") or "")):
                yield _Claim(regions, _CODED_WEIGHT, "header")
    if regions := regions_in(clues.header.text("BodyPartExamined") or ""):
        yield _Claim(regions, _BODY_PART_WEIGHT, "header")
    heard: set[str] = set()  # one sentence copied into three attributes is said once
    for keyword, weight in _TEXTS:
        text = clues.header.text(keyword) or ""
        regions = regions_in(text)
        if regions and text not in heard:
            heard.add(text)
            yield _Claim(regions, weight, "text")


def _by_equipment(clues: Clues) -> RegionLabel:
    """Where nobody names a region: mammography shows a breast, and a receive coil built for a part likely lay on it."""
    if clues.text("Modality") == "MG":
        return RegionLabel(("breast",), 0.9, "header")
    regions = regions_in(_CHANNELS.sub(" ", clues.text("ReceiveCoilName")))
    return RegionLabel(regions, 0.6, "header") if regions and not is_vague(regions) else RegionLabel()


def _support(claim: _Claim, claims: Sequence[_Claim]) -> float:
    return sum(other.weight * _agreement(set(claim.regions), set(other.regions)) for other in claims)


def _agreement(regions: set[str], others: set[str]) -> float:
    if is_vague(others):  # a vague word contradicts none of its regions
        return len(regions & others) / len(regions)
    head = {"head", "brain"}
    if regions <= head and others <= head:
        return 1.0
    return len(regions & others) / len(regions | others)


def _brain_or_head(regions: tuple[str, ...], claims: Sequence[_Claim], modality: str) -> tuple[str, ...]:
    """MR of the head is the brain's where anyone says brain; CT of the head is the head's."""
    if modality == "MR" and regions == ("head",) and any("brain" in claim.regions for claim in claims):
        return ("brain",)
    return (
        ("head",)
        if modality == "CT" and regions == ("brain",) and any("head" in c.regions for c in claims)
        else regions
    )
