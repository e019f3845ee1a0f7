"""The instance numbers of a series run through without a gap and without a repetition.

Higher is worse. `missing` counts the numbers absent between neighbours of an otherwise contiguous series; where a series begins
says nothing (62, 63, 64 …), nor does a constant stride (1, 3, 5 …) or a new hundred for a new block. Numbers run over the whole
series, whatever stacks it holds, unless each stack counts anew. A gap is a hint and no proof: positions prove, numbers do not
(InstanceNumber may even be empty, PS3.3 C.7.6.1).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.stack import Stack, time_of
from qc_models.study import Frame

_NAME = "completeness.instance_numbers"
_SHOWN = 20

QUANTITIES = {
    "missing": Quantity(
        "images",
        "{value:.0f} instance numbers are absent inside a series that is otherwise contiguous: {numbers}",
        "序列图像编号不连续，缺少 {value:.0f} 个编号：{numbers}",
        "compare the image count of this series with the scanner or PACS and send the images {numbers} again",
        "请与设备或PACS核对该序列图像数量，补传编号为 {numbers} 的图像",
    ),
    "repeated": Quantity(
        "images",
        "{value:.0f} images carry an instance number that another image of the same stack has: {numbers}",
        "{value:.0f} 幅图像的编号与同组其他图像重复：{numbers}",
        "remove the copies at the sender, or number the images anew, and send the series again",
        "请在发送端删除重复图像或重新编号后重传该序列",
    ),
    "absent": Quantity(
        "images",
        "{value:.0f} images have no instance number, so gaps cannot be told by numbers",
        "{value:.0f} 幅图像没有图像编号，无法按编号判断是否缺图",
        "let the scanner or gateway fill InstanceNumber (0020,0013)",
        "请由设备或网关填写图像编号 InstanceNumber (0020,0013)",
    ),
}


def missing_numbers(numbers: Iterable[int]) -> list[int]:
    """The numbers absent between neighbours, where at least half of the neighbours lie one stride apart.

    A jump over more numbers than half of those present begins a new block and misses nothing.
    """
    present = sorted(set(numbers))
    jumps = [after - before for before, after in pairwise(present)]
    if len(jumps) < 2:
        return []
    stride, contiguous = max(Counter(jumps).items(), key=lambda item: (item[1], -item[0]))
    if contiguous * 2 < len(jumps):
        return []
    return [
        number
        for before, jump in zip(present, jumps, strict=False)
        if jump % stride == 0 and jump // stride - 1 <= len(present) // 2
        for number in range(before + stride, before + jump, stride)
    ]


def repeated_numbers(numbers: Sequence[tuple[int, float]]) -> Counter[int]:
    """How many images too many there are of each number; `numbers` are (number, the time that tells images apart).

    Where more than half of the images are repetitions, numbers start anew for each time, and nothing is repeated.
    """
    surplus = Counter({number: count - 1 for number, count in Counter(numbers).items() if count > 1})
    if sum(surplus.values()) * 2 > len(numbers):
        return Counter()
    repeated: Counter[int] = Counter()
    for (number, _), count in surplus.items():
        repeated[number] += count
    return repeated


def numberings(stacks: Sequence[Stack]) -> list[tuple[Stack, ...]]:
    """The stacks of one series, grouped as their numbers run: all together, or each alone where they count anew."""
    owners: dict[int, set[int]] = defaultdict(set)
    for stack in stacks:
        for frame in stack.frames:
            if frame.instance_number is not None and frame.index == 0:
                owners[frame.instance_number].add(stack.index)
    anew = any(len(indices) > 1 for indices in owners.values())
    return [(stack,) for stack in stacks] if anew else [tuple(stacks)]


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures each series of CT or MR images; radiographs are numbered as they please."""
    by_series: dict[str, list[Stack]] = defaultdict(list)
    for stack in evidence.stacks:
        if stack.modality != "XR":
            by_series[stack.series_instance_uid].append(stack)
    for uid, stacks in by_series.items():
        frames = [frame for stack in stacks for frame in _one_an_instance(stack.frames)]
        without = sum(frame.instance_number is None for frame in frames)
        if without:
            yield Measurement(f"{_NAME}.absent", without, "images", Location(series_instance_uid=uid))
        for group in numberings(stacks):
            numbers = [frame.instance_number for stack in group for frame in stack.frames]
            missing = missing_numbers(number for number in numbers if number is not None)
            if missing:
                place = Location(series_instance_uid=uid, stack=group[0].index if len(group) < len(stacks) else None)
                yield _counted("missing", len(missing), missing, place)
        for stack in stacks:
            repeated = repeated_numbers(list(_numbered(evidence, stack)))
            if repeated:
                place = Location(series_instance_uid=uid, stack=stack.index)
                yield _counted("repeated", repeated.total(), sorted(repeated), place)


def _numbered(evidence: Evidence, stack: Stack) -> Iterator[tuple[int, float]]:
    """For each instance of a stack its number, and its time where the stack holds several; concatenations share a number."""
    several = sum(count > 1 for count in stack.frames_per_slice) * 2 > stack.num_slices
    for frame in _one_an_instance(stack.frames):
        if frame.instance_number is not None and "ConcatenationUID" not in evidence.instance(frame).header:
            yield frame.instance_number, time_of(frame) if several else 0.0


def _one_an_instance(frames: Iterable[Frame]) -> Iterator[Frame]:
    seen: set[str] = set()
    for frame in frames:
        if frame.sop_instance_uid not in seen:
            seen.add(frame.sop_instance_uid)
            yield frame


def _counted(quantity: str, value: int, numbers: Sequence[int], place: Location) -> Measurement:
    return Measurement(f"{_NAME}.{quantity}", value, "images", place, {"numbers": list(numbers[:_SHOWN])})
