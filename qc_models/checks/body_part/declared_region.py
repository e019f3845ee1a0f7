"""The body region that headers declare: said at all, without contradiction, and the region of the exam item.

Direction: higher is worse. Every source that names a region is placed on a map of body parts (head, neck, chest, abdomen, pelvis, and
along the limbs); the value is how many parts lie between two sources: 0 where one contains the other (a brain in a head, a
lumbar spine in an abdomen), 1 for neighbours, which a scan range may well join, 2 and more for regions that no image shows together.
Sources: BodyPartExamined, AnatomicRegionSequence (PS3.3 C.7.6.1.1.3), SeriesDescription and ProtocolName of one series;
StudyDescription and RequestedProcedureDescription count only where they agree with no series, since a study may hold several regions.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from itertools import combinations

from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import regions_of, stacks_for
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
        "the series shows {shown}, but the exam item is about {expected}",
        "序列部位为 {shown}，而检查项目部位为 {expected}",
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

# The body as chains of parts; neighbours in a chain are one step apart. A region covers the parts named for it.
_CHAINS = (
    ("head", "neck", "chest", "abdomen", "pelvis", "hip", "upper leg", "knee", "lower leg", "ankle", "foot"),
    ("chest", "shoulder", "upper arm", "elbow", "forearm", "wrist", "hand"),
)
_PARTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("head", "brain", "face", "nasal", "orbit", "pituitary", "sinus", "skull", "temporal_bone"), ("head",)
    ),
    **dict.fromkeys(("neck", "cspine"), ("neck",)),
    **dict.fromkeys(("chest", "heart", "breast", "tspine"), ("chest",)),
    "ribs": ("chest", "abdomen"),
    "abdomen": ("abdomen",),
    "lspine": ("abdomen", "pelvis"),
    **dict.fromkeys(("pelvis", "prostate", "sacrum"), ("pelvis",)),
    "fullspine": ("neck", "chest", "abdomen", "pelvis"),
    "clavicle": ("chest", "shoulder"),
    "shoulder": ("shoulder",),
    "humerus": ("shoulder", "upper arm", "elbow"),
    "elbow": ("elbow",),
    "forearm": ("elbow", "forearm", "wrist"),
    "wrist": ("wrist",),
    **dict.fromkeys(("hand", "finger"), ("hand",)),
    "hip": ("pelvis", "hip"),
    **dict.fromkeys(("femur", "thigh"), ("hip", "upper leg", "knee")),
    **dict.fromkeys(("knee", "patella"), ("knee",)),
    "tibia": ("knee", "lower leg", "ankle"),
    "ankle": ("ankle",),
    "calcaneus": ("ankle", "foot"),
    **dict.fromkeys(("foot", "toe"), ("foot",)),
}  # `phantom` lies nowhere on it: body_part.content measures phantoms

_SERIES_TEXTS = ("SeriesDescription", "ProtocolName")
_STUDY_TEXTS = ("StudyDescription", "RequestedProcedureDescription")
_IMAGES = frozenset({"CT", "MR", "XR"})


@cache
def steps_between(first: str, second: str) -> int:
    """How many steps lie between two parts of the body map."""
    chain_of = {part: (chain, chain.index(part)) for chain in reversed(_CHAINS) for part in chain}
    (a, i), (b, j) = chain_of[first], chain_of[second]
    if a is b:
        return abs(i - j)
    limb_place, trunk_place = (i, j) if a is _CHAINS[1] else (j, i)
    return limb_place + abs(trunk_place - _CHAINS[0].index(_CHAINS[1][0]))


def parts_between(first: Iterable[str], second: Iterable[str]) -> int:
    """How far apart two sets of region ids lie at least; 0 where either is empty or not on the map."""
    ours = {part for region in first for part in _PARTS.get(region, ())}
    theirs = {part for region in second for part in _PARTS.get(region, ())}
    return min((steps_between(a, b) for a in ours for b in theirs), default=0)


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """The worst contradiction of each series, and how many series say nothing at all."""
    images = [series for series in evidence.study.series if series.modality in _IMAGES and _has_frames(series)]
    own = {series.series_instance_uid: _of_series(series) for series in images}
    of_study = {
        keyword: regions
        for keyword in _STUDY_TEXTS
        if (regions := _text_regions(images, keyword)) and not _agrees(regions, own)
    }
    for series in images:
        sources = own[series.series_instance_uid] | of_study
        pairs = list(combinations(sources.items(), 2))
        worst = max(pairs, key=lambda pair: parts_between(pair[0][1], pair[1][1]), default=None)
        if worst is not None and (apart := parts_between(worst[0][1], worst[1][1])):
            (first, first_regions), (second, second_regions) = worst
            yield Measurement(
                "body_part.declared_region.contradiction",
                float(apart),
                "body parts",
                Location(series_instance_uid=series.series_instance_uid),
                {
                    "first_source": first,
                    "first_regions": sorted(first_regions),
                    "second_source": second,
                    "second_regions": sorted(second_regions),
                },
            )
    said_of_study = any(_text_regions(images, keyword) for keyword in _STUDY_TEXTS)
    silent = [uid for uid, sources in own.items() if not sources and not said_of_study]
    if silent:
        here = Location(series_instance_uid=silent[0]) if len(silent) == 1 else Location()
        detail = {"num_series": len(images), "series_instance_uids": silent}
        yield Measurement("body_part.declared_region.absent", float(len(silent)), "series", here, detail)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """For each stack of the item, how far its region lies from the item's."""
    expected = regions_of(item)
    for stack in stacks_for(item, facts):
        if apart := parts_between(stack.region.label, expected):
            yield Measurement(
                "body_part.declared_region.item_mismatch",
                float(apart),
                "body parts",
                Location(series_instance_uid=stack.series_instance_uid, stack=stack.index),
                {"shown": sorted(stack.region.label), "expected": item.region, "source": stack.region.source},
            )
