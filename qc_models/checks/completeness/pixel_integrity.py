"""Every file that arrived can be read, every image decoded; none is empty, and none is another image once more.

Higher is worse; all values are counts. `undecodable` and `unreadable` name the reason; `cut_short` are files whose data end
before their declared length though something decoded. `blank` are images of one value, in which nothing was recorded (computed
maps and reformats may end in empty images, which are not counted). `repeated` are images of a series whose pixels equal those of
another instance, digest for digest; `conflicting` are SOP Instance UIDs that files of different content claim. `unplaced` are CT
and MR images without the position that their IOD requires (PS3.3 A.3, A.4 and C.7.6.2: ImagePositionPatient is type 1).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from qc_models.evidence import Evidence, PixelFailure
from qc_models.facts import StackFacts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.frame_statistics import FrameStatistics
from qc_models.roles.localizer import PLACED_CLASSES
from qc_models.stack import Stack
from qc_models.study import Frame, Unreadable

_NAME = "completeness.pixel_integrity"
_SHOWN = 20
_FEWEST_LEVELS = 3  # values an image must have for its equal to be more than chance
_COMPUTED = frozenset({"ADC", "MIP", "SUB", "SWI", "PHASE", "FIELDMAP"})

QUANTITIES = {
    "undecodable": Quantity(
        "images",
        "{value:.0f} images cannot be decoded: {reasons}",
        "{value:.0f} 幅图像无法解码：{reasons}",
        "send these images again from the scanner or PACS; if they fail again, store them with another transfer syntax",
        "请从设备或PACS重新发送这些图像；若仍失败，请更换传输语法后存储",
    ),
    "unreadable": Quantity(
        "files",
        "{value:.0f} files cannot be read as DICOM: {reasons}",
        "{value:.0f} 个文件无法作为DICOM读取：{reasons}",
        "send these files again; check the network and the disk that they came from",
        "请重新发送这些文件，并检查网络和来源磁盘",
    ),
    "cut_short": Quantity(
        "files",
        "{value:.0f} files end before the length that they declare",
        "{value:.0f} 个文件在声明长度之前中断",
        "send these files again from the scanner or PACS; the transfer was cut short",
        "传输被截断，请从设备或PACS重新发送这些文件",
    ),
    "unplaced": Quantity(
        "images",
        "{value:.0f} images have no position in the patient",
        "{value:.0f} 幅图像缺少患者坐标系位置信息",
        "send the images as the scanner wrote them, with ImagePositionPatient and ImageOrientationPatient",
        "请发送设备原始图像，包含 ImagePositionPatient 和 ImageOrientationPatient",
    ),
    "blank": Quantity(
        "images",
        "{value:.0f} images are empty: every pixel has one value (slices {slices})",
        "{value:.0f} 幅图像为空白，所有像素值相同（第 {slices} 层）",
        "look at these images on the scanner; send them again, and rescan if they are empty there, too",
        "请在设备上查看这些图像并重新发送；如设备上同为空白，请重新扫描",
    ),
    "repeated": Quantity(
        "images",
        "{value:.0f} images have exactly the pixels of another image of the series (slices {slices})",
        "{value:.0f} 幅图像与同序列其他图像像素完全相同（第 {slices} 层）",
        "send the series again: an image was sent twice, perhaps in place of another",
        "请重新发送该序列：有图像被重复发送，可能替代了其他图像",
    ),
    "conflicting": Quantity(
        "instances",
        "{value:.0f} SOP Instance UIDs are claimed by files of different content",
        "{value:.0f} 个 SOP Instance UID 对应内容不同的文件",
        "find out at the sender which file is right; a changed image needs a new SOP Instance UID",
        "请在发送端确认正确的文件；修改后的图像须使用新的 SOP Instance UID",
    ),
}


def empty_inside(constant: Sequence[bool], *, computed: bool) -> list[int]:
    """The indices of empty slices; those at the ends of a computed stack do not count, unless all are empty."""
    low, high = 0, len(constant)
    if computed and not all(constant):
        low = constant.index(False)
        high = len(constant) - list(reversed(constant)).index(False)
    return [i for i in range(low, high) if constant[i]]


def equal_pixels(frames: Sequence[Frame], statistics: Sequence[FrameStatistics | None]) -> list[int]:
    """The indices of frames whose pixels an earlier frame of another instance has."""
    seen: dict[bytes, str] = {}
    again = []
    for i, (frame, looked_at) in enumerate(zip(frames, statistics, strict=True)):
        if looked_at is not None and looked_at.num_levels >= _FEWEST_LEVELS:
            first = seen.setdefault(looked_at.digest, frame.sop_instance_uid)
            if first != frame.sop_instance_uid:
                again.append(i)
    return again


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures files, then pixels where they were looked at."""
    yield from _unreadable(evidence.study.unreadable)
    yield from _undecodable(evidence.pixel_failures)
    failed = {failure.sop_instance_uid for failure in evidence.pixel_failures}
    for series in evidence.study.series:
        cut = [item.sop_instance_uid for item in series.instances if item.header.truncated]
        yield from _of_series(
            "cut_short", "files", series.series_instance_uid, [uid for uid in cut if uid not in failed]
        )
        at_odds = [item for item in evidence.study.repeated if not item.agrees]
        own = [item.sop_instance_uid for item in at_odds if item.series_instance_uid == series.series_instance_uid]
        yield from _of_series("conflicting", "instances", series.series_instance_uid, own)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if not facts.is_localizer:
            yield from _unplaced(evidence, stack)
            yield from _blank(evidence, stack, facts)
    yield from _repeated(evidence)


def _unreadable(files: Sequence[Unreadable]) -> Iterator[Measurement]:
    by_series: dict[str | None, list[Unreadable]] = defaultdict(list)
    for file in files:
        by_series[file.series_instance_uid].append(file)
    for uid, members in by_series.items():
        detail = {"reasons": _few([file.reason for file in members])}
        yield Measurement(f"{_NAME}.unreadable", len(members), "files", Location(series_instance_uid=uid), detail)


def _undecodable(failures: Sequence[PixelFailure]) -> Iterator[Measurement]:
    by_series: dict[str, list[PixelFailure]] = defaultdict(list)
    for failure in failures:
        by_series[failure.series_instance_uid].append(failure)
    for uid, members in by_series.items():
        instances = list(dict.fromkeys(failure.sop_instance_uid for failure in members))
        detail = {"reasons": _few([failure.reason for failure in members]), "instances": instances[:_SHOWN]}
        place = Location(uid, instances[0], members[0].frame)
        yield Measurement(f"{_NAME}.undecodable", len(members), "images", place, detail)


def _of_series(quantity: str, unit: str, uid: str, instances: Sequence[str]) -> Iterator[Measurement]:
    if instances:
        detail = {"instances": list(instances[:_SHOWN])}
        yield Measurement(f"{_NAME}.{quantity}", len(instances), unit, Location(uid, instances[0]), detail)


def _unplaced(evidence: Evidence, stack: Stack) -> Iterator[Measurement]:
    without = [
        frame
        for frame in stack.frames
        if (frame.image_position_patient is None or frame.image_orientation_patient is None)
        and evidence.instance(frame).sop_class_uid in PLACED_CLASSES
    ]
    if without:
        place = Location(stack.series_instance_uid, without[0].sop_instance_uid, stack=stack.index)
        yield Measurement(f"{_NAME}.unplaced", len(without), "images", place)


def _blank(evidence: Evidence, stack: Stack, facts: StackFacts) -> Iterator[Measurement]:
    statistics = [evidence.statistics_of(frame) for frame in stack.frames]
    constant = [looked_at is not None and looked_at.is_constant for looked_at in statistics]
    reformatted = facts.derived and stack.modality == "CT"
    blank = empty_inside(constant, computed=reformatted or facts.role in _COMPUTED)
    if blank:
        yield _at(stack, "blank", blank)


def _repeated(evidence: Evidence) -> Iterator[Measurement]:
    """Looks over all stacks of a series at once, for a copy may stand in another stack; told for the stack it stands in."""
    by_series: dict[str, list[tuple[Stack, int]]] = defaultdict(list)
    for stack in evidence.stacks:
        if stack.normal is not None or stack.modality == "XR":  # two captures of one screen are no harm
            by_series[stack.series_instance_uid].extend((stack, number) for number in range(len(stack.frames)))
    for places in by_series.values():
        frames = [stack.frames[number] for stack, number in places]
        found: dict[int, list[int]] = defaultdict(list)
        stacks = {stack.index: stack for stack, _ in places}
        for i in equal_pixels(frames, [evidence.statistics_of(frame) for frame in frames]):
            stack, number = places[i]
            found[stack.index].append(number)
        for index, numbers in found.items():
            yield _at(stacks[index], "repeated", numbers)


def _at(stack: Stack, quantity: str, numbers: Sequence[int]) -> Measurement:
    """`numbers` index the frames of the stack; slices are told from 1 for people, from 0 in the location."""
    frame, slices = stack.frames[numbers[0]], [stack.slice_index[number] for number in numbers]
    place = Location(stack.series_instance_uid, frame.sop_instance_uid, frame.index, slices[0], stack=stack.index)
    shown = [number + 1 for number in dict.fromkeys(slices)][:_SHOWN]
    return Measurement(f"{_NAME}.{quantity}", len(numbers), "images", place, {"slices": shown})


def _few(reasons: Sequence[str]) -> list[str]:
    """The first reasons; each names its file, so they are cut rather than made one."""
    return list(dict.fromkeys(reasons))[:3]
