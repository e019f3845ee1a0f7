"""What belongs together was taken together: b-values, phases, echoes, in- and opposed-phase, each over the same slices.

Higher is worse. A diffusion set needs a low b-value (at most 100 s/mm²) and a high one (at least 400); its ADC map may be computed
and is only noted. Stacks of one series that share orientation, pixel spacing, matrix, thickness and frame of reference are one
set (echoes, b-values, times of one geometry): `unequal_slices` is the largest difference of their slice counts,
`unequal_phases_mm` how far the ends of their ranges lie apart beyond one step. An in-phase image needs its opposed-phase partner.
Sources: component rules of the exam items (DWI is low and high b; in- and opposed-phase there); DICOM PS3.3 C.8.13.5.9 (b-value).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.roles.components import HIGH_B, LOW_B
from qc_models.stack import Stack

_NAME = "completeness.acquisition_sets"

_IN_PHASE = frozenset({"IN_PHASE", "IP"})
_OPPOSED = frozenset({"OUT_PHASE", "OPP_PHASE", "OP"})
_ONE_ORIENTATION = 0.01  # distance of two ImageOrientationPatient that are one, about half a degree

QUANTITIES = {
    "dwi_low_b_absent": Quantity(
        "",
        "the diffusion images have no low b-value (b {b_values} s/mm² only), so no ADC can be computed",
        "弥散图像缺少低b值（仅有 b {b_values} s/mm²），无法计算ADC",
        "send the b0 (or lowest b-value) images of the diffusion sequence",
        "请补传弥散序列的 b0（或最低b值）图像",
    ),
    "dwi_high_b_absent": Quantity(
        "",
        "the diffusion images have no high b-value (b {b_values} s/mm² only)",
        "弥散图像缺少高b值（仅有 b {b_values} s/mm²）",
        "send the high b-value images of the diffusion sequence",
        "请补传弥散序列的高b值图像",
    ),
    "adc_absent": Quantity(
        "",
        "diffusion images without an ADC map",
        "有弥散图像但没有ADC图",
        "send the ADC map, or compute it from the b-values",
        "请发送ADC图，或由各b值图像计算",
    ),
    "unequal_phases_mm": Quantity(
        "mm",
        "phases of one series cover different ranges: their ends lie up to {value:.0f} mm apart",
        "同一序列各期相的扫描范围不一致，边缘相差达 {value:.0f} mm",
        "send all slices of every phase; rescan only if a phase was not taken over the whole organ",
        "请补传各期相的全部层面；仅在某期相未覆盖整个器官时重新扫描",
    ),
    "unequal_slices": Quantity(
        "slices",
        "echoes, b-values or times of one series have unequal numbers of slices: {counts}",
        "同一序列各回波、b值或时相的层数不一致：{counts}",
        "send the whole series again; every set should have {most} slices",
        "请重新发送完整序列，每组应有 {most} 层",
    ),
    "phase_partner_absent": Quantity(
        "",
        "there are {there} images without their {absent} partner",
        "仅有{there_zh}图像，缺少配对的{absent_zh}图像",
        "send the {absent} images of the chemical-shift sequence",
        "请补传化学位移序列的{absent_zh}图像",
    ),
}


def lacking_b_values(b_values: Iterable[float]) -> list[str]:
    """The quantities that say which end of a diffusion set is absent; none where no b-value is known."""
    known = list(b_values)
    if not known:
        return []
    ends = (("dwi_low_b_absent", min(known) > LOW_B), ("dwi_high_b_absent", max(known) < HIGH_B))
    return [quantity for quantity, absent in ends if absent]


def apart_mm(ranges_mm: Sequence[tuple[float, float]], step_mm: float) -> float:
    """How far the lower or the upper ends of some ranges lie apart; 0 where that is no more than one step."""
    apart = max(max(end) - min(end) for end in zip(*ranges_mm, strict=True))
    return apart if apart > 1.05 * step_mm else 0.0


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures the diffusion images of a study, the sets of each series, and its chemical-shift images."""
    yield from _diffusion(evidence)
    by_series: dict[str, list[Stack]] = defaultdict(list)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if stack.normal is not None and not facts.is_localizer and facts.role != "MIP":
            by_series[stack.series_instance_uid].append(stack)
    for uid, stacks in by_series.items():
        for group in _one_geometry(stacks):
            yield from _compare(group, Location(series_instance_uid=uid))
    yield from _chemical_shift(evidence)


def _diffusion(evidence: Evidence) -> Iterator[Measurement]:
    weighted = [facts for facts in evidence.stack_facts if "DWI" in facts.roles]
    b_values = sorted({value for facts in weighted for value in facts.b_values})
    place = Location(series_instance_uid=weighted[0].series_instance_uid) if weighted else Location()
    for quantity in lacking_b_values(b_values):
        yield Measurement(f"{_NAME}.{quantity}", 1.0, "", place, {"b_values": [round(value) for value in b_values]})
    if weighted and not any("ADC" in facts.roles for facts in evidence.stack_facts):
        yield Measurement(f"{_NAME}.adc_absent", 1.0, "", place)


def _compare(group: Sequence[Stack], place: Location) -> Iterator[Measurement]:
    if len(group) < 2:
        return
    counts = [stack.num_slices for stack in group]
    if min(counts) != max(counts):
        detail = {"counts": counts[:20], "most": max(counts)}
        yield Measurement(f"{_NAME}.unequal_slices", max(counts) - min(counts), "slices", place, detail)
    ranges_mm = [(float(stack.slice_positions_mm[0]), float(stack.slice_positions_mm[-1])) for stack in group]
    value = apart_mm(ranges_mm, max(stack.step_mm or stack.slice_thickness_mm or 0.0 for stack in group))
    if value:
        yield Measurement(f"{_NAME}.unequal_phases_mm", round(value, 2), "mm", place)


def _one_geometry(stacks: Sequence[Stack]) -> list[list[Stack]]:
    groups: list[list[Stack]] = []
    for stack in stacks:
        group = next((group for group in groups if _alike(group[0], stack)), None)
        if group is None:
            groups.append([stack])
        else:
            group.append(stack)
    return groups


def _alike(a: Stack, b: Stack) -> bool:
    first, second = a.frames[0], b.frames[0]
    return (
        (first.rows, first.columns, first.frame_of_reference_uid, first.stack_id)
        == (second.rows, second.columns, second.frame_of_reference_uid, second.stack_id)
        and math.dist(first.image_orientation_patient or (), second.image_orientation_patient or ()) <= _ONE_ORIENTATION
        and _near(first.pixel_spacing_mm or (), second.pixel_spacing_mm or ())
        and _near([first.slice_thickness_mm or 0.0], [second.slice_thickness_mm or 0.0])
    )


def _near(a: Sequence[float], b: Sequence[float]) -> bool:
    return len(a) == len(b) and all(abs(x - y) <= 1e-3 * max(x, y) for x, y in zip(a, b, strict=True))


def _chemical_shift(evidence: Evidence) -> Iterator[Measurement]:
    """One side alone, told by the words of ImageType; two echo times are both sides whatever the words."""
    stacks = [
        stack
        for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True)
        if "IN_OUT_PHASE" in facts.roles
    ]
    words = {word.upper() for stack in stacks for frame in stack.frames for word in frame.image_type}
    echoes = {round(frame.echo_time_ms, 1) for stack in stacks for frame in stack.frames if frame.echo_time_ms}
    if len(echoes) > 1 or bool(words & _IN_PHASE) == bool(words & _OPPOSED):
        return
    english, chinese = ("in-phase", "opposed-phase"), ("同相位", "反相位")
    side = 0 if words & _IN_PHASE else 1
    detail = {
        "there": english[side],
        "absent": english[1 - side],
        "there_zh": chinese[side],
        "absent_zh": chinese[1 - side],
    }
    place = Location(series_instance_uid=stacks[0].series_instance_uid)
    yield Measurement(f"{_NAME}.phase_partner_absent", 1.0, "", place, detail)
