"""Which frames show a finding: the image it names, the neighbours of a gap, the copies at one position."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qc_models.stack import Stack
from qc_models.study import Frame
from serving.report_plots import of_stack, slices_at

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST = 4  # frames of one finding

Told = Mapping[str, Any]  # a finding or a measurement of a report


def frames_of_finding(examined: "Examined", finding: Told) -> list[Frame]:
    """The frames to look at, most telling first; none where a finding is about no image."""
    measured = _measurement(examined.report.content["measurements"], finding)
    detail = measured["detail"] if measured is not None else {}
    place = finding["location"]
    frames = [frame for series in examined.study.series for item in series.instances for frame in item.frames]
    by_instance = {frame.sop_instance_uid: frame for frame in reversed(frames)}
    stack = next((stack for stack in examined.stacks if measured is not None and of_stack(measured, stack)), None)
    found: list[Frame] = []
    if finding["metric"] == "completeness.instance_numbers.missing":
        of_series = [frame for frame in frames if frame.series_instance_uid == place["series_instance_uid"]]
        found += _around_numbers(of_series, detail.get("numbers", ()))
    elif stack is not None and stack.normal is not None and ("after" in detail or "at" in detail):
        for number in slices_at(stack, detail.get("after", ())):
            found += [*_at(stack, number)[-1:], *_at(stack, number + 1)[:1]]
        for number in slices_at(stack, detail.get("at", ())):
            found += _at(stack, number)
    if not found and place["sop_instance_uid"] in by_instance:
        named = (frame for frame in frames if frame.sop_instance_uid == place["sop_instance_uid"])
        found += [frame for frame in named if frame.index == (place["frame"] or 0)]
    elif not found and stack is not None and place["slice"] is not None:
        found += _at(stack, place["slice"])[:1]
    if stack is not None and stack.num_slices > 1:
        for number in detail.get("slices", ()):  # told from 1, as people count
            found += _at(stack, number - 1)[:1]
    for key in ("instances", "sop_instance_uids"):
        uids = detail.get(key)
        found += [by_instance[uid] for uid in (uids if isinstance(uids, list) else ()) if uid in by_instance]
    return list(dict.fromkeys(found))[:MOST]


def _measurement(measurements: Iterable[Told], finding: Told) -> Told | None:
    """What a finding was made of: of its metric, at its place."""
    place = finding["location"]
    for measurement in measurements:
        same_place = all(measurement["location"][key] == value for key, value in place.items())
        if measurement["metric"] == finding["metric"] and measurement["value"] == finding["value"] and same_place:
            return measurement
    return None


def _around_numbers(frames: Iterable[Frame], absent: Sequence[int]) -> Iterator[Frame]:
    """The images before and behind each run of absent instance numbers."""
    known = [(frame.instance_number, frame) for frame in frames if frame.instance_number is not None]
    known.sort(key=lambda entry: entry[0])
    numbers = [number for number, _ in known]
    for place in dict.fromkeys(bisect_left(numbers, number) for number in absent):
        for _, frame in known[max(0, place - 1) : place + 1]:
            yield frame


def _at(stack: Stack, number: int) -> list[Frame]:
    return [frame for index, frame in zip(stack.slice_index, stack.frames, strict=True) if index == number]
