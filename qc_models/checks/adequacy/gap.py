"""The gap between neighbouring slices, as a share of their thickness: tissue that no slice shows.

Direction: higher is worse. gap = (median distance of positions - SliceThickness) / SliceThickness; negative where slices overlap.
CT is read as a volume, so no gap is right there, unless another stack shows the same range without one (a high-resolution set of
sparse slices beside a whole volume); of MR up to 30 % is usual (items of the default catalogue). A volume
that came in several stacks is measured as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qc_models.evidence import Evidence
from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.volume import volumes

_TEXTS = {
    "en": "slices of {thickness_mm:.2f} mm stand {step_mm:.2f} mm apart: {value:.0%} of a slice lies between them unseen",
    "zh": "层厚 {thickness_mm:.2f} mm，层间距 {step_mm:.2f} mm，层间遗漏为层厚的 {value:.0%}",
}
QUANTITIES = {
    "ct_ratio": Quantity(
        "1",
        **_TEXTS,
        remedy_en="reconstruct without a gap from the raw data and send the volume",
        remedy_zh="请用原始数据作无间隔重建并上传",
    ),
    "mr_ratio": Quantity(
        "1",
        **_TEXTS,
        remedy_en="plan the next examination with a gap of at most 30 % of the slice",
        remedy_zh="后续检查层间隔请不超过层厚的 30%",
    ),
}

MIN_SLICES = 3
SEEN_ELSEWHERE = 0.9  # of a stack's range, by one stack without a gap
ROUNDING = 0.01  # of thickness and position as headers write them
EXEMPT_ROLES = frozenset({"MIP", "SUB"})


def gap_ratio(step_mm: float, slice_thickness_mm: float) -> float:
    """(step - thickness) / thickness; negative where slices overlap."""
    return (step_mm - slice_thickness_mm) / slice_thickness_mm


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """The gap of every CT and MR stack of three slices or more; of CT only where no other stack fills it."""
    steps_mm = {
        (stack.series_instance_uid, stack.index): volume.whole.step_mm
        for volume in volumes(evidence)
        for stack, _ in volume.parts
        if len(volume.parts) > 1
    }
    stacks = [
        replace(facts, step_mm=steps_mm.get((facts.series_instance_uid, facts.index), facts.step_mm))
        for facts in evidence.stack_facts
    ]
    for facts in stacks:
        ratio = _ratio(facts)
        if ratio is None or (facts.modality == "CT" and ratio > ROUNDING and _filled(facts, stacks)):
            continue
        yield Measurement(
            f"adequacy.gap.{facts.modality.lower()}_ratio",
            ratio,
            "1",
            Location(series_instance_uid=facts.series_instance_uid, stack=facts.index),
            {"step_mm": facts.step_mm, "thickness_mm": facts.slice_thickness_mm},
        )


def _ratio(facts: StackFacts) -> float | None:
    """The gap of a stack whose slices say something about a volume; None of others."""
    if facts.is_localizer or facts.num_slices < MIN_SLICES or facts.modality not in ("CT", "MR"):
        return None
    if not facts.step_mm or not facts.slice_thickness_mm or not EXEMPT_ROLES.isdisjoint(facts.roles):
        return None
    return gap_ratio(facts.step_mm, facts.slice_thickness_mm)


def _filled(facts: StackFacts, others: Sequence[StackFacts]) -> bool:
    """Whether one other stack without a gap shows almost all of this one's range."""
    if facts.extent_mm is None:
        return False
    low, high = facts.extent_mm
    for other in others:
        ratio = _ratio(other)
        if other.extent_mm is None or ratio is None or ratio > ROUNDING:
            continue
        same_space = other.modality == "CT" and other.frame_of_reference_uid == facts.frame_of_reference_uid
        shared = min(high, other.extent_mm[1]) - max(low, other.extent_mm[0])
        if same_space and shared >= SEEN_ELSEWHERE * (high - low):
            return True
    return False
