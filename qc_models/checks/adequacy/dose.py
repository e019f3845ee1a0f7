"""The radiation dose of each CT acquisition, and how it stands to the reference levels of the exam item.

Direction: higher is worse for `ctdivol_ratio` (CTDIvol / 75th percentile), lower is worse for `ctdivol_low_ratio` (CTDIvol /
25th percentile). CTDIvol (0018,9345) is the mean over the frames of an acquisition; DLP = CTDIvol · length of the union of its
stacks, so that several reconstructions of one acquisition count once. The scanner's own DLP is some centimetres larger, by its
overscan. References: `configs/dose_references.yaml`, for adults.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from statistics import fmean

from qc_models.dicom.header import Header
from qc_models.dose_references import dose_references
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import stacks_for
from qc_models.stack import Stack

QUANTITIES = {
    "ctdivol_mgy": Quantity(
        "mGy",
        "CTDIvol is {value:.1f} mGy, limit {limit:.1f} mGy",
        "CTDIvol 为 {value:.1f} mGy，限值 {limit:.1f} mGy",
        "check the protocol for this body region and patient size",
        "请核对该部位和体型的扫描方案",
    ),
    "dlp_mgy_cm": Quantity(
        "mGy·cm",
        "DLP is {value:.0f} mGy·cm over {length_mm:.0f} mm, limit {limit:.0f} mGy·cm",
        "DLP 为 {value:.0f} mGy·cm（扫描长度 {length_mm:.0f} mm），限值 {limit:.0f} mGy·cm",
        "check the protocol and the scan length",
        "请核对扫描方案和扫描长度",
    ),
    "ctdivol_ratio": Quantity(
        "1",
        "CTDIvol of {ctdivol_mgy:.1f} mGy is {value:.2f} times the reference level of {reference_mgy:.0f} mGy "
        "({citation}, {exam})",
        "CTDIvol {ctdivol_mgy:.1f} mGy，为参考水平 {reference_mgy:.0f} mGy 的 {value:.2f} 倍（{citation}，{exam}）",
        "check automatic exposure control and the protocol for this patient size",
        "请核对自动管电流调制和该体型的扫描方案",
    ),
    "ctdivol_low_ratio": Quantity(
        "1",
        "CTDIvol of {ctdivol_mgy:.1f} mGy is {value:.2f} times the 25th percentile of {reference_mgy:.0f} mGy "
        "({citation}, {exam}): check that noise hides nothing",
        "CTDIvol {ctdivol_mgy:.1f} mGy，仅为第 25 百分位 {reference_mgy:.0f} mGy 的 {value:.2f} 倍"
        "（{citation}，{exam}），请注意噪声影响",
        "state a low-dose protocol in the description, or check the exposure settings",
        "若为低剂量方案请在描述中注明，否则请核对曝光设置",
    ),
}

LARGEST_MGY = 2000.0  # beyond it a value is no CTDIvol


def dlp_mgy_cm(ctdivol_mgy: float, length_mm: float) -> float:
    """Dose-length product: CTDIvol in mGy times length in cm."""
    return ctdivol_mgy * length_mm / 10


def union_mm(ranges: Iterable[tuple[float, float]]) -> float:
    """The length of the union of (low, high) ranges."""
    length, reached = 0.0, -float("inf")
    for low, high in sorted(ranges):
        length += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return length


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """CTDIvol and DLP of each acquisition that states a dose; scouts and bolus tracking are left out."""
    acquisitions: dict[str, list[tuple[Stack, StackFacts]]] = defaultdict(list)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if facts.modality == "CT" and not facts.is_localizer:
            acquisitions[facts.acquisition or f"{facts.series_instance_uid}/{facts.index}"].append((stack, facts))
    for members in acquisitions.values():
        doses = [dose for stack, _ in members for dose in _doses(stack, evidence)]
        if not doses:
            continue
        mean = fmean(doses)
        length_mm = union_mm(facts.extent_mm for _, facts in members if facts.extent_mm is not None)
        where = Location(series_instance_uid=members[0][1].series_instance_uid, stack=members[0][1].index)
        series = list(dict.fromkeys(facts.series_instance_uid for _, facts in members))
        detail = {"length_mm": round(length_mm, 1), "series_instance_uids": series}
        yield Measurement("adequacy.dose.ctdivol_mgy", mean, "mGy", where, detail)
        if length_mm > 0:
            yield Measurement("adequacy.dose.dlp_mgy_cm", dlp_mgy_cm(mean, length_mm), "mGy·cm", where, detail)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The highest and the lowest CTDIvol of the item's acquisitions against its reference; nothing where it has none."""
    reference = dose_references().get(item.id)
    own = {stack.series_instance_uid for stack in stacks_for(item, facts)}
    doses = [
        measurement
        for measurement in facts.measurements
        if measurement.metric == "adequacy.dose.ctdivol_mgy"
        and own.intersection(measurement.detail["series_instance_uids"])
    ]
    if reference is None or not doses:
        return
    low, _, high = reference.ctdivol_mgy
    by_value = sorted(doses, key=lambda measurement: measurement.value)
    for quantity, measured, level in (("ctdivol_ratio", by_value[-1], high), ("ctdivol_low_ratio", by_value[0], low)):
        detail = {
            "ctdivol_mgy": measured.value,
            "reference_mgy": level,
            "citation": reference.citation,
            "exam": reference.exam,
        }
        yield Measurement(f"adequacy.dose.{quantity}", measured.value / level, "1", measured.location, detail)


def _doses(stack: Stack, evidence: Evidence) -> list[float]:
    """The CTDIvol of each frame that states one, classic or enhanced."""
    doses = [_dose(evidence.instance(frame).header, frame.index) for frame in stack.frames]
    return [dose for dose in doses if dose is not None and 0 < dose <= LARGEST_MGY]


def _dose(header: Header, frame: int) -> float | None:
    """CTDIvol of the instance, else of the frame's functional groups (CT Exposure macro, PS3.3 C.8.15.3.8)."""
    value = header.number("CTDIvol")
    if value is not None:
        return value
    groups: Sequence[Header] = (
        *header.items("PerFrameFunctionalGroupsSequence")[frame : frame + 1],
        *header.items("SharedFunctionalGroupsSequence"),
    )
    stated = (exposure.number("CTDIvol") for group in groups for exposure in group.items("CTExposureSequence"))
    return next((value for value in stated if value is not None), None)
