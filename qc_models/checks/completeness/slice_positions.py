"""The slices of a stack stand at regular positions: none missing, none twice, at every time of a series of times.

Higher is worse. Positions are ImagePositionPatient along the normal of the stack (PS3.3 C.7.6.2.1.1), never SliceLocation or
SpacingBetweenSlices alone. The usual step is the most common one, or a smaller one of which the others are multiples; a step of
k usual steps misses k - 1 slices. A gap of three slices or more between blocks is planned unless instance numbers are absent
there; CT must show by numbers that none is. A spacing that changes half way makes two regular parts and misses nothing. Where
all steps are equal, the stride of the instance numbers and the declared spacing or thickness tell that only every k-th slice
came. At each position one frame a time is expected: as many as CardiacNumberOfImages says or as most positions have.
Source: gaps in positions mean lost slices in CT and may be planned in MR (public import bugs of ITK and dcm2niix).
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from qc_models.checks.completeness.instance_numbers import numberings
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.stack import Stack, time_of
from qc_models.study import Frame

_NAME = "completeness.slice_positions"
_SHOWN = 20

EVEN = 0.01  # relative; orientations are rounded too
SAME_STEP = 0.05  # relative; steps that differ by less are one step
WIDEST_STEP = 1.35  # slice thicknesses; gaps of up to a third are usual in MR
GAP = 1.5  # usual steps from which on a step is a gap
LARGEST_ROUNDING_MM = 0.1  # positions of fewer decimals are meant as they stand
BLOCK_GAP = (
    3  # slices that a planned gap between blocks leaves out (steps, where it is no multiple), and that a block holds
)
PROOF = 3  # usual steps that prove a spacing constant without the help of numbers

QUANTITIES = {
    "step_mm": Quantity(
        "mm",
        "neighbouring slices lie {value:.2f} mm apart",
        "相邻层间距 {value:.2f} mm",
        "scan with the slice interval of the protocol",
        "请按扫描方案设置层间距",
    ),
    "missing": Quantity(
        "slices",
        "{value:.0f} slices are missing: neighbours lie {step_mm} mm apart, but not behind {after}",
        "缺少 {value:.0f} 层：相邻层间距为 {step_mm} mm，但在 {after} 之后不连续",
        "send the whole series again from the scanner or PACS ({value:.0f} slices behind {after}); rescan only if they are lost",
        "请从设备或PACS重新发送整个序列（{after} 之后缺 {value:.0f} 层）；仅在原始图像丢失时重新扫描",
    ),
    "duplicate": Quantity(
        "images",
        "{value:.0f} images repeat a position and time that another image of the stack has, at {at}",
        "{value:.0f} 幅图像与同组其他图像的位置和时间重复，位于 {at}",
        "remove the copies at the sender and send the series again",
        "请在发送端删除重复图像后重传该序列",
    ),
    "missing_frames": Quantity(
        "images",
        "{value:.0f} images of a series of times are missing: {expected} are expected at each position, fewer came at {at}",
        "时间序列缺少 {value:.0f} 幅图像：每个位置应有 {expected} 幅，以下位置不足：{at}",
        "send the whole series again with all phases or time points",
        "请重新发送包含全部期相或时间点的完整序列",
    ),
    "irregular": Quantity(
        "%",
        "the distance of neighbouring slices is uneven by {value:.0f} % of the usual {step_mm} mm, worst behind {after}",
        "层间距不均匀，最大偏差为常用间距 {step_mm} mm 的 {value:.0f} %，位于 {after} 之后",
        "check that the series is whole and from one scan; send it again or reconstruct it with an even interval",
        "请确认该序列完整且来自同一次扫描；重新发送，或以均匀间距重建",
    ),
    "step_change": Quantity(
        "ratio",
        "the slice spacing changes inside the series between {steps_mm} mm, behind {after}",
        "序列内层间距在 {after} 之后发生变化（{steps_mm} mm）",
        "if the change was not planned, send the series again; every second slice may be missing in one part",
        "如非计划内的间距变化，请重新发送该序列；其中一段可能隔层缺失",
    ),
    "thinned": Quantity(
        "ratio",
        "slices lie {step_mm} mm apart, but their spacing or thickness is {declared_mm} mm: only one in {value:.0f} may be here",
        "层间距为 {step_mm} mm，而声明的间距或层厚为 {declared_mm} mm：可能每 {value:.0f} 层仅收到 1 层",
        "compare the image count with the scanner and send all slices",
        "请与设备核对图像数量并发送全部层面",
    ),
    "planned_gap": Quantity(
        "slices",
        "the stack is made of blocks: room for {value:.0f} slices lies between them, behind {after}",
        "该序列由多个扫描块组成，块间空出 {value:.0f} 层，位于 {after} 之后",
        "nothing, if the blocks were planned; else send the series again",
        "如为计划内的分段扫描则无需处理；否则请重新发送",
    ),
    "overlap_mm": Quantity(
        "mm",
        "slices of {thickness_mm} mm overlap by {value:.2f} mm",
        "层厚 {thickness_mm} mm，相邻层重叠 {value:.2f} mm",
        "nothing: an overlapping reconstruction is usual",
        "重叠重建属正常情况，无需处理",
    ),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What else is known of a stack's steps; `absent` counts for each step the instance numbers absent from the series there."""

    absent: tuple[int, ...] | None = None
    spacing_mm: float | None = None
    thickness_mm: float | None = None
    rounding_mm: float = 0.0
    strict: bool = True

    def fits(self, step_mm: float) -> bool:
        """Whether a step is what SpacingBetweenSlices says, else whether the slices leave no wide gap.

        SpacingBetweenSlices is centre to centre; some MR scanners write the gap instead, which is less than a slice.
        """
        thickness = self.thickness_mm or 0.0
        if self.spacing_mm is None:
            return not thickness or 0.5 * thickness <= step_mm <= WIDEST_STEP * thickness
        is_gap = not self.strict and self.spacing_mm < 0.95 * thickness
        meant = (self.spacing_mm, self.spacing_mm + thickness) if is_gap else (self.spacing_mm,)
        return any(_same(step_mm, value, self.rounding_mm) for value in meant)

    def times(self, step_mm: float) -> int:
        """How many slices of the declared spacing, else of the thickness, one step has room for; 1 where it is no multiple."""
        if self.spacing_mm is None:
            return max(1, int(step_mm / (self.thickness_mm or step_mm) + 0.1))
        times = max(1, round(step_mm / self.spacing_mm))
        return times if _same(step_mm, times * self.spacing_mm, self.rounding_mm) else 1


@dataclass
class Steps:
    """What the steps between slices tell, by the index of the slice before the step; `irregular` is relative to the usual step."""

    usual_mm: list[float]
    missing: dict[int, int] = field(default_factory=dict)
    planned: dict[int, int] = field(default_factory=dict)
    irregular: dict[int, float] = field(default_factory=dict)
    thinned: int = 1  # one slice in so many, by the declared spacing or thickness alone


def examine(steps_mm: Sequence[float], declared: Declared) -> Steps:
    """Tells lost slices, planned gaps and uneven steps apart; needs one step at least."""
    stride, skipped = _stride(declared.absent)
    parts = _parts(steps_mm, skipped, declared.rounding_mm)
    found = Steps([usual_step(steps_mm, skipped, declared.rounding_mm)] * len(steps_mm))
    if len(parts) > 1:
        found.usual_mm = _usual_by_part(len(steps_mm), parts)
    elif not declared.fits(found.usual_mm[0]):
        usual = found.usual_mm[0]
        if stride > 1 and declared.fits(usual / stride):
            skipped, found.usual_mm = declared.absent, [usual / stride] * len(steps_mm)
        else:
            found.thinned = declared.times(usual)
    ratios = [step / usual for step, usual in zip(steps_mm, found.usual_mm, strict=True)]
    proven = sum(abs(ratio - 1) <= 0.1 for ratio in ratios) >= PROOF
    for i, ratio in enumerate(ratios):
        usual = found.usual_mm[i]
        if ratio - declared.rounding_mm / usual < GAP:
            deviation = abs(steps_mm[i] - usual) - declared.rounding_mm
            joint = len(parts) > 1 and not any(start <= i < stop for start, stop, _ in parts)
            if deviation > EVEN * usual and not joint:
                found.irregular[i] = deviation / usual
            continue
        count = max(1, round(ratio) - 1)
        multiple = abs(ratio - count - 1) <= min(0.3, 0.1 + 0.02 * count + declared.rounding_mm / usual)
        between_blocks = (count >= BLOCK_GAP or (ratio >= BLOCK_GAP and not multiple)) and _regular_around(ratios, i)
        if skipped is not None and skipped[i]:
            found.missing[i] = min(count, skipped[i])
        elif between_blocks and (skipped is not None or not declared.strict):
            found.planned[i] = count
        elif multiple and proven and (declared.strict or count < BLOCK_GAP):
            found.missing[i] = count
        else:
            found.irregular[i] = abs(ratio - 1)
    return found


def usual_step(steps_mm: Sequence[float], skipped: Sequence[int] | None, rounding_mm: float) -> float:
    """The most common step, or a smaller one of which it is a multiple, if a third of the steps or the numbers bear it out."""
    clusters: list[list[int]] = []
    for i in sorted(range(len(steps_mm)), key=steps_mm.__getitem__):
        if clusters and _same(steps_mm[clusters[-1][0]], steps_mm[i], rounding_mm):
            clusters[-1].append(i)
        else:
            clusters.append([i])
    centres = [float(np.median([steps_mm[i] for i in cluster])) for cluster in clusters]
    most = max(range(len(clusters)), key=lambda k: (len(clusters[k]), -k))
    for k in range(most):
        times = round(centres[most] / centres[k])
        numbers_agree = skipped is not None and all(skipped[i] for i in clusters[most])
        borne_out = numbers_agree or len(clusters[k]) * 3 >= len(steps_mm)
        if 2 <= times <= 10 and abs(centres[most] / centres[k] - times) <= 0.1 and borne_out:
            return centres[k]
    return centres[most]


def frames_missing(counts: Sequence[int], declared: int | None, labelled: bool) -> tuple[int, dict[int, int]]:
    """How many frames each position should have, and the difference (have - should) where one has more or fewer.

    Expected is the `declared` number where a position has it; the largest where positions hold labelled times; else what most
    positions have.
    """
    usual = Counter(counts)
    times = sum(count > 1 for count in counts) * 2 > len(counts)
    if declared and declared in usual and times:
        expected = declared
    elif labelled and times:
        expected = max(counts)
    else:
        expected = max(usual, key=lambda count: (usual[count], count))
    return expected, {i: count - expected for i, count in enumerate(counts) if count != expected}


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures each stack that has positions, but for localizers."""
    by_series: dict[str, list[Stack]] = defaultdict(list)
    for stack in evidence.stacks:
        by_series[stack.series_instance_uid].append(stack)
    present = {
        (stack.series_instance_uid, stack.index): sorted(
            {frame.instance_number for member in group for frame in member.frames if frame.instance_number is not None}
        )
        for stacks in by_series.values()
        for group in numberings(stacks)
        for stack in group
    }
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if stack.modality != "XR" and stack.normal is not None and not facts.is_localizer:
            numbers = present[stack.series_instance_uid, stack.index]
            yield from _measure_steps(stack, numbers, reformatted=facts.derived)
            yield from _measure_frames(stack, _declared_phases(evidence, stack))


def _measure_steps(stack: Stack, present: Sequence[int], *, reformatted: bool) -> Iterator[Measurement]:
    steps_mm = [float(step) for step in np.diff(stack.slice_positions_mm)]
    if not steps_mm:
        return
    first = _first_frames(stack)
    spacings = [frame.spacing_between_slices_mm for frame in stack.frames if frame.spacing_between_slices_mm]
    declared = Declared(
        absent=_absent([frame.instance_number for frame in first], present),
        spacing_mm=float(np.median(spacings)) if spacings else None,
        thickness_mm=stack.slice_thickness_mm,
        rounding_mm=_rounding_mm(stack),
        strict=stack.modality == "CT",
    )
    found = examine(steps_mm, declared)
    usual = sorted(set(found.usual_mm))
    step_mm = round(float(np.median(found.usual_mm)), 3)

    def told(quantity: str, value: float, unit: str, slices: Sequence[int] = (), **detail: Any) -> Measurement:
        place = Location(stack.series_instance_uid, slice=slices[0] if slices else None, stack=stack.index)
        after = [_place(stack, first, i) for i in slices[:_SHOWN]]
        return Measurement(f"{_NAME}.{quantity}", value, unit, place, {"step_mm": step_mm, "after": after} | detail)

    yield told("step_mm", step_mm, "mm")
    if found.missing:
        yield told("missing", sum(found.missing.values()), "slices", list(found.missing))
    if found.planned:
        yield told("planned_gap", sum(found.planned.values()), "slices", list(found.planned))
    if found.irregular:
        worst = max(found.irregular, key=found.irregular.__getitem__)
        yield told("irregular", round(100 * found.irregular[worst], 1), "%", [worst])
    if len(usual) > 1:
        changes = [i for i in range(len(steps_mm) - 1) if found.usual_mm[i] != found.usual_mm[i + 1]]
        yield told("step_change", usual[-1] / usual[0], "ratio", changes, steps_mm=[round(step, 3) for step in usual])
    if found.thinned > 1 and not reformatted:  # spacing and thickness of a reformat are often those of its source
        yield told("thinned", found.thinned, "ratio", declared_mm=declared.spacing_mm or declared.thickness_mm)
    overlap_mm = (declared.thickness_mm or 0.0) - step_mm
    if overlap_mm > declared.rounding_mm + 0.01:
        yield told("overlap_mm", round(overlap_mm, 3), "mm", thickness_mm=declared.thickness_mm)


def _measure_frames(stack: Stack, declared: int | None) -> Iterator[Measurement]:
    frames: list[list[Frame]] = [[] for _ in range(stack.num_slices)]
    for index, frame in zip(stack.slice_index, stack.frames, strict=True):
        frames[index].append(frame)
    copies = {i: again for i, at in enumerate(frames) if (again := _copies(at))}
    if len(copies) * 2 > len(frames):  # everywhere: times that nothing tells apart
        copies = {}
    counts = [len(at) - len(copies.get(i, ())) for i, at in enumerate(frames)]
    labelled = [len({time_of(frame) for frame in at}) == count for at, count in zip(frames, counts, strict=True)]
    most = max(range(len(counts)), key=counts.__getitem__)
    expected, differences = frames_missing(counts, declared, labelled[most])
    surplus = {i: len(at) for i, at in copies.items()}
    for i, difference in differences.items():
        if difference > 0 and (expected == 1 or not labelled[i]):
            surplus[i] = surplus.get(i, 0) + difference
    fewer = {i: -difference for i, difference in differences.items() if difference < 0}
    first = _first_frames(stack)
    for quantity, found in (("duplicate", dict(sorted(surplus.items()))), ("missing_frames", fewer)):
        if found:
            where = next(iter(found))
            uid = frames[where][-1].sop_instance_uid if quantity == "duplicate" else None
            place = Location(stack.series_instance_uid, uid, slice=where, stack=stack.index)
            detail = {"at": [_place(stack, first, i) for i in list(found)[:_SHOWN]], "expected": expected}
            yield Measurement(f"{_NAME}.{quantity}", sum(found.values()), "images", place, detail)


def _copies(frames: Sequence[Frame]) -> list[Frame]:
    """Frames of one position whose time and number another instance has."""
    seen: dict[tuple[object, ...], str] = {}
    return [
        frame
        for frame in frames
        if seen.setdefault((time_of(frame), frame.instance_number, frame.acquisition_number), frame.sop_instance_uid)
        != frame.sop_instance_uid
    ]


def _declared_phases(evidence: Evidence, stack: Stack) -> int | None:
    return evidence.instance(stack.frames[0]).header.integer("CardiacNumberOfImages")


def _stride(absent: Sequence[int] | None) -> tuple[int, Sequence[int] | None]:
    """The stride of numbers from slice to slice (the smallest that a fifth of the steps share), and how many it skips at each."""
    if absent is None:
        return 1, None
    stride = 1 + min((value for value, steps in Counter(absent).items() if steps * 5 >= len(absent)), default=0)
    return stride, [round((value + 1) / stride) - 1 for value in absent]


def _parts(
    steps_mm: Sequence[float], skipped: Sequence[int] | None, rounding_mm: float
) -> list[tuple[int, int, float]]:
    """Runs of one step (start, stop, step) that differ from each other; none or one where the stack has one spacing."""
    runs: list[tuple[int, int]] = []
    for i, step in enumerate(steps_mm):
        if runs and _same(steps_mm[runs[-1][0]], step, rounding_mm):
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    shortest = max(PROOF, len(steps_mm) // 8)
    parts = [
        (start, stop, float(np.median(steps_mm[start:stop])))
        for start, stop in runs
        if stop - start >= shortest and (skipped is None or sum(map(bool, skipped[start:stop])) * 2 < stop - start)
    ]
    return parts if any(not _same(parts[0][2], step, rounding_mm) for _, _, step in parts) else parts[:1]


def _usual_by_part(num_steps: int, parts: Sequence[tuple[int, int, float]]) -> list[float]:
    """For each step the usual one of its part; between two parts the larger of theirs."""
    usual = []
    for i in range(num_steps):
        before = [step for start, _, step in parts if start <= i]
        behind = [step for _, stop, step in parts if i < stop]
        usual.append(max(before[-1:] + behind[:1]))
    return usual


def _regular_around(ratios: Sequence[float], i: int) -> bool:
    """Whether a block of slices without a gap lies on either side of step `i`."""
    reach = BLOCK_GAP - 1
    sides = ratios[max(0, i - reach) : i], ratios[i + 1 : i + 1 + reach]
    return all(len(side) == reach and max(side) < GAP for side in sides)


def _absent(numbers: Sequence[int | None], present: Sequence[int]) -> tuple[int, ...] | None:
    """For each pair of neighbours how many of the numbers between them no image of the series has; None without numbers."""
    if len(set(numbers)) < 2 or None in numbers:
        return None
    known = [number for number in numbers if number is not None]
    pairs = [sorted(pair) for pair in pairwise(known)]
    return tuple(
        max(0, high - low - 1) - max(0, bisect_left(present, high) - bisect_right(present, low)) for low, high in pairs
    )


def _rounding_mm(stack: Stack) -> float:
    """How far a step may be off because positions are written with few decimals."""
    values = np.array([frame.image_position_patient for frame in stack.frames])
    decimals = next((d for d in range(1, 6) if np.allclose(values, np.round(values, d), rtol=0, atol=1e-9)), 6)
    along = sum(abs(part) for part in stack.normal or ())
    return min(10.0**-decimals, LARGEST_ROUNDING_MM) * along


def _first_frames(stack: Stack) -> list[Frame]:
    first: dict[int, Frame] = {}
    for index, frame in zip(stack.slice_index, stack.frames, strict=True):
        first.setdefault(index, frame)
    return list(first.values())


def _place(stack: Stack, first: Sequence[Frame], index: int) -> str:
    number = first[index].instance_number
    position = f"{stack.slice_positions_mm[index]:.1f} mm"
    return position if number is None else f"{position} (#{number})"


def _same(a: float, b: float, rounding_mm: float) -> bool:
    return abs(a - b) <= SAME_STEP * min(a, b) + 2 * rounding_mm
