"""The body region that headers declare: said at all, without contradiction, and the region of the exam item.

Direction: higher is worse. Every source that names a region is placed on a map of body parts (head, neck, chest, abdomen,
pelvis, and along the limbs); the value is how many steps lie between two sources: 0 where one contains the other (a brain in
a head, a lumbar spine in an abdomen), 1 for neighbours, which a scan range may well join, 2 and more for regions that no image
shows together. Sources: BodyPartExamined, AnatomicRegionSequence (PS3.3 C.7.6.1.1.3), SeriesDescription and ProtocolName of
one series; StudyDescription and RequestedProcedureDescription count only where they agree with no series, since a study may
hold several regions.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations

from qc_models.body_map import parts_between
from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import regions_of
from qc_models.region_names import regions_in, regions_of_code
from qc_models.study import Series

QUANTITIES = {
    "contradiction": Quantity(
        "body parts",
        "{first_source} says {first_regions}, but {second_source} says {second_regions}",
        "{first_source} 为 {first_regions}，而 {second_source} 为 {second_regions}，部位信息矛盾",
        "correct the body part or the description of this series and send it again",
        "请更正该序列的检查部位或描述后重新上传",
    ),
    "item_mismatch": Quantity(
        "body parts",
        "the images show {shown}, but the exam item is about {expected}",
        "图像部位为 {shown}，而检查项目部位为 {expected}",
        "correct the body part or the exam item; send the series of the right region",
        "请更正检查部位或检查项目，并上传正确部位的序列",
    ),
    "absent": Quantity(
        "series",
        "no body part is stated anywhere for {value:.0f} of {num_series} series",
        "{num_series} 个序列中有 {value:.0f} 个未注明任何检查部位",
        "fill BodyPartExamined from the work list",
        "请由工作列表填写检查部位（BodyPartExamined）",
    ),
}

_SERIES_TEXTS = ("BodyPartExamined", "SeriesDescription", "ProtocolName")
_STUDY_TEXTS = ("StudyDescription", "RequestedProcedureDescription")
_IMAGES = frozenset({"CT", "MR", "XR"})

Sources = dict[str, frozenset[str]]  # keyword -> the region ids that it names


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """The worst contradiction of each series, and how many series say nothing at all; localizers are not asked."""
    shown = {facts.series_instance_uid for facts in evidence.stack_facts if not facts.is_localizer}
    series = [
        series for series in evidence.study.series if series.modality in _IMAGES and series.series_instance_uid in shown
    ]
    own = {one.series_instance_uid: _of_series(one) for one in series}
    of_study = _of_study(series)
    strange = {keyword: regions for keyword, regions in of_study.items() if not _agrees_with_any(regions, own.values())}
    for uid, sources in own.items():
        if (contradiction := _worst_contradiction(sources | strange)) is not None:
            apart, detail = contradiction
            where = Location(series_instance_uid=uid)
            yield Measurement("body_part.declared_region.contradiction", float(apart), "body parts", where, detail)
    silent = [] if of_study else [uid for uid, sources in own.items() if not sources]
    if silent:
        where = Location(series_instance_uid=silent[0] if len(silent) == 1 else None)
        detail = {"num_series": len(series), "series_instance_uids": silent}
        yield Measurement("body_part.declared_region.absent", float(len(silent)), "series", where, detail)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """How far the nearest stack of a known region lies from the item's region; nothing where one shows it or none is known.

    It is said of the study, not of a series: the series that are there may well be right for another item.
    """
    shown = [
        stack.region.label
        for stack in facts.stacks
        if stack.modality == item.modality and stack.region.label and not stack.is_localizer
    ]
    expected = regions_of(item)
    if not shown or any(not expected.isdisjoint(label) for label in shown):
        return
    apart = min(parts_between(label, expected) for label in shown)
    if apart:
        detail = {"shown": sorted({region for label in shown for region in label}), "expected": item.region}
        yield Measurement("body_part.declared_region.item_mismatch", float(apart), "body parts", detail=detail)


def _of_series(series: Series) -> Sources:
    """What the headers of one series name."""
    sources: dict[str, set[str]] = defaultdict(set)
    for instance in series.instances:
        for keyword in _SERIES_TEXTS:
            sources[keyword].update(regions_in(instance.header.text(keyword) or ""))
        sources["AnatomicRegionSequence"].update(_coded(instance.header))
    return {keyword: frozenset(regions) for keyword, regions in sources.items() if regions}


def _coded(header: Header) -> Iterator[str]:
    """Regions of the codes of an instance, classic or enhanced (Frame Anatomy macro, PS3.3 C.7.6.16.2.8)."""
    groups = header.items("SharedFunctionalGroupsSequence")
    places = (header, *(anatomy for group in groups for anatomy in group.items("FrameAnatomySequence")))
    for place in places:
        for code in place.items("AnatomicRegionSequence"):
            yield from regions_of_code(code.text("CodeValue") or "", code.text("CodingSchemeDesignator") or "")


def _of_study(series: Iterable[Series]) -> Sources:
    """What the study's own texts name."""
    sources: dict[str, set[str]] = defaultdict(set)
    for one in series:
        for keyword in _STUDY_TEXTS:
            sources[keyword].update(regions_in(one.instances[0].header.text(keyword) or ""))
    return {keyword: frozenset(regions) for keyword, regions in sources.items() if regions}


def _agrees_with_any(regions: frozenset[str], series: Iterable[Sources]) -> bool:
    return any(parts_between(regions, named) == 0 for sources in series for named in sources.values())


def _worst_contradiction(sources: Sources) -> tuple[int, dict[str, object]] | None:
    """How far the two farthest sources lie apart, and what they say; None where all agree."""
    worst: tuple[int, dict[str, object]] | None = None
    for (first, ours), (second, theirs) in combinations(sources.items(), 2):
        apart = parts_between(ours, theirs)
        if apart > (worst[0] if worst else 0):
            said = {"first_regions": sorted(ours), "second_regions": sorted(theirs)}
            worst = apart, {"first_source": first, "second_source": second, **said}
    return worst
