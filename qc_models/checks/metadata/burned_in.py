"""Pictures may carry the patient's name or other text burnt into their pixels.

Higher is worse: numbers of images. `declared`: images of CT, MR or X-ray that say BurnedInAnnotation YES; `likely`: secondary
captures and screen saves that do not say NO. Scouts and dose pages count as captures: they often carry text and show no finding.
Source: DICOM PS3.3 C.7.6.1 (BurnedInAnnotation), A.8 (Secondary Capture), PS3.15 E.3.
"""

from collections.abc import Iterable

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

QUANTITIES = {
    "declared": Quantity(
        "images",
        "{value:.0f} images declare text burnt into their pixels",
        "{value:.0f} 幅图像声明像素中含有烧录文字",
        "send the images without burnt-in text, or confirm that it identifies nobody",
        "请上传无烧录文字的图像，或确认其中不含患者身份信息",
    ),
    "likely": Quantity(
        "images",
        "{value:.0f} screen captures may show burnt-in text",
        "{value:.0f} 幅截屏或二次捕获图像可能含有烧录文字",
        "look at the captures before they are shared",
        "共享前请核查截屏图像",
    ),
}

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and its multi-frame kinds .1 to .4


def is_capture(header: Header) -> bool:
    """Whether an image is a secondary capture by its SOP class, or a screen save by its ImageType."""
    sop_class_uid = header.text("SOPClassUID") or ""
    captured = sop_class_uid == _SECONDARY_CAPTURE or sop_class_uid.startswith(f"{_SECONDARY_CAPTURE}.")
    return captured or "SCREEN SAVE" in header.texts("ImageType")


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """What every image says of burnt-in text."""
    pairs = zip(evidence.stacks, evidence.stack_facts, strict=True)
    scouts = {frame.sop_instance_uid for stack, facts in pairs if facts.is_localizer for frame in stack.frames}
    found: dict[str, list[Instance]] = {"declared": [], "likely": []}
    for instance in evidence.study.instances:
        header = instance.header
        said = (header.text("BurnedInAnnotation") or "").upper()
        capture = is_capture(header)
        if not instance.frames or said == "NO":
            continue
        if said == "YES":
            found["likely" if capture or instance.sop_instance_uid in scouts else "declared"].append(instance)
        elif capture:
            found["likely"].append(instance)
    for quantity, images in found.items():
        if images:
            place = Location(images[0].series_instance_uid, images[0].sop_instance_uid)
            yield Measurement(f"metadata.burned_in.{quantity}", len(images), "images", place)
