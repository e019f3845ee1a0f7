"""The side of the body is not known, or two sources disagree on it.

Higher is worse. `contradiction`: images whose side differs between ImageLaterality, Laterality, FrameLaterality, the modifier of
the anatomic region and the words of the series, or is not the one that the request names; `text_only`: images whose side is known
from words alone; `absent`: stacks of an item that needs a side, where none is known; `side_missing`: sides of an item that needs
both and shows one. An image of both sides contradicts neither, and a study of the requested side may hold the other beside it.
Source: DICOM PS3.3 C.7.3.1 (Laterality), C.8.11.2 (ImageLaterality), C.7.6.16.2.8 (FrameLaterality), PS3.16 CID 244.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import stacks_for
from qc_models.region_names import laterality_in, regions_in
from qc_models.study import Instance
from qc_models.vocabulary import Laterality

QUANTITIES = {
    "contradiction": Quantity(
        "images",
        "{value:.0f} images: {left_source} says left, {right_source} says right",
        "{value:.0f} 幅图像侧别矛盾：{left_source} 为左侧，{right_source} 为右侧",
        "find out which side was examined, correct it and send the images again",
        "请核实检查侧别，更正后重新上传",
    ),
    "text_only": Quantity(
        "images",
        "the side of {value:.0f} images is known from free text alone",
        "{value:.0f} 幅图像的侧别仅见于文字描述",
        "let the device fill ImageLaterality or Laterality",
        "请在设备上填写侧别（ImageLaterality 或 Laterality）",
    ),
    "absent": Quantity(
        "stacks",
        "the side of the body is not known for {value:.0f} image stacks",
        "{value:.0f} 组图像均未注明左右侧别",
        "enter the side that was examined and send the images again",
        "请补录检查侧别后重新上传",
    ),
    "side_missing": Quantity(
        "sides",
        "both sides are asked for and side {missing} is not shown",
        "该项目需双侧图像，缺少 {missing} 侧",
        "send the images of the other side",
        "请补传另一侧图像",
    ),
}

_OF_IMAGE = ("ImageLaterality", "FrameLaterality", "Laterality")
_OF_SERIES = ("SeriesDescription", "ProtocolName")
_OF_STUDY = ("RequestedProcedureDescription", "StudyDescription")
_SIDES: Mapping[str, Laterality] = {"L": "L", "R": "R", "B": "B"}
_MODIFIERS: Mapping[str, Laterality] = {  # CID 244, SNOMED CT and the older SNOMED-RT
    "7771000": "L",
    "24028007": "R",
    "51440002": "B",
    "G-A101": "L",
    "G-A100": "R",
    "G-A102": "B",
}

Said = Mapping[str, Laterality]  # the side by who says it


def opposed(said: Said) -> tuple[str, str] | None:
    """Two sources of which one says left and the other right; None where all agree, both sides agreeing with each."""
    left = next((source for source, side in said.items() if side == "L"), None)
    right = next((source for source, side in said.items() if side == "R"), None)
    return (left, right) if left is not None and right is not None else None


def missing_sides(sides: Iterable[Laterality]) -> tuple[Laterality, ...]:
    """The sides, L and R, that images of these sides do not show."""
    shown = set(sides)
    return () if "B" in shown else tuple(side for side in ("L", "R") if side not in shown)


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """What every image says of its side, and what the request says."""
    images = [instance for instance in evidence.study.instances if instance.frames]
    coded = [header_sides(image.header) for image in images]
    worded = [_text_sides(image.header, _OF_SERIES) for image in images]
    requested = [_text_sides(image.header, _OF_STUDY) for image in images]
    found: dict[tuple[str, str], list[Instance]] = {}
    for image, said in _against_itself(images, coded, worded) or _against_request(images, coded, worded, requested):
        found.setdefault(said, []).append(image)
    for (left, right), members in found.items():
        yield _found("contradiction", members, {"left_source": left, "right_source": right})
    rows = zip(images, coded, worded, requested, strict=True)
    text_only = [image for image, codes, words, request in rows if not codes and (words or request)]
    if text_only:
        yield _found("text_only", text_only, {})


def _against_itself(
    images: Sequence[Instance], coded: Sequence[Said], worded: Sequence[Said]
) -> list[tuple[Instance, tuple[str, str]]]:
    rows = zip(images, coded, worded, strict=True)
    return [(image, pair) for image, codes, words in rows if (pair := opposed({**codes, **words})) is not None]


def _against_request(
    images: Sequence[Instance], coded: Sequence[Said], worded: Sequence[Said], requested: Sequence[Said]
) -> list[tuple[Instance, tuple[str, str]]]:
    """Images of the one side where all requests name the other, and no image shows that."""
    asked = {side for request in requested for side in request.values()}
    own = [codes or words for codes, words in zip(coded, worded, strict=True)]
    shown = {side for said in own for side in said.values()}
    if len(asked) != 1 or len(shown) != 1 or asked | shown != {"L", "R"}:
        return []
    request = next(request for request in requested if request)
    return [(image, pair) for image, said in zip(images, own, strict=True) if (pair := opposed({**said, **request}))]


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterable[Measurement]:
    """The sides of an item's stacks against the sides that it needs; words of the request suffice."""
    stacks = stacks_for(item, facts)
    if item.laterality == "no" or not stacks:
        return
    sides = {stack.laterality for stack in stacks if stack.laterality is not None}
    said = {side for text in facts.request.texts if (side := laterality_in(text)) is not None}
    known = {_patient_position(stack) for stack in stacks if stack.laterality is not None}
    unsided = [stack for stack in stacks if _patient_position(stack) not in known]
    series = {stack.series_instance_uid for stack in unsided or stacks}
    place = Location(next(iter(series))) if len(series) == 1 else Location()
    if unsided and not said:
        yield Measurement("metadata.laterality.absent", len(unsided), "stacks", place)
    elif item.laterality == "both" and (missing := missing_sides(sides or said)):
        yield Measurement("metadata.laterality.side_missing", len(missing), "sides", place, {"missing": list(missing)})


def _patient_position(stack: StackFacts) -> object:
    """Equal for stacks of one frame of reference, which show the same side; a radiograph has none and stands for itself."""
    return stack.frame_of_reference_uid or (stack.series_instance_uid, stack.index)


def header_sides(header: Header) -> Said:
    """The sides that a header's coded attributes state."""
    said = {keyword: _SIDES.get((header.text(keyword) or "").upper()) for keyword in _OF_IMAGE}
    for groups in header.items("SharedFunctionalGroupsSequence"):
        for anatomy in groups.items("FrameAnatomySequence"):
            said["FrameLaterality"] = _SIDES.get((anatomy.text("FrameLaterality") or "").upper())
    for region in header.items("AnatomicRegionSequence"):
        for modifier in region.items("AnatomicRegionModifierSequence"):
            said["AnatomicRegionModifierSequence"] = _MODIFIERS.get(modifier.text("CodeValue") or "")
    return {source: side for source, side in said.items() if side is not None}


def _text_sides(header: Header, keywords: Sequence[str]) -> Said:
    """The sides that texts name; a ProtocolName counts where it names a region too, for `RT` alone may be a technique."""
    texts = {keyword: header.text(keyword) or "" for keyword in keywords}
    if not regions_in(texts.get("ProtocolName", "")):
        texts.pop("ProtocolName", None)
    said = {keyword: laterality_in(text) for keyword, text in texts.items()}
    return {source: side for source, side in said.items() if side is not None}


def _found(quantity: str, images: Sequence[Instance], detail: Mapping[str, str]) -> Measurement:
    place = Location(images[0].series_instance_uid, images[0].sop_instance_uid)
    return Measurement(f"metadata.laterality.{quantity}", len(images), "images", place, detail)
