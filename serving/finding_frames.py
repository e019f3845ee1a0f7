"""Which frames show a finding: the image it names, the neighbours of a gap, the copies at one position."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qc_models.stack import Stack
from qc_models.study import Frame
from serving.measured_curves import MeasuredCurve, curve_behind
from serving.metric_limits import bars_of
from serving.report_plots import of_stack, slices_at

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST = 4  # groups of one finding

Told = Mapping[str, Any]  # a finding or a measurement of a report


class FrameGroup(NamedTuple):
    """Frames to look at side by side; `gap` where images are missing between them."""

    frames: tuple[Frame, ...]
    gap: bool = False


def frames_of_finding(examined: "Examined", finding: Told) -> list[FrameGroup]:
    """The frames to look at, in the order of what was found; none where a finding is about no image."""
    return list(dict.fromkeys(group for group in _groups(examined, finding) if group.frames))[:MOST]


def _groups(examined: "Examined", finding: Told) -> Iterator[FrameGroup]:
    measured = measurement_of(examined.report.content["measurements"], finding)
    if measured is None:  # what was measured against the exam item is not kept
        measured = {"location": {**finding["location"], "stack": None}, "detail": {}}
    elif measured["location"]["slice"] is None and measured["location"]["sop_instance_uid"] is None:
        measured = _at_its_worst(examined, measured)
    detail, place = measured["detail"], measured["location"]
    frames = [frame for instance in examined.study.instances for frame in instance.frames]
    stack = next((stack for stack in examined.stacks if of_stack(measured, stack)), None)
    if finding["metric"].startswith("completeness.instance_numbers."):
        of_series = [frame for frame in frames if frame.series_instance_uid == place["series_instance_uid"]]
        yield from _around_numbers(of_series, detail.get("numbers", ()))
    elif stack is not None and detail.get("after"):
        for number in slices_at(stack, detail["after"]):
            yield FrameGroup(
                (*_at(stack, number)[-1:], *_at(stack, number + 1)[:1]), finding["metric"].endswith(".missing")
            )
    elif stack is not None and detail.get("at"):
        for number in slices_at(stack, detail["at"]):
            yield FrameGroup(tuple(_at(stack, number)[:2]))
    elif stack is not None and stack.num_slices > 1 and "slices" in detail:
        for number in detail["slices"]:  # told from 1, as people count
            yield FrameGroup(tuple(_at(stack, number - 1)[:1]))
    elif stack is not None and place["sop_instance_uid"] is None and place["slice"] is not None:
        yield FrameGroup(tuple(_at(stack, place["slice"])[:1]))
    else:
        lists = [detail.get(key) for key in ("instances", "sop_instance_uids")]  # some checks count, others name them
        listed = [uid for entries in lists if isinstance(entries, list) for uid in entries]
        uids = dict.fromkeys([place["sop_instance_uid"], *listed])
        for uid in uids:
            index = (place["frame"] or 0) if uid == place["sop_instance_uid"] else 0
            yield FrameGroup(tuple(f for f in frames if f.sop_instance_uid == uid and f.index == index))


def measurement_of(measurements: Iterable[Told], finding: Told) -> Told | None:
    """What a finding was made of: of its metric, at its place."""
    place = finding["location"]
    for measurement in measurements:
        same_place = all(measurement["location"][key] == value for key, value in place.items())
        if measurement["metric"] == finding["metric"] and measurement["value"] == finding["value"] and same_place:
            return measurement
    return None


def _at_its_worst(examined: "Examined", measured: Told) -> Told:
    """What was measured of a whole stack, placed where its curve is worst; as it is where it has no curve."""
    behind = curve_behind(examined.report.content["measurements"], measured)
    stack = next((stack for stack in examined.stacks if of_stack(measured, stack)), None)
    if behind is None or stack is None:
        return measured
    number, _ = MeasuredCurve(behind, stack.num_slices, bars_of(examined, behind)).worst
    return {**measured, "location": {**measured["location"], "slice": number - 1}}


def _around_numbers(frames: Iterable[Frame], absent: Sequence[int]) -> Iterator[FrameGroup]:
    """The images before and behind each run of absent instance numbers."""
    known = [(frame.instance_number, frame) for frame in frames if frame.instance_number is not None]
    known.sort(key=lambda entry: entry[0])
    numbers = [number for number, _ in known]
    for place in dict.fromkeys(bisect_left(numbers, number) for number in absent):
        yield FrameGroup(tuple(frame for _, frame in known[max(0, place - 1) : place + 1]), gap=True)


def _at(stack: Stack, number: int) -> list[Frame]:
    return [frame for index, frame in zip(stack.slice_index, stack.frames, strict=True) if index == number]
