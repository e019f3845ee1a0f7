"""The views, phases, sequences, planes and reconstructions that the exam item requires are there, on each side that counts.

Higher is worse: one measurement of 1 for each component that no stack fills; `PA|AP` is filled by either. What cannot be told is
no loss: an image whose side (`side_unread`) or view (`view_unread`) nobody can read stands for one component, a film whose words
name several views for as many (`one_film`), and stacks that another region is claimed of than the one asked for
(`other_region`) are looked at first. An item of one side is judged on the side that the request names, else on the sides that
the images show: there, one complete side is enough, and what a further one lacks is told (`other_side`).
`few_slices` counts the slices of a component of MR or CT that is hardly there: fewer than 5, or in MR fewer than half the slices
over less than half the length of another required sequence in that plane.
Reformats or projections without the images that they were made of stand for nothing (`sources_absent`): the thin data can be
sent again, no rescan is needed. Source: the required and optional components of the exam item.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Measurement, Quantity
from qc_models.item_matching import filling, fills, regions_of, stacks_for
from qc_models.region_names import laterality_in, regions_in
from qc_models.roles.components import is_isotropic
from qc_models.vocabulary import Laterality

FEWEST_SLICES = 5
_ANY_NUMBER = frozenset({"MIP", "MRCP", "ADC"})  # one thick slab is a whole MRCP; an ADC map can be computed again
_NAME = "completeness.required_components"

QUANTITIES = {
    "missing": Quantity(
        "",
        "{item_en} ({item}) lacks the required component {component}",
        "{item_zh}（{item}）缺少必需的组成部分 {component}",
        "send the series or view {component}; if it was not taken, take it",
        "请补传 {component} 的序列或体位；如未采集，请补充采集",
    ),
    "optional_missing": Quantity(
        "",
        "{item_en} ({item}) has no {component}, which is optional",
        "{item_zh}（{item}）没有可选组成部分 {component}",
        "send {component} if it was taken",
        "如已采集 {component}，请一并发送",
    ),
    "side_unread": Quantity(
        "",
        "the side of {component} cannot be read; an image of this view without a side was taken for it",
        "无法读取 {component} 的侧别，以无侧别的同体位图像代替",
        "fill ImageLaterality or the view code at the console",
        "请在设备端填写侧别 ImageLaterality 或体位代码",
    ),
    "view_unread": Quantity(
        "",
        "no image of {item_en} ({item}) is known to be {component}, but nobody can read the view of one that may be",
        "{item_zh}（{item}）未见可确认的 {component}，但有一幅图像体位无法读取，可能即为该体位",
        "fill ViewPosition or the view code at the console and send the image again",
        "请在设备端填写体位 ViewPosition 或体位代码后重新上传",
    ),
    "one_film": Quantity(
        "",
        "{component} of {item_en} ({item}) is taken to be on the one film whose description names several views",
        "{item_zh}（{item}）的 {component} 按图像描述视为与其他体位同在一张片上",
        "send each view as an image of its own where the device can",
        "设备支持时，请将各体位分别成像上传",
    ),
    "other_side": Quantity(
        "",
        "{item_en} ({item}) shows a further side without {component}",
        "{item_zh}（{item}）另有一侧影像缺少 {component}",
        "send {component} if that side was to be examined too",
        "如该侧亦需检查，请补传 {component}",
    ),
    "other_region": Quantity(
        "",
        "{item_en} ({item}) lacks {component}; images that would fill it are labelled {region}",
        "{item_zh}（{item}）缺少 {component}；可对应的图像部位标注为 {region}",
        "correct BodyPartExamined at the console if these are the images asked for",
        "如即为所申请的图像，请更正检查部位 BodyPartExamined",
    ),
    "few_slices": Quantity(
        "slices",
        "{component} of {item_en} ({item}) has only {value:.0f} slices; at least {least} are expected",
        "{item_zh}（{item}）的 {component} 仅有 {value:.0f} 层，预期至少 {least} 层",
        "send the rest of the series",
        "请补传该序列其余层面",
    ),
    "sources_absent": Quantity(
        "",
        "only reformats or projections of {item_en} ({item}) arrived, not the images that they were made of",
        "{item_zh}（{item}）仅收到重组或投影图像，缺少原始薄层图像",
        "send the thin axial or source series again from the scanner or PACS; no rescan is needed",
        "请从设备或PACS补传原始薄层（轴位）序列，无需重新扫描",
    ),
}


def unfilled(components: Sequence[str], stacks: Sequence[StackFacts]) -> list[tuple[str, str]]:
    """The components that no stack fills, each after the quantity that it is; images of unknown side or view stand for one."""
    spare: Counter[str] = Counter()
    for stack in stacks:
        sided = {token.partition(":")[0] for token in stack.components if ":" in token}
        spare.update({token: stack.num_views for token in stack.components if token not in sided})
    unread = [stack for stack in stacks if stack.modality == "XR" and not stack.components]
    one_film = len(stacks) == 1 and unread and unread[0].num_views > 1
    views = unread[0].num_views if one_film else len(unread)
    found = []
    for component in components:
        if any(fills(component, stack) for stack in stacks):
            continue
        view = next((token.partition(":")[0] for token in component.split("|") if ":" in token), None)
        if view is not None and spare[view] > 0:
            spare[view] -= 1
            found.append(("side_unread", component))
        elif views > 0:
            views -= 1
            found.append(("one_film" if one_film else "view_unread", component))
        else:
            found.append(("missing", component))
    return found


def unfilled_by_side(item: ExamItem, stacks: Sequence[StackFacts], texts: Iterable[str]) -> list[tuple[str, str, str]]:
    """`unfilled` of an item's required components with the side (empty where there is none), for each side that counts."""
    if item.laterality == "no" or any(":" in component for component in item.required):
        return [(*found, "") for found in unfilled(item.required, stacks)]
    shown = _sides(stack.laterality for stack in stacks)
    asked = set(("L", "R") if item.laterality == "both" else asked_sides(item, texts))
    # Where all images show the other side than the one asked for, metadata.laterality tells of the contradiction.
    due = asked if len(asked) == 2 or not shown else asked & shown
    lacks = {
        side: unfilled(item.required, [stack for stack in stacks if stack.laterality in (side, "B", None)])
        for side in sorted(due | shown) or [""]
    }
    complete = {side for side, found in lacks.items() if all(quantity != "missing" for quantity, _ in found)}
    due = due or complete or set(lacks)
    return [
        (quantity if side in due else "other_side", component, side)
        for side, found in lacks.items()
        for quantity, component in found
    ]


def asked_sides(item: ExamItem, texts: Iterable[str]) -> set[str]:
    """The sides, L and R, that the first text about the item's region names; none where it names none."""
    about = (text for text in texts if regions_of(item).intersection(regions_in(text)))
    return _sides([laterality_in(next(about, ""))])


def _sides(sides: Iterable[Laterality | None]) -> set[str]:
    return {letter for side in sides if side for letter in ("LR" if side == "B" else side)}


def labelled_otherwise(item: ExamItem, facts: Facts) -> list[StackFacts]:
    """Stacks that do not belong to a requested item by their region alone, where the request does not name that region."""
    named = [regions for text in facts.request.texts if (regions := regions_in(text))]
    by_code = set(item.match.procedure_codes).intersection(facts.request.codes)
    if not by_code and not any(regions_of(item).intersection(regions) for regions in named):
        return []
    asked = named[0] if named else ()  # the first text is the most official one
    own = stacks_for(item, facts)
    return [
        stack
        for stack in facts.stacks
        if stack.modality == item.modality
        and not stack.is_localizer
        and stack not in own
        and not set(asked).intersection(stack.region.label)
    ]


def hardly_there(item: ExamItem, facts: Facts) -> Iterator[tuple[str, int, int]]:
    """Components of few slices, with their slices and the least number that is expected."""
    filled = filling(item, facts)
    for component, stacks in filled.items():
        if not stacks or item.modality == "XR" or _ANY_NUMBER.intersection(component.split("|")):
            continue
        slices, length_mm = _covered(stacks)
        planes = {stack.nearest_plane for stack in stacks}
        series: dict[str, list[StackFacts]] = defaultdict(list)
        for stack in (stack for others in filled.values() for stack in others):
            if item.modality == "MR" and stack.nearest_plane in planes and not is_isotropic(stack):
                series[stack.series_instance_uid].append(stack)
        halves = ((most / 2, most_mm / 2) for most, most_mm in map(_covered, series.values()))
        half = max((most for most, most_mm in halves if slices < most and length_mm < most_mm), default=0.0)
        if slices < max(FEWEST_SLICES, half):
            yield component, slices, max(FEWEST_SLICES, round(half))


def _covered(stacks: Iterable[StackFacts]) -> tuple[int, float]:
    """Slices and their length in mm over all blocks; echoes, b-values and phases at one place count once."""
    places = {(stack.extent_mm, stack.num_slices, stack.length_mm or 0.0) for stack in stacks}
    return sum(slices for _, slices, _ in places), sum(length_mm for _, _, length_mm in places)


def lacks_sources(stacks: Sequence[StackFacts]) -> bool:
    """Whether all stacks are projections, or CT reformats in planes in which no scanner acquires."""
    return bool(stacks) and all(
        stack.role == "MIP"
        or (stack.modality == "CT" and stack.derived and stack.nearest_plane in ("coronal", "sagittal"))
        for stack in stacks
    )


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """Measures the stacks of one item against what it asks for."""
    stacks = stacks_for(item, facts)
    names = {"item": item.id, "item_en": item.name.en, "item_zh": item.name.zh}
    elsewhere = labelled_otherwise(item, facts)
    for quantity, component, side in unfilled_by_side(item, stacks, facts.request.texts):
        detail: dict[str, object] = {"component": f"{component} ({side})" if side else component, **names}
        regions = {region for stack in elsewhere if fills(component, stack) for region in stack.region.label}
        if quantity == "missing" and regions:
            quantity, detail["region"] = "other_region", sorted(regions)
        yield Measurement(f"{_NAME}.{quantity}", 1.0, "", detail=detail)
    for quantity, component in unfilled(item.optional, stacks):
        if quantity == "missing":
            yield Measurement(f"{_NAME}.optional_missing", 1.0, "", detail={"component": component} | names)
    for component, slices, least in hardly_there(item, facts):
        yield Measurement(
            f"{_NAME}.few_slices", slices, "slices", detail={"component": component, "least": least} | names
        )
    if lacks_sources(stacks):
        yield Measurement(f"{_NAME}.sources_absent", 1.0, "", detail=names)
