"""The views, phases, sequences, planes and reconstructions that the exam item requires are there.

Higher is worse: one measurement of 1 for each component that no stack fills; `PA|AP` is filled by either. A view whose side
nobody can read counts for a required side, one image a side (`side_unread`). Reformats or projections without the images that
they were made of stand for nothing (`sources_absent`): the thin data can be sent again, no rescan is needed.
Source: the required and optional components of the exam item.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Measurement, Quantity
from qc_models.item_matching import fills, stacks_for

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
    "sources_absent": Quantity(
        "",
        "only reformats or projections of {item_en} ({item}) arrived, not the images that they were made of",
        "{item_zh}（{item}）仅收到重组或投影图像，缺少原始薄层图像",
        "send the thin axial or source series again from the scanner or PACS; no rescan is needed",
        "请从设备或PACS补传原始薄层（轴位）序列，无需重新扫描",
    ),
}


def unfilled(components: Sequence[str], stacks: Sequence[StackFacts]) -> tuple[list[str], list[str]]:
    """The components that no stack fills, and those that only images without a readable side can stand for."""
    spare: Counter[str] = Counter()
    for stack in stacks:
        sided = {token.partition(":")[0] for token in stack.components if ":" in token}
        spare.update({token: stack.num_views for token in stack.components if token not in sided})
    missing, unread = [], []
    for component in components:
        if any(fills(component, stack) for stack in stacks):
            continue
        view = next((token.partition(":")[0] for token in component.split("|") if ":" in token), None)
        if view is not None and spare[view] > 0:
            spare[view] -= 1
            unread.append(component)
        else:
            missing.append(component)
    return missing, unread


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
    missing, unread = unfilled(item.required, stacks)
    optional, _ = unfilled(item.optional, stacks)
    for quantity, components in (("missing", missing), ("side_unread", unread), ("optional_missing", optional)):
        for component in components:
            yield Measurement(f"{_NAME}.{quantity}", 1.0, "", detail={"component": component} | names)
    if lacks_sources(stacks):
        yield Measurement(f"{_NAME}.sources_absent", 1.0, "", detail=names)
