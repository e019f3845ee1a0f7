"""Decodes every frame of a study once and streams it past statistics and image checks, side by side and in bounded memory."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.showing import ModelPlan, Prepared, Showing, prepared_frames
from inference.threads import Threads
from qc_models.check_registry import Check
from qc_models.dicom.modality_values import modality_values, padding_mask
from qc_models.dicom.mosaic import mosaic_tiles
from qc_models.dicom.pixel_data import decode_frames
from qc_models.errors import InputError, QcError
from qc_models.evidence import FrameKey, PixelFailure, StackKey
from qc_models.facts import StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.findings import CheckFailure, Location, Measurement
from qc_models.frame_statistics import FrameStatistics, frame_statistics
from qc_models.model_outputs import Prediction
from qc_models.pixels import Block, Place, Unit
from qc_models.preprocessing import is_inverted
from qc_models.stack import Stack
from qc_models.study import Instance, Study

BLOCK_FRAMES = 8
AHEAD_BYTES = 64 << 20  # decoded pixels that may wait for the checks
TASK_BYTES = 16 << 20  # of big frames fewer are decoded at once, and fewer make a block


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the pixels of a study told."""

    statistics: Mapping[FrameKey, FrameStatistics]
    pixel_failures: tuple[PixelFailure, ...]
    measurements: tuple[Measurement, ...]
    failures: tuple[CheckFailure, ...]
    predictions: Mapping[StackKey, Mapping[str, Prediction]]  # by model


def gather(
    study: Study,
    stacks: Sequence[Stack],
    stack_facts: Sequence[StackFacts],
    plan: Mapping[int, Sequence[Check]],
    threads: Threads,
    models: ModelPlan | None = None,
) -> Gathered:
    """Decodes and looks on `threads`; `plan` names the image checks of each stack by its place in `stacks`, `models` its models.

    Results are taken in a fixed order, so the number of threads never changes a byte of the report.
    """
    seeing = models.by_place if models is not None else {}
    streams = {
        place: _Stream(
            stacks[place], stack_facts[place], plan.get(place, ()), Showing(stacks[place], seeing.get(place, ()))
        )
        for place in range(len(stacks))
        if plan.get(place) or seeing.get(place)
    }
    places = {
        (frame.sop_instance_uid, frame.index): (place, stack.slice_index[number])
        for place, stack in enumerate(stacks)
        for number, frame in enumerate(stack.frames)
    }
    wanted = frozenset(key for key, (place, _) in places.items() if place in streams)
    statistics: dict[FrameKey, FrameStatistics] = {}
    pixel_failures: list[PixelFailure] = []
    looks = _Looks(threads, models)
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
    looks.end(streams.values())
    measurements: list[Measurement] = []
    failures: list[CheckFailure] = list(models.failures) if models is not None else []
    predictions: dict[StackKey, Mapping[str, Prediction]] = {}
    if streams:
        _compute_alone()
    for stream in streams.values():
        stream.finish(measurements, failures)
    if models is not None:
        for stream in streams.values():
            if said := stream.showing.answers(models.runner):
                predictions[stream.stack.series_instance_uid, stream.stack.index] = said
            failures.extend(stream.showing.failures)
    return Gathered(statistics, tuple(pixel_failures), tuple(measurements), tuple(failures), predictions)


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
    inverted: bool = False  # more is darker
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
    inverted = is_inverted(instance.header.text("PhotometricInterpretation"), instance.header.text("Modality") or "")
    return _Decoded(uid, index, statistics, values, padding_mask(frame, instance.header), inverted)


@dataclass
class _Stream:
    """One stack on its way through its image checks and models, block by block."""

    stack: Stack
    facts: StackFacts
    checks: Sequence[Check]
    showing: Showing
    waiting: list[tuple[_Decoded, int]] = field(default_factory=list)
    num_added: int = 0
    num_running: int = 0  # blocks that are being looked at
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

    def keep(self, looked: "_Looked") -> None:
        """Adds what each check saw to its curve; one that crashed is broken for the whole stack."""
        self.num_running -= 1
        for name, values in looked.seen.items():
            if isinstance(values, str):
                self.broken.setdefault(name, values)
            elif name not in self.broken:
                self.curves[name].add(looked.places, values)
        self.showing.keep(looked.prepared)

    @property
    def is_seen(self) -> bool:
        """Whether all of its frames were looked at."""
        return self.num_running == 0 and self.num_added == len(self.stack.frames)

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


@dataclass(frozen=True, slots=True)
class _Looked:
    """What some frames of a stack told: to each check, or the name of the error that it crashed with; and what models are shown."""

    places: Sequence[Place]
    seen: Mapping[str, Values | str]
    prepared: Prepared | Exception


@dataclass
class _Looks:
    """Blocks that are looked at side by side, on the decoding threads; what was seen is kept in the order of beginning."""

    threads: Threads
    models: ModelPlan | None
    running: deque[tuple[_Stream, Future[_Looked]]] = field(default_factory=deque)

    def begin(self, stream: _Stream, frames: _Frames) -> None:
        """Looks at some frames of a stack; waits for the oldest block where there are two a thread already."""
        while len(self.running) >= 2 * self.threads.number:
            self._keep_oldest()
        checks = [check for check in stream.checks if check.name not in stream.broken]
        stream.num_running += 1
        self.running.append((stream, self.threads.submit(_look, frames, stream.facts, checks, stream.showing)))

    def end(self, streams: Iterable[_Stream]) -> None:
        """Waits for all; then models are asked of the stacks whose last frames failed."""
        while self.running:
            self._keep_oldest()
        for stream in streams:
            self._ask(stream)

    def _keep_oldest(self) -> None:
        stream, future = self.running.popleft()
        stream.keep(future.result())
        if stream.is_seen:
            self._ask(stream)

    def _ask(self, stream: _Stream) -> None:
        if self.models is not None:
            stream.showing.ask(self.models.runner)


def _look(frames: _Frames, facts: StackFacts, checks: Sequence[Check], showing: Showing) -> _Looked:
    """What each check sees in some frames, and the frames as models want them."""
    import torch

    _compute_alone()
    try:
        block = _block(frames, facts)
    except MemoryError as error:  # the study goes on without these checks, and to review
        return _Looked((), {check.name: type(error).__name__ for check in checks}, error)
    seen: dict[str, Values | str] = {}
    prepared: Prepared | Exception
    with torch.inference_mode():
        for check in checks:
            try:
                seen[check.name] = check.look(block)
            except Exception as error:  # one check's crash is a line in the report; the others go on
                seen[check.name] = type(error).__name__
        try:
            prepared = prepared_frames(block, [decoded.inverted for decoded, _ in frames], showing.wanted)
        except Exception as error:  # as above
            prepared = error
    return _Looked(block.places, seen, prepared)


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
