"""Decodes every frame of a study once and streams it past statistics and image checks, side by side and in bounded memory."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from qc_models.check_registry import Check
from qc_models.dicom.modality_values import modality_values, padding_mask
from qc_models.dicom.mosaic import mosaic_tiles
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError, QcError
from qc_models.evidence import FrameKey, PixelFailure
from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.findings import CheckFailure, Location, Measurement
from qc_models.frame_statistics import FrameStatistics, frame_statistics
from qc_models.pixels import Block, Place, Unit
from qc_models.stack import Stack
from qc_models.study import Instance, Study

BLOCK_FRAMES = 8
AHEAD_BYTES = 64 << 20  # decoded pixels that may wait for the checks
TASK_BYTES = 16 << 20  # of big frames fewer are decoded at once, and fewer make a block


P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """The threads that decode frames and look at blocks, for one study or for several at a time."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="pixels")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for what runs; what has not begun is never done, and who waits for it gets a CancelledError."""
        self._pool.shutdown(cancel_futures=True)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Does some work on the next free thread."""
        return self._pool.submit(work, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the pixels of a study told."""

    statistics: Mapping[FrameKey, FrameStatistics]
    pixel_failures: tuple[PixelFailure, ...]
    measurements: tuple[Measurement, ...]
    failures: tuple[CheckFailure, ...]


def gather(
    study: Study,
    stacks: Sequence[Stack],
    stack_facts: Sequence[StackFacts],
    plan: Mapping[int, Sequence[Check]],
    threads: Threads,
) -> Gathered:
    """Decodes and looks on `threads`; `plan` names the image checks of each stack by its place in `stacks`.

    Results are taken in a fixed order, so the number of threads never changes a byte of the report.
    """
    streams = {place: _Stream(stacks[place], stack_facts[place], checks) for place, checks in plan.items() if checks}
    places = {
        (frame.sop_instance_uid, frame.index): (place, stack.slice_index[number])
        for place, stack in enumerate(stacks)
        for number, frame in enumerate(stack.frames)
    }
    wanted = frozenset(key for key, (place, _) in places.items() if place in streams)
    statistics: dict[FrameKey, FrameStatistics] = {}
    pixel_failures: list[PixelFailure] = []
    looks = _Looks(threads)
    for decoded in _decoded(threads, _tasks(study, stacks), wanted):
        key = (decoded.sop_instance_uid, decoded.index)
        if decoded.failure is not None:
            pixel_failures.append(decoded.failure)
            if key in wanted:
                stream = streams[places[key][0]]
                for frames in stream.skip():
                    looks.begin(stream, frames)
            continue
        if decoded.statistics is not None:
            statistics[key] = decoded.statistics
        if decoded.values is not None:
            place, slice_index = places[key]
            for frames in streams[place].add(decoded, slice_index):
                looks.begin(streams[place], frames)
    for stream in streams.values():
        if stream.waiting:
            looks.begin(stream, stream.taken())
    looks.end()
    measurements: list[Measurement] = []
    failures: list[CheckFailure] = []
    if streams:
        _compute_alone()
    for stream in streams.values():
        stream.finish(measurements, failures)
    return Gathered(statistics, tuple(pixel_failures), tuple(measurements), tuple(failures))


@dataclass(frozen=True, slots=True)
class _Task:
    instance: Instance
    indices: tuple[int, ...]  # frames to decode; of a mosaic its tiles, which are decoded together
    is_mosaic: bool


@dataclass(frozen=True, slots=True)
class _Decoded:
    sop_instance_uid: str
    index: int
    statistics: FrameStatistics | None = None
    values: NDArray[np.float32] | None = None
    padding: NDArray[np.bool_] | None = None
    failure: PixelFailure | None = None


def _tasks(study: Study, stacks: Sequence[Stack]) -> Iterator[_Task]:
    """Instances in order of their first frame in the stacks, a few frames a task; then what is in no stack but has pixels."""
    by_uid = {instance.sop_instance_uid: instance for instance in study.instances}
    ordered = dict.fromkeys(frame.sop_instance_uid for stack in stacks for frame in stack.frames)
    without_frames = [uid for uid, item in by_uid.items() if uid not in ordered and item.header.pixel_data is not None]
    for uid in (*ordered, *without_frames):
        instance = by_uid[uid]
        frames = [frame for frame in instance.frames if frame.content == "image"]
        is_mosaic = "MOSAIC" in instance.header.texts("ImageType")
        indices = tuple(frame.index for frame in frames) or (0,)
        few = max(1, min(BLOCK_FRAMES, TASK_BYTES // _frame_bytes(instance)))
        size = len(indices) if is_mosaic else few
        for start in range(0, len(indices), size):
            yield _Task(instance, indices[start : start + size], is_mosaic and bool(frames))


def _decoded(threads: Threads, tasks: Iterator[_Task], wanted: frozenset[FrameKey]) -> Iterator[_Decoded]:
    """Runs tasks on threads, a bounded number of bytes ahead, and yields their frames in order."""
    waiting: deque[tuple[int, Future[list[_Decoded]]]] = deque()
    ahead = 0
    for task in tasks:
        size = _size(task)
        while waiting and (ahead + size > AHEAD_BYTES or len(waiting) >= 8 * threads.number):
            done_size, done = waiting.popleft()
            yield from done.result()
            ahead -= done_size
        waiting.append((size, threads.submit(_decode, task, wanted)))
        ahead += size
    while waiting:
        yield from waiting.popleft()[1].result()


def _size(task: _Task) -> int:
    """Bytes that a task's frames may hold while they wait."""
    return _frame_bytes(task.instance) * (1 if task.is_mosaic else len(task.indices))


def _frame_bytes(instance: Instance) -> int:
    """Bytes of one frame (of a mosaic: of all its tiles) as stored values and float32 modality values."""
    rows, columns = instance.header.integer("Rows") or 0, instance.header.integer("Columns") or 0
    return max(1, rows) * max(1, columns) * 8


def _decode(task: _Task, wanted: frozenset[FrameKey]) -> list[_Decoded]:
    """Decodes one task; a frame that fails is a failure of that frame, and the frames behind it are still read.

    Where the next one fails as well, all that are left are taken to fail alike: a header may claim thousands that are not there.
    """
    result: list[_Decoded] = []
    while len(result) < len(task.indices):
        start = len(result)
        try:
            for index, frame in zip(task.indices[start:], _frames(task, start), strict=True):
                result.append(_looked_at(task.instance, index, frame, wanted))
        except Exception as error:  # whatever a decoder meets: the frame is named, and the study goes on
            failed = len(result)
            hopeless = failed == start > 0
            for index in task.indices[failed:] if hopeless else task.indices[failed : failed + 1]:
                result.append(_failed(task.instance, index, _reason(error)))
    return result


def _frames(task: _Task, start: int) -> Iterator[NDArray[Any]]:
    """The frames of a task from its place `start` on; tiles where they are one mosaic."""
    content, header = task.instance.source.content(), task.instance.header
    if not task.is_mosaic:
        return decode_frames(content, header, task.indices[start:])
    (mosaic,) = decode_frames(content, header, (0,))
    tiles = mosaic_tiles(mosaic, header)
    return (tiles[index] for index in task.indices[start:])


def _failed(instance: Instance, index: int, reason: str) -> _Decoded:
    failure = PixelFailure(instance.series_instance_uid, instance.sop_instance_uid, index, reason)
    return _Decoded(instance.sop_instance_uid, index, failure=failure)


def _reason(error: Exception) -> str:
    if isinstance(error, QcError):
        return str(error)
    told = error.strerror if isinstance(error, OSError) else type(error).__name__
    return f"the file cannot be decoded ({told}); send it again"


def _looked_at(instance: Instance, index: int, frame: NDArray[Any], wanted: frozenset[FrameKey]) -> _Decoded:
    uid = instance.sop_instance_uid
    statistics = frame_statistics(frame)
    if (uid, index) not in wanted or frame.ndim != 2:
        return _Decoded(uid, index, statistics)
    with np.errstate(over="ignore", invalid="ignore"):  # told in words below
        values = modality_values(frame, instance.header, index)
    if not (math.isfinite(values.min()) and math.isfinite(values.max())):
        raise InputError(
            "rescaling makes numbers beyond any scale of its pixels; correct RescaleSlope and RescaleIntercept"
        )
    return _Decoded(uid, index, statistics, values, padding_mask(frame, instance.header))


@dataclass
class _Stream:
    """One stack on its way through its image checks, block by block."""

    stack: Stack
    facts: StackFacts
    checks: Sequence[Check]
    waiting: list[tuple[_Decoded, int]] = field(default_factory=list)
    num_added: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.curves = {check.name: Curve(self.facts) for check in self.checks}

    def add(self, decoded: _Decoded, slice_index: int) -> Iterator["_Frames"]:
        """Takes a frame in; yields those that are now a block."""
        first = self.waiting[0][0].values if self.waiting else None
        if first is not None and decoded.values is not None and first.shape != decoded.values.shape:
            yield self.taken()
        self.waiting.append((decoded, slice_index))
        held = len(self.waiting) * (decoded.values.nbytes if decoded.values is not None else 0)
        if len(self.waiting) >= BLOCK_FRAMES or held >= TASK_BYTES:
            yield self.taken()
        yield from self.skip()

    def skip(self) -> Iterator["_Frames"]:
        """Counts a frame; those of a stack that is whole wait for nothing: they would wait until the last stack of the study."""
        self.num_added += 1
        if self.num_added == len(self.stack.frames) and self.waiting:
            yield self.taken()

    def taken(self) -> "_Frames":
        """The frames that waited."""
        frames, self.waiting = self.waiting, []
        return frames

    def keep(self, places: Sequence[Place], seen: Mapping[str, Values | str]) -> None:
        """Adds what each check saw at some places to its curve; one that crashed is broken for the whole stack."""
        for name, values in seen.items():
            if isinstance(values, str):
                self.broken.setdefault(name, values)
            elif name not in self.broken:
                self.curves[name].add(places, values)

    def finish(self, measurements: list[Measurement], failures: list[CheckFailure]) -> None:
        """The measurements of the stack, and a line for each check that crashed."""
        place = Location(series_instance_uid=self.facts.series_instance_uid, stack=self.facts.index)
        for check in self.checks:
            if check.name not in self.broken:
                try:
                    measurements.extend(check.finish(self.curves[check.name]))
                except Exception as error:  # one check's crash is a line in the report; the others go on
                    self.broken[check.name] = type(error).__name__
            if check.name in self.broken:
                failures.append(CheckFailure(check.name, f"crashed on a stack: {self.broken[check.name]}", place))


_Frames = list[tuple[_Decoded, int]]


@dataclass
class _Looks:
    """Blocks that are looked at side by side, on the decoding threads; what was seen is kept in the order of beginning."""

    threads: Threads
    running: deque[tuple[_Stream, Future[tuple[Sequence[Place], Mapping[str, Values | str]]]]] = field(
        default_factory=deque
    )

    def begin(self, stream: _Stream, frames: _Frames) -> None:
        """Looks at some frames of a stack; waits for the oldest block where there are two a thread already."""
        while len(self.running) >= 2 * self.threads.number:
            self._keep_oldest()
        checks = [check for check in stream.checks if check.name not in stream.broken]
        self.running.append((stream, self.threads.submit(_look, frames, stream.facts, checks)))

    def end(self) -> None:
        """Waits for all."""
        while self.running:
            self._keep_oldest()

    def _keep_oldest(self) -> None:
        stream, future = self.running.popleft()
        stream.keep(*future.result())


def _look(
    frames: _Frames, facts: StackFacts, checks: Sequence[Check]
) -> tuple[Sequence[Place], Mapping[str, Values | str]]:
    """The places of some frames, and what each check sees there, or the name of the error that it crashed with."""
    import torch

    _compute_alone()
    try:
        block = _block(frames, facts)
    except MemoryError as error:  # the study goes on without these checks, and to review
        return (), {check.name: type(error).__name__ for check in checks}
    seen: dict[str, Values | str] = {}
    with torch.inference_mode():
        for check in checks:
            try:
                seen[check.name] = check.look(block)
            except Exception as error:  # one check's crash is a line in the report; the others go on
                seen[check.name] = type(error).__name__
    return block.places, seen


def _compute_alone() -> None:
    """Keeps this thread to itself: others have the other processors, and one order of summation gives the same bytes."""
    import torch  # only here: header-only scoring starts without it

    torch.set_num_threads(1)


def _block(waiting: Sequence[tuple[_Decoded, int]], facts: StackFacts) -> Block:
    import torch

    values = np.stack([decoded.values for decoded, _ in waiting if decoded.values is not None])
    paddings = [decoded.padding for decoded, _ in waiting]
    padding = None
    if any(mask is not None for mask in paddings):
        empty = np.zeros(values.shape[1:], dtype=bool)
        padding = torch.from_numpy(np.stack([empty if mask is None else mask for mask in paddings]))
    unit: Unit = "HU" if facts.modality == "CT" else "exposure" if facts.modality == "XR" else "arbitrary"
    return Block(
        pixels=torch.from_numpy(values),
        padding=padding,
        unit=unit,
        spacing_mm=facts.pixel_spacing_mm,
        slice_indices=tuple(slice_index for _, slice_index in waiting),
        sop_instance_uids=tuple(decoded.sop_instance_uid for decoded, _ in waiting),
        frame_indices=tuple(decoded.index for decoded, _ in waiting),
    )
