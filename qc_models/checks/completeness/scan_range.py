"""The scan covers the length that the exam item asks for.

`coverage_mm` is the length of the union of the ranges of the item's stacks along head-foot, slice thickness included, for the
best covered phase (CT) or sequence (MR): lower is worse. CT counts axial stacks, or all where there are none; MR axial stacks, or
isotropic volumes (at most 1.5 mm) in another plane where there are none. `uncovered_gap_mm` is the longest stretch inside that no
stack covers, where it exceeds the usual gap between slices by half a step, as one lost slice does: higher is worse. It is a floor
for adults and no proof that the right organ was covered: landmarks decide where a model sees them. `length_mm` is the length of
each stack along its own normal. Source: min_coverage_mm of the exam item.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import stacks_for
from qc_models.roles.components import is_isotropic
from qc_models.vocabulary import CT_PHASES

_NAME = "completeness.scan_range"

_UNSURE_PHASES = {"enhanced": ("arterial", "portal", "delayed")}  # an enhanced stack may be any of them

QUANTITIES = {
    "length_mm": Quantity(
        "mm",
        "the stack covers {value:.0f} mm",
        "该组图像覆盖 {value:.0f} mm",
        "scan the range of the protocol",
        "请按扫描方案的范围扫描",
    ),
    "coverage_mm": Quantity(
        "mm",
        "the scan covers {value:.0f} mm from head to foot; {item} asks for {floor_mm:.0f} mm ({start} to {end})",
        "头足方向扫描范围为 {value:.0f} mm；{item} 要求不小于 {floor_mm:.0f} mm（{start} 至 {end}）",
        "send all series and slices; if the range from {start} to {end} was not scanned, complete the scan",
        "请补传全部序列和层面；如未扫描 {start} 至 {end} 的完整范围，请补充扫描",
    ),
    "uncovered_gap_mm": Quantity(
        "mm",
        "inside the scanned range {value:.0f} mm are covered by no stack, from {low_mm:.0f} to {high_mm:.0f} mm",
        "扫描范围内有 {value:.0f} mm 未被任何图像覆盖（{low_mm:.0f} 至 {high_mm:.0f} mm）",
        "send the slices that lie between the stacks; if they were not scanned, complete the scan",
        "请补传两段之间的层面；如未扫描，请补充扫描",
    ),
}


def union_mm(ranges_mm: Sequence[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    """The length that some ranges cover together, and the longest gap (low, high) between them; (0, 0) without one."""
    covered, gap, end = 0.0, (0.0, 0.0), min(low for low, _ in ranges_mm)
    for low, high in sorted(ranges_mm):
        if low - end > gap[1] - gap[0]:
            gap = (end, low)
        covered += max(0.0, high - max(low, end))
        end = max(end, high)
    return covered, gap


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures the length of each stack that has one."""
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if stack.extent_mm is not None and stack.num_slices > 1 and not facts.is_localizer:
            place = Location(series_instance_uid=stack.series_instance_uid, stack=stack.index)
            yield Measurement(f"{_NAME}.length_mm", round(stack.extent_mm, 2), "mm", place)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """Measures the union of an item's stacks where the item asks for a length."""
    wanted = item.scan_range
    if wanted is None or wanted.min_coverage_mm is None or item.modality == "XR":
        return
    counted = _counted(stacks_for(item, facts), item.modality)
    unions = [union_mm(ranges_mm) for ranges_mm in _phases(counted)]
    if not unions:
        return
    covered, (low, high) = max(unions)
    detail = {"item": item.id, "floor_mm": wanted.min_coverage_mm, "start": wanted.start, "end": wanted.end}
    yield Measurement(f"{_NAME}.coverage_mm", round(covered, 1), "mm", detail=detail)
    if high - low > max(map(_usual_gap_mm, counted)):
        gap = {"low_mm": round(low, 1), "high_mm": round(high, 1)}
        yield Measurement(f"{_NAME}.uncovered_gap_mm", round(high - low, 1), "mm", detail=gap)


def _counted(stacks: Sequence[StackFacts], modality: str) -> list[StackFacts]:
    """The stacks whose range counts: axial ones; in CT else all, in MR else isotropic volumes; never projections."""
    ranged = [stack for stack in stacks if stack.extent_mm is not None and stack.role != "MIP"]
    axial = [stack for stack in ranged if stack.nearest_plane == "axial"]
    return axial or (ranged if modality == "CT" else [stack for stack in ranged if is_isotropic(stack)])


def _usual_gap_mm(stack: StackFacts) -> float:
    """What may lie between two stacks: the gap between slices and half a step; one lost slice leaves more."""
    step_mm = stack.step_mm or stack.slice_thickness_mm or 0.0
    return step_mm / 2 + max(0.0, step_mm - (stack.slice_thickness_mm or step_mm))


def _phases(stacks: Sequence[StackFacts]) -> list[list[tuple[float, float]]]:
    """The ranges of each role; what is only known to be enhanced counts with every enhanced phase."""
    by_role: dict[str | None, list[tuple[float, float]]] = defaultdict(list)
    for stack in stacks:
        if stack.extent_mm is not None:
            by_role[_phase(stack)].append(stack.extent_mm)
    for unsure, phases in _UNSURE_PHASES.items():
        for phase in phases:
            if phase in by_role:
                by_role[phase].extend(by_role.get(unsure, []))
    return list(by_role.values())


def _phase(stack: StackFacts) -> str | None:
    if stack.modality == "CT":
        return next((role for role in (stack.role, *stack.roles) if role in CT_PHASES), None)
    return stack.role
