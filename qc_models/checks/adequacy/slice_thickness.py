"""How thick the slices are that a reader has to work with, for each required component of the exam item.

Direction: higher is worse. `thinnest_mm` is the thickness of the thinnest stack that fills a component: a thick
reconstruction beside a thin one costs nothing. `coarsest_part_mm` asks the same of every part of the scan range: the thickness
of the thinnest stack that covers it, at the part where that is worst (sequential head CT with 4 mm slices at the base and 7 mm
above). Exempt are diffusion, ADC, dynamic and subtracted stacks, thick MRCP slabs, projections and CT reformats, whose
SliceThickness is that of no acquisition. Where a header leaves the thickness out, the step between slices stands for it, and
`ct_unknown` and `mr_unknown` say so: whether tissue lies unseen between the slices cannot be told then.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import filling

QUANTITIES = {
    "thinnest_mm": Quantity(
        "mm",
        "the thinnest stack for {component} has slices of {value:.2f} mm, limit {limit:.2f} mm",
        "{component} 最薄层厚为 {value:.2f} mm，限值 {limit:.2f} mm",
        "reconstruct thinner slices from the raw data and send them; else the examination is too coarse",
        "请用原始数据重建更薄的层面并上传，否则该检查层厚不足",
    ),
    "coarsest_part_mm": Quantity(
        "mm",
        "{length_mm:.0f} mm of the range of {component} are covered by slices of {value:.2f} mm only, limit {limit:.2f} mm",
        "{component} 扫描范围中有 {length_mm:.0f} mm 仅有 {value:.2f} mm 层厚，限值 {limit:.2f} mm",
        "reconstruct thinner slices over the whole range and send them",
        "请重建覆盖全范围的薄层并上传",
    ),
    **{
        f"{modality}_unknown": Quantity(
            "slices",
            "{value:.0f} slices for {component} have no SliceThickness; they stand {step_mm} mm apart",
            "{component} 有 {value:.0f} 层缺少层厚信息，层间距为 {step_mm} mm",
            "send the images with SliceThickness (0018,0050), as the scanner wrote it",
            "请发送包含层厚 SliceThickness (0018,0050) 的原始图像",
        )
        for modality in ("ct", "mr")
    },
}

EXEMPT_ROLES = frozenset({"DWI", "ADC", "DYNAMIC", "MIP", "SUB"})
THICK_SLAB_MM = 15.0  # an MRCP stack above it is a slab by intent
MIN_PART_MM = 20.0  # a shorter part is the overhang of a thick reconstruction


def has_thickness(stack: StackFacts) -> bool:
    """Whether a stack's slice thickness, or the step that stands for it, says how finely it was taken."""
    return _is_asked(stack) and _thickness(stack) > 0


def _is_asked(stack: StackFacts) -> bool:
    if not EXEMPT_ROLES.isdisjoint(stack.roles):
        return False
    if stack.modality == "CT":
        return stack.nearest_plane == "axial"
    return not ("MRCP" in stack.roles and _thickness(stack) > THICK_SLAB_MM)


def finest_cover(parts: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """From (low, high, thickness) of stacks, all in mm: for each stretch of their union (length, thinnest thickness there)."""
    edges = sorted({edge for low, high, _ in parts for edge in (low, high)})
    stretches: dict[float, float] = defaultdict(float)
    for low, high in pairwise(edges):
        covering = [thickness for start, end, thickness in parts if start <= low and high <= end]
        if covering:
            stretches[min(covering)] += high - low
    return [(length, thickness) for thickness, length in sorted(stretches.items())]


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The thinnest stack of each component, for CT the coarsest part of its range, and what has no thickness."""
    for component, stacks in filling(item, facts).items():
        for unknown in (stack for stack in stacks if _is_asked(stack) and stack.slice_thickness_mm is None):
            step_mm = unknown.step_mm and round(unknown.step_mm, 2)
            yield Measurement(
                f"adequacy.slice_thickness.{item.modality.lower()}_unknown",
                unknown.num_slices,
                "slices",
                _place(unknown),
                {"component": component, "step_mm": step_mm},
            )
        measured = [stack for stack in stacks if has_thickness(stack)]
        thinnest = min(measured, key=_thickness, default=None)
        if thinnest is None:
            continue
        detail = {"component": component}
        yield Measurement("adequacy.slice_thickness.thinnest_mm", _thickness(thinnest), "mm", _place(thinnest), detail)
        if item.modality == "CT" and (coarsest := _coarsest_part(measured)) is not None:
            stack, length_mm = coarsest
            if _thickness(stack) > _thickness(thinnest):
                yield Measurement(
                    "adequacy.slice_thickness.coarsest_part_mm",
                    _thickness(stack),
                    "mm",
                    _place(stack),
                    {**detail, "length_mm": length_mm},
                )


def _coarsest_part(stacks: Iterable[StackFacts]) -> tuple[StackFacts, float] | None:
    """The stack that alone covers the coarsest part of a range in one frame of reference, and that part's length."""
    by_frame: dict[str | None, list[StackFacts]] = defaultdict(list)
    for stack in stacks:
        if stack.extent_mm is not None:
            by_frame[stack.frame_of_reference_uid].append(stack)
    worst: tuple[StackFacts, float] | None = None
    for group in by_frame.values():
        parts = [(*stack.extent_mm, _thickness(stack)) for stack in group if stack.extent_mm]
        for length, thickness in finest_cover(parts):
            if length >= MIN_PART_MM and (worst is None or thickness > _thickness(worst[0])):
                worst = next(stack for stack in group if _thickness(stack) == thickness), length
    return worst


def _thickness(stack: StackFacts) -> float:
    return stack.slice_thickness_mm or stack.step_mm or 0.0


def _place(stack: StackFacts) -> Location:
    return Location(series_instance_uid=stack.series_instance_uid, stack=stack.index)
