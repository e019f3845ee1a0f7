"""What the frames hold besides a patient's image: colour, captured screens and documents, phantoms, nothing at all.

Direction: higher is worse. Colour and blank frames are told from the shared statistics of the pixels; captures from the SOP
class (Secondary Capture, PS3.4 B.5), ConversionType (PS3.3 C.8.6.1), ImageType and description, or from few grey levels on a
background that fills most of the frame; phantoms from the quality-control attributes (C.7.1.1, C.7.6.1), body part and
descriptions.
"""

import re
from collections import Counter
from collections.abc import Iterator

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.frame_statistics import FrameStatistics
from qc_models.stack import Stack

QUANTITIES = {
    "colour": Quantity(
        "images",
        "{value:.0f} of {num_frames} images are in colour: a fusion, a map or a captured screen, no original",
        "{num_frames} 幅图像中有 {value:.0f} 幅为彩色（融合图、参数图或屏幕截图），不是原始图像",
        "send the original grey images as well",
        "请同时上传原始灰阶图像",
    ),
    "capture": Quantity(
        "1",
        "{num_captures} of {num_frames} images of the study are captured screens or documents ({signs})",
        "检查的 {num_frames} 幅图像中有 {num_captures} 幅为屏幕截图或文档（{signs}）",
        "send the original images of the device, not captured ones",
        "请上传设备的原始图像，而非截图或扫描件",
    ),
    "phantom": Quantity(
        "series",
        "{value:.0f} of {num_series} series show a quality-control phantom, by {signs}",
        "{num_series} 个序列中有 {value:.0f} 个为质控模体（依据 {signs}）",
        "do not send quality-control scans as a patient's examination",
        "请勿将质控模体扫描作为患者检查上传",
    ),
    "blank": Quantity(
        "images",
        "all {value:.0f} images of the stack hold one single value: they are blank",
        "该组 {value:.0f} 幅图像全部为单一像素值（空白图像）",
        "send the series again; if the device shows it blank too, the examination is to be repeated",
        "请重新上传该序列；若设备上也为空白，则需重新检查",
    ),
}

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame classes below it
DOCUMENT_LEVELS = 24  # a page of plain text has hardly more grey levels
DOCUMENT_BACKGROUND = 0.6  # share of the frame that its background fills
MIN_PAGE_SIDE = 128
# Digitized film or video, workstation, scanned document or picture, drawing (C.8.6.1.1).
_CONVERTED = frozenset({"DF", "DV", "WSD", "SD", "SI", "DRW"})
_CAPTURE_WORDS = re.compile(
    r"SCREEN ?(SAVE|SHOT|CAPTURE|GRAB)|\bSECONDARY CAPTURE|DOSE ?(INFO|REPORT)|PATIENT ?PROTOCOL|截图|截屏|剂量报告"
)
_PHANTOM_WORDS = re.compile(
    r"PHANTOM|\bFANTOM|CATPHAN|MAGPHAN|GAMMEX|\bDAILY Q[AC]\b|\bQ[AC] (TEST|DAILY|WEEKLY|MONTHLY)\b|模体|体模|水模"
)
_PHANTOM_TEXTS = (
    "BodyPartExamined",
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
    "RequestedProcedureDescription",
)
_IMAGES = frozenset({"CT", "MR", "XR"})


def looks_like_a_page(statistics: FrameStatistics) -> bool:
    """Whether a frame is few grey levels on one background that fills most of it, and is not blank."""
    few = statistics.num_levels <= DOCUMENT_LEVELS and statistics.mode_fraction >= DOCUMENT_BACKGROUND
    return few and not statistics.is_constant


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Colour, captures and phantoms from headers and statistics; blank stacks where pixels were looked at."""
    yield from _captures(evidence)
    yield from _phantoms(evidence)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        known = [found for frame in stack.frames if (found := evidence.statistics_of(frame)) is not None]
        here = Location(series_instance_uid=stack.series_instance_uid, stack=stack.index)
        coloured = sum(statistics.is_colour for statistics in known)
        if coloured and facts.modality in _IMAGES:
            detail = {"num_frames": len(stack.frames)}
            yield Measurement("body_part.content.colour", float(coloured), "images", here, detail)
        if known and all(statistics.is_constant for statistics in known):
            yield Measurement("body_part.content.blank", float(len(known)), "images", here)


def _captures(evidence: Evidence) -> Iterator[Measurement]:
    """The share of the study's images that are captures, with the signs that say so and the series that hold them."""
    signs: Counter[str] = Counter()
    series: dict[str, None] = {}
    for stack in evidence.stacks:
        if sign := _capture_sign(stack, evidence):
            signs[sign] += len(stack.frames)
            series.setdefault(stack.series_instance_uid)
    if signs:
        num_frames = sum(len(stack.frames) for stack in evidence.stacks)
        detail = {
            "num_captures": signs.total(),
            "num_frames": num_frames,
            "signs": sorted(signs),
            "series_instance_uids": list(series),
        }
        yield Measurement("body_part.content.capture", signs.total() / num_frames, "1", Location(), detail)


def _capture_sign(stack: Stack, evidence: Evidence) -> str | None:
    """What tells that a stack is captured, not acquired; None where nothing does."""
    instance = evidence.instance(stack.frames[0])
    header = instance.header
    if instance.sop_class_uid == SECONDARY_CAPTURE or instance.sop_class_uid.startswith(SECONDARY_CAPTURE + "."):
        return "SOPClassUID"
    if (header.text("ConversionType") or "").upper() in _CONVERTED:
        return "ConversionType"
    if _CAPTURE_WORDS.search(" ".join(header.texts("ImageType")).upper()):
        return "ImageType"
    if _CAPTURE_WORDS.search((header.text("SeriesDescription") or "").upper()):
        return "SeriesDescription"
    known = [found for frame in stack.frames if (found := evidence.statistics_of(frame)) is not None]
    pages = sum(looks_like_a_page(statistics) for statistics in known)
    is_large = min(stack.frames[0].rows, stack.frames[0].columns) >= MIN_PAGE_SIDE
    return "pixels" if is_large and pages * 2 > len(known) else None


def _phantoms(evidence: Evidence) -> Iterator[Measurement]:
    images = [series for series in evidence.study.series if series.modality in _IMAGES]
    seen = {stack.series_instance_uid for stack in evidence.stack_facts if "phantom" in stack.region.label}
    signs = {
        series.series_instance_uid: sign
        for series in images
        if (
            sign := _phantom_sign(series.instances[0].header)
            or ("region" if series.series_instance_uid in seen else None)
        )
    }
    if signs:
        where = Location(series_instance_uid=next(iter(signs)) if len(signs) == 1 else None)
        detail = {"num_series": len(images), "signs": sorted(set(signs.values())), "series_instance_uids": list(signs)}
        yield Measurement("body_part.content.phantom", float(len(signs)), "series", where, detail)


def _phantom_sign(header: Header) -> str | None:
    for keyword in ("QualityControlSubject", "QualityControlImage"):
        if (header.text(keyword) or "").upper() == "YES":
            return keyword
    return next(
        (keyword for keyword in _PHANTOM_TEXTS if _PHANTOM_WORDS.search((header.text(keyword) or "").upper())), None
    )
