"""The slices of a stack stand at regular positions: none missing, none twice, at every time of a series of times.

Higher is worse. Positions are ImagePositionPatient along the normal of the stack (PS3.3 C.7.6.2.1.1), never SliceLocation or
SpacingBetweenSlices alone. The usual step is the most common one, or a smaller one of which the others are multiples; a step of
k usual steps misses k - 1 slices. A gap of three slices or more between blocks is planned unless instance numbers are absent
there; CT must show by numbers that none is. A spacing that changes half way makes two regular parts and misses nothing. Where
all steps are equal, the stride of the instance numbers and the declared spacing or thickness tell that only every k-th slice
came. A volume that came as several series or stacks is judged as one. What stands in a gap with another matrix or spacing, or
has lost its position, is not missing. Slices that are torn apart, one or two to a stack, cannot be judged: they are `scattered`.
At each position one frame a time is expected: as many as CardiacNumberOfImages says or as most positions have.
Source: gaps in positions mean lost slices in CT and may be planned in MR (public import bugs of ITK and dcm2niix).
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from qc_models.checks.completeness.instance_numbers import numberings
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.slice_steps import Declared, Steps, examine, rounding_of_mm
from qc_models.stack import ORIENTATION_TOLERANCE_DEG, SAME_POSITION_MM, Stack, time_of
from qc_models.study import Frame
from qc_models.volume import Volume, volumes

_NAME = "completeness.slice_positions"
_SHOWN = 20
# Fewer images than this in one place of a series are a fragment, and fewer fragments tear nothing apart.
_FEW = 3
_OFF_PLACE = 0.1  # usual steps by which an image may lie beside the place of a slice that it stands for

Numbers = Mapping[
    tuple[str, int], Sequence[int]
]  # by series and index of a stack: the instance numbers of its numbering

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
    "odd_geometry": Quantity(
        "images",
        "{value:.0f} images stand in gaps of the stack, but with another matrix, pixel spacing or thickness, behind {after}",
        "{value:.0f} 幅图像位于该组层面之间，但矩阵、像素间距或层厚不同，位于 {after} 之后",
        "send these images as the scanner wrote them; if the scanner did, reconstruct the series with one geometry",
        "请发送设备原始图像；如设备原始图像即如此，请以统一的矩阵和间距重建该序列",
    ),
    "scattered": Quantity(
        "images",
        "{value:.0f} of {num_images} parallel images lie alone or in pairs, so that lost slices cannot be told",
        "{num_images} 幅平行图像中有 {value:.0f} 幅孤立或仅成对，无法判断是否缺层",
        "send each series under one SeriesInstanceUID and FrameOfReferenceUID, as the scanner wrote it",
        "请按设备原始数据发送：同一序列使用同一 SeriesInstanceUID 和 FrameOfReferenceUID",
    ),
    "split_series": Quantity(
        "series",
        "one volume came as {value:.0f} series; its slices are judged together",
        "同一容积的图像分成了 {value:.0f} 个序列，已合并判断层面",
        "send the volume as one series",
        "请作为一个序列发送",
    ),
    "overlap_mm": Quantity(
        "mm",
        "slices of {thickness_mm} mm overlap by {value:.2f} mm",
        "层厚 {thickness_mm} mm，相邻层重叠 {value:.2f} mm",
        "nothing: an overlapping reconstruction is usual",
        "重叠重建属正常情况，无需处理",
    ),
}


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
    """Measures each volume, and each stack of it, but for localizers."""
    by_series: dict[str, list[Stack]] = defaultdict(list)
    pictures: dict[str, list[Stack]] = defaultdict(list)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        by_series[stack.series_instance_uid].append(stack)
        if not facts.is_localizer:
            pictures[stack.series_instance_uid].append(stack)
    present: dict[tuple[str, int], Sequence[int]] = {}
    for stacks in by_series.values():
        for group in numberings(stacks):
            numbers = sorted(_numbers_of(group))
            present.update({(stack.series_instance_uid, stack.index): numbers for stack in group})
    found = volumes(evidence)
    for volume in found:
        own = [stack for stack, _ in volume.parts]
        series = list(dict.fromkeys(stack.series_instance_uid for stack in own))
        if len(series) > 1:
            yield Measurement(f"{_NAME}.split_series", len(series), "series", Location(series[0]))
        beside = [stack for uid in series for stack in pictures[uid] if stack not in own]
        yield from _measure_steps(volume, present, beside)
        for stack in own:
            yield from _measure_frames(stack, _declared_phases(evidence, stack))
    yield from _scattered(found)


def _measure_steps(volume: Volume, present: Numbers, beside: Sequence[Stack]) -> Iterator[Measurement]:
    stack = volume.whole
    steps_mm = [float(step) for step in np.diff(stack.slice_positions_mm)]
    if not steps_mm:
        return
    first = stack.first_frames
    spacings = [frame.spacing_between_slices_mm for frame in stack.frames if frame.spacing_between_slices_mm]
    declared = Declared(
        absent=_absent(volume, present),
        spacing_mm=float(np.median(spacings)) if spacings else None,
        thickness_mm=stack.slice_thickness_mm,
        rounding_mm=rounding_of_mm(stack),
        strict=stack.modality == "CT",
    )
    found = examine(steps_mm, declared)
    odd = _fill_gaps(found, stack, beside)
    usual = sorted(set(found.usual_mm))
    step_mm = round(float(np.median(found.usual_mm)), 3)

    def told(quantity: str, value: float, unit: str, slices: Sequence[int] = (), **detail: Any) -> Measurement:
        own, number = volume.home(first[slices[0]]) if slices else (stack, None)
        place = Location(own.series_instance_uid, slice=number, stack=own.index)
        after = [_place(stack, i) for i in slices[:_SHOWN]]
        return Measurement(f"{_NAME}.{quantity}", value, unit, place, {"step_mm": step_mm, "after": after} | detail)

    yield told("step_mm", step_mm, "mm")
    if found.missing:
        yield told("missing", sum(found.missing.values()), "slices", sorted(found.missing))
    if odd:
        yield told("odd_geometry", sum(odd.values()), "images", sorted(odd))
    if found.planned:
        yield told("planned_gap", sum(found.planned.values()), "slices", list(found.planned))
    if found.irregular:
        worst = max(found.irregular, key=found.irregular.__getitem__)
        yield told("irregular", round(100 * found.irregular[worst], 1), "%", [worst])
    if len(usual) > 1:
        changes = [i for i in range(len(steps_mm) - 1) if found.usual_mm[i] != found.usual_mm[i + 1]]
        yield told("step_change", usual[-1] / usual[0], "ratio", changes, steps_mm=[round(step, 3) for step in usual])
    reformatted = volume.parts[0][1].derived  # spacing and thickness of a reformat are often those of its source
    if found.thinned > 1 and not reformatted:
        yield told("thinned", found.thinned, "ratio", declared_mm=declared.spacing_mm or declared.thickness_mm)
    overlap_mm = (declared.thickness_mm or 0.0) - step_mm
    if overlap_mm > declared.rounding_mm + 0.01:
        yield told("overlap_mm", round(overlap_mm, 3), "mm", thickness_mm=declared.thickness_mm)


def _fill_gaps(found: Steps, stack: Stack, beside: Sequence[Stack]) -> dict[int, int]:
    """Takes out of the gaps what stands there in other stacks or, without a position, by its number; how many stand, by step."""
    positions = [float(position) for position in stack.slice_positions_mm]
    placed, numbers = _placed_between(stack, beside), _numbers_of([other for other in beside if other.normal is None])
    odd: dict[int, int] = {}
    for i in {*found.missing, *found.planned, *found.irregular}:
        room = round((positions[i + 1] - positions[i]) / found.usual_mm[i]) - 1
        places = [(position - positions[i]) / found.usual_mm[i] for position in placed]
        inside = sum(abs(place - round(place)) <= _OFF_PLACE and 1 <= round(place) <= room for place in places)
        ends = [frame.instance_number for frame in stack.first_frames[i : i + 2] if frame.instance_number is not None]
        unplaced = sum(min(ends) < number < max(ends) for number in numbers) if ends else 0
        if room > 0 and inside + unplaced:
            left = min(found.missing.pop(i, 0), room - inside - unplaced)
            found.planned.pop(i, None)
            found.irregular.pop(i, None)
            if left > 0:
                found.missing[i] = left
        if inside:
            odd[i] = inside
    return odd


def _placed_between(stack: Stack, beside: Sequence[Stack]) -> set[float]:
    """Where the slices of parallel stacks stand that share no place with this one, as other echoes of it would; in mm."""
    normal, positions = np.array(stack.normal), stack.slice_positions_mm
    between: set[float] = set()
    for other in beside:
        if other.normal is None or normal @ np.array(other.normal) < math.cos(math.radians(ORIENTATION_TOLERANCE_DEG)):
            continue
        along = np.array([frame.image_position_patient for frame in other.first_frames]) @ normal
        if np.abs(positions[:, None] - along).min() > SAME_POSITION_MM:
            between.update(float(position) for position in along)
    return between


def _scattered(found: Sequence[Volume]) -> Iterator[Measurement]:
    """Tells parallel images of one role, most of which lie in fragments of a series; several times of one place are none."""
    alike: dict[tuple[object, ...], list[list[Stack]]] = defaultdict(list)
    for volume in found:
        pieces: dict[str, list[Stack]] = defaultdict(list)
        for stack, _ in volume.parts:
            pieces[stack.series_instance_uid].append(stack)
        normal = tuple(round(value, 2) + 0.0 for value in volume.whole.normal or ())
        alike[volume.whole.modality, volume.parts[0][1].roles, normal] += pieces.values()
    for groups in alike.values():
        num_images = [sum(len(stack.frames) for stack in group) for group in groups]
        fragments = [(group, number) for group, number in zip(groups, num_images, strict=True) if number < _FEW]
        value = sum(number for _, number in fragments)
        if len(fragments) >= _FEW and value * 2 > sum(num_images):
            first = fragments[0][0][0]
            place = Location(first.series_instance_uid, first.frames[0].sop_instance_uid, stack=first.index)
            yield Measurement(f"{_NAME}.scattered", value, "images", place, {"num_images": sum(num_images)})


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
    for quantity, found in (("duplicate", dict(sorted(surplus.items()))), ("missing_frames", fewer)):
        if found:
            where = next(iter(found))
            uid = frames[where][-1].sop_instance_uid if quantity == "duplicate" else None
            place = Location(stack.series_instance_uid, uid, slice=where, stack=stack.index)
            detail = {"at": [_place(stack, i) for i in list(found)[:_SHOWN]], "expected": expected}
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


def _numbers_of(stacks: Sequence[Stack]) -> set[int]:
    return {frame.instance_number for stack in stacks for frame in stack.frames if frame.instance_number is not None}


def _absent(volume: Volume, present: Numbers) -> tuple[int, ...] | None:
    """For each pair of neighbours how many of the numbers between them no image has; None without numbers.

    Where each series counts anew, a pair of two series tells nothing, and none counts as absent.
    """
    first = volume.whole.first_frames
    numbers = [frame.instance_number for frame in first]
    if len(set(numbers)) < 2 or None in numbers:
        return None
    runs = [present[stack.series_instance_uid, stack.index] for stack, _ in volume.parts]
    distinct = {id(run): run for run in runs}.values()
    everywhere = sorted({number for run in distinct for number in run})
    anew = len(everywhere) < sum(map(len, distinct))
    absent = []
    for before, behind in pairwise(first):
        own, other = volume.home(before)[0], volume.home(behind)[0]
        run = present[own.series_instance_uid, own.index] if anew else everywhere
        low, high = sorted((before.instance_number or 0, behind.instance_number or 0))
        between = max(0, bisect_left(run, high) - bisect_right(run, low))
        told = not anew or run is present[other.series_instance_uid, other.index]
        absent.append(max(0, high - low - 1) - between if told else 0)
    return tuple(absent)


def _place(stack: Stack, index: int) -> str:
    number = stack.first_frames[index].instance_number
    position = f"{stack.slice_positions_mm[index]:.1f} mm"
    return position if number is None else f"{position} (#{number})"
