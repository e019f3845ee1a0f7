"""A stack: frames of one series that share orientation, spacing and acquisition, so that geometry can be asked of them.

A scout inside an axial series, a second echo or a tilted block must never change the spacing of its neighbours: each series
is split before any check looks at it. Cine phases and unlabelled repetitions stay together, as times of one stack; so do
slices between whose places others stand whose spacing or echo time differs by a trifle.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qc_models.study import Frame, Series, Vector

ORIENTATION_TOLERANCE_DEG = 0.5
SPACING_TOLERANCE = 1e-3  # relative; real headers round
THICKNESS_TOLERANCE = 0.05  # relative; some headers say 4.9 and 5.1 mm by turns
ECHO_TIME_TOLERANCE_MS = 0.5
# Groups that differ by no more are one where the slices of one stand between those of the other.
JITTER = 0.025  # relative, of the pixel spacing
ECHO_TIME_JITTER_MS = 1.5
B_VALUE_TOLERANCE = 15.0  # s/mm²; directions of one shell are written as 995, 1000, 1005
# Contrast phases are few; more temporal positions or acquisitions of one place are a time course.
MOST_PHASES = 12
SAME_POSITION_MM = 0.02  # two frames nearer than this lie at one position

# ImageType words beyond value 3 that tell different images of one acquisition apart; vendors put much else there.
_IMAGE_KINDS = frozenset(
    "M M_SE M_FFE M_IR P P_SE PHASE R REAL I IMAGINARY ADC TRACEW TRACE FA IN_PHASE OUT_PHASE OPP_PHASE IP OP WATER FAT W F MIP "
    "MPR LOCALIZER SUB SWI MIN_IP T1MAP T2MAP VELOCITY DIFFUSION PERFUSION MOSAIC".split()
)


@dataclass(frozen=True)
class Stack:
    """Frames of one geometry, in order of position along `normal`, then time.

    `normal` is None where frames carry no orientation (a radiograph, a capture, a damaged header); `positions_mm` holds, for
    each frame, its distance along the normal (0.0 without one).
    """

    series_instance_uid: str
    index: int
    modality: str
    frames: tuple[Frame, ...]
    normal: Vector | None
    positions_mm: tuple[float, ...]

    @cached_property
    def slice_index(self) -> tuple[int, ...]:
        """For each frame the 0-based index of its distinct position."""
        indices, current, last = [], -1, -math.inf
        for position in self.positions_mm:
            if self.normal is None or position - last > SAME_POSITION_MM:
                current += 1
                last = position
            indices.append(current)
        return tuple(indices)

    @cached_property
    def slice_positions_mm(self) -> NDArray[np.float64]:
        """The distinct positions along the normal, ascending, in mm; empty where the stack has no geometry."""
        if self.normal is None:
            return np.empty(0)
        sums: dict[int, list[float]] = defaultdict(list)
        for index, position in zip(self.slice_index, self.positions_mm, strict=True):
            sums[index].append(position)
        return np.array([min(values) for values in sums.values()])

    @cached_property
    def first_frames(self) -> tuple[Frame, ...]:
        """The first frame at each distinct position."""
        first: dict[int, Frame] = {}
        for index, frame in zip(self.slice_index, self.frames, strict=True):
            first.setdefault(index, frame)
        return tuple(first.values())

    @property
    def num_slices(self) -> int:
        """The number of distinct positions; every frame is its own where there is no geometry."""
        return self.slice_index[-1] + 1 if self.frames else 0

    @cached_property
    def frames_per_slice(self) -> tuple[int, ...]:
        """How many frames lie at each position: 1 for a volume, n for n times."""
        counts = Counter(self.slice_index)
        return tuple(counts[index] for index in range(self.num_slices))

    @cached_property
    def step_mm(self) -> float | None:
        """The usual distance of neighbouring positions: the median step; None below two positions."""
        return float(np.median(np.diff(self.slice_positions_mm))) if self.num_slices > 1 and self.normal else None

    @cached_property
    def slice_thickness_mm(self) -> float | None:
        """The median SliceThickness of its frames."""
        values = [frame.slice_thickness_mm for frame in self.frames if frame.slice_thickness_mm]
        return float(np.median(values)) if values else None

    @cached_property
    def extent_mm(self) -> float | None:
        """Length covered along the normal, one slice thickness (or step) included."""
        if self.normal is None:
            return None
        positions = self.slice_positions_mm
        return float(positions[-1] - positions[0]) + (self.slice_thickness_mm or self.step_mm or 0.0)


def split(series: Series) -> tuple[Stack, ...]:
    """Splits a series into stacks: orientation, pixel spacing, frame of reference, matrix, echo, b-value, kind of image, thickness,
    temporal position, and acquisition where the same places were taken again; ordered by their first instance number.
    """
    modality = series.modality
    frames = [frame for instance in series.instances for frame in instance.frames if frame.content == "image"]
    if modality == "XR":  # one radiograph is one stack; a tomosynthesis is the stack of its own frames
        instances: dict[str, list[Frame]] = defaultdict(list)
        for frame in frames:
            instances[frame.sop_instance_uid].append(frame)
        groups = list(instances.values())
    else:
        groups = [part for group in _same_kind(frames) for part in _by_acquisition(group)]
    groups.sort(key=_order_of_group)
    return tuple(stack_of(series.series_instance_uid, index, modality, group) for index, group in enumerate(groups))


def normal_of(orientation: Sequence[float]) -> Vector | None:
    """The unit normal of an ImageOrientationPatient (PS3.3 C.7.6.2.1.1); None where its two directions are not a plane."""
    row, column = orientation[:3], orientation[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    length = math.sqrt(sum(value * value for value in normal))
    return None if not length > 0.1 else (normal[0] / length, normal[1] / length, normal[2] / length)


def same_geometry(a: Frame, b: Frame) -> bool:
    """Whether two frames could be slices of one volume: all that a stack shares, but for kind of image and time."""
    matrix_and_space = (a.rows, a.columns, a.frame_of_reference_uid) == (b.rows, b.columns, b.frame_of_reference_uid)
    return matrix_and_space and _near(a, b)


def _order_of_group(group: list[Frame]) -> tuple[int, str, int]:
    first = min(group, key=_order_of_frame)
    return _order_of_frame(first)


def _order_of_frame(frame: Frame) -> tuple[int, str, int]:
    number = frame.instance_number
    return (number if number is not None else 1 << 31, frame.sop_instance_uid, frame.index)


def _kind(frame: Frame, *, times: bool) -> tuple[object, ...]:
    """What must be equal within a stack and is compared exactly; where temporal positions are `times`, they need not be."""
    words = tuple(word.upper() for word in frame.image_type)
    kinds = words[:2] + tuple(sorted(set(words[2:]) & _IMAGE_KINDS))
    return (
        frame.rows,
        frame.columns,
        frame.frame_of_reference_uid,
        kinds,
        None if times else frame.temporal_position,
        frame.stack_id,
        frame.image_position_patient is None,
    )


def _same_kind(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Groups frames whose discrete keys are equal and whose measured values agree within tolerance."""
    groups: dict[tuple[object, ...], list[tuple[Frame, list[Frame]]]] = defaultdict(list)
    beating = len({frame.trigger_time_ms for frame in frames} - {None}) > 1
    times = beating or len({frame.temporal_position for frame in frames}) > MOST_PHASES
    for frame in frames:
        candidates = groups[_kind(frame, times=times)]
        for model, members in candidates:
            if _near(model, frame):
                members.append(frame)
                break
        else:
            candidates.append((frame, [frame]))
    return [group for candidates in groups.values() for group in _rejoined([members for _, members in candidates])]


def _rejoined(groups: Sequence[list[Frame]]) -> list[list[Frame]]:
    """Joins groups that jitter in the header has parted, the largest first."""
    joined: list[list[Frame]] = []
    for group in sorted(groups, key=len, reverse=True):
        home = next((other for other in joined if _between(other, group)), None)
        if home is None:
            joined.append(group)
        else:
            home.extend(group)
    return joined


def _between(a: Sequence[Frame], b: Sequence[Frame]) -> bool:
    """Whether two groups are almost alike, and slices of one stand between those of the other, but never at one place."""
    if not _near(a[0], b[0], spacing=JITTER, echo_time_ms=ECHO_TIME_JITTER_MS):
        return False
    normal = normal_of(a[0].image_orientation_patient or (0.0,) * 6)
    if normal is None or a[0].image_position_patient is None or len(a) < 2:
        return False
    along_a, along_b = (
        np.sort(np.array([frame.image_position_patient for frame in group]) @ np.array(normal)) for group in (a, b)
    )
    behind = np.searchsorted(along_a, along_b)
    inside = along_b[(behind > 0) & (behind < len(along_a))]
    neighbours = along_a[np.clip([behind - 1, behind], 0, len(along_a) - 1)]
    return len(inside) > 0 and float(np.abs(neighbours - along_b).min()) > SAME_POSITION_MM


def _near(
    a: Frame, b: Frame, *, spacing: float = SPACING_TOLERANCE, echo_time_ms: float = ECHO_TIME_TOLERANCE_MS
) -> bool:
    return (
        _angle_near(a.image_orientation_patient, b.image_orientation_patient)
        and _spacing_near(a.pixel_spacing_mm, b.pixel_spacing_mm, spacing)
        and _spacing_near(_single(a.slice_thickness_mm), _single(b.slice_thickness_mm), THICKNESS_TOLERANCE)
        and _absolute_near(a.echo_time_ms, b.echo_time_ms, echo_time_ms)
        and _absolute_near(a.diffusion_b_value, b.diffusion_b_value, B_VALUE_TOLERANCE)
    )


def _single(value: float | None) -> tuple[float, ...] | None:
    return None if value is None else (value,)


def _angle_near(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    if a is None or b is None or a == b:
        return a == b
    limit = math.radians(ORIENTATION_TOLERANCE_DEG)
    return all(math.dist(a[i : i + 3], b[i : i + 3]) <= limit for i in (0, 3))


def _spacing_near(a: tuple[float, ...] | None, b: tuple[float, ...] | None, tolerance: float) -> bool:
    if a is None or b is None or a == b:
        return a == b
    return all(abs(x - y) <= tolerance * max(abs(x), abs(y)) for x, y in zip(a, b, strict=True))


def _absolute_near(a: float | None, b: float | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a == b
    return abs(a - b) <= tolerance


def _by_acquisition(group: list[Frame]) -> list[list[Frame]]:
    """Splits by AcquisitionNumber where it marks a repetition of the same places (contrast phases in one series).

    The number alone says little: some scanners count it up with every slice, others with every diffusion direction or volume
    of a time course.
    """
    numbers = {frame.acquisition_number for frame in group}
    if not 2 <= len(numbers) <= min(MOST_PHASES, len(group) // 2) or group[0].diffusion_b_value is not None:
        return [group]
    parts: dict[int | None, list[Frame]] = defaultdict(list)
    for frame in group:
        parts[frame.acquisition_number].append(frame)
    places = [{_place(frame) for frame in part} for part in parts.values()]
    if any(len(place) < 2 for place in places):
        return [group]
    everywhere = set.union(*places)
    repeated = sum(len(place) for place in places) - len(everywhere)
    return list(parts.values()) if repeated * 2 >= len(everywhere) else [group]


def _place(frame: Frame) -> tuple[float, ...] | None:
    return frame.image_position_patient and tuple(round(value, 1) for value in frame.image_position_patient)


def stack_of(series_instance_uid: str, index: int, modality: str, group: Sequence[Frame]) -> Stack:
    """The stack that some frames make, in order of position and time; `index` is its place in the series."""
    orientation = next((frame.image_orientation_patient for frame in group if frame.image_orientation_patient), None)
    placed = all(frame.image_position_patient is not None for frame in group)
    normal = normal_of(orientation) if orientation is not None and placed else None
    if normal is None:
        ordered = sorted(group, key=_order_of_frame)
        return Stack(series_instance_uid, index, modality, tuple(ordered), None, (0.0,) * len(ordered))
    places = np.array([frame.image_position_patient for frame in group])
    along = places @ np.array(normal)
    # Positions that differ by less than the tolerance are one position, so that time orders the frames there.
    ranks = np.zeros(len(group), dtype=int)
    order = np.argsort(along, kind="stable")
    rank, start = 0, float(along[order[0]])
    for i in order:
        if along[i] - start > SAME_POSITION_MM:
            rank += 1
            start = float(along[i])
        ranks[i] = rank
    sequence = sorted(range(len(group)), key=lambda i: (int(ranks[i]), time_of(group[i]), _order_of_frame(group[i])))
    return Stack(
        series_instance_uid,
        index,
        modality,
        tuple(group[i] for i in sequence),
        normal,
        tuple(float(along[i]) for i in sequence),
    )


def time_of(frame: Frame) -> float:
    """What orders frames at one position: trigger time, else acquisition time; 0.0 where neither is known."""
    if frame.trigger_time_ms is not None:
        return frame.trigger_time_ms
    return frame.acquisition_time_s if frame.acquisition_time_s is not None else 0.0
