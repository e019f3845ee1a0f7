"""As many images arrived as headers, manifests and the sender say there are.

Higher is worse: each value is a shortfall, declared less found; more than declared is no shortfall. What ImagesInAcquisition
(PS3.3 C.7.6.1) counts differs between vendors: one time point, one stack, a series, or an acquisition that fills several series.
A shortfall is called only for a series that holds fewer, unless the acquisition as a whole holds them. Other sources:
NumberOfTemporalPositions and CardiacNumberOfImages (C.8.3.1), NumberOfFrames against PerFrameFunctionalGroupsSequence
(C.7.6.16), key object documents that list what a study holds (CID 7010: 113030 Manifest to 113035), and the sender's own count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.stack import Stack
from qc_models.study import Frame, Instance, Series

_NAME = "completeness.declared_counts"
_KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
_MANIFESTS = frozenset(str(code) for code in range(113030, 113036))
_COMPUTED = frozenset({"ADC", "MIP", "SUB"})
_SHOWN = 20

QUANTITIES = {
    "images_in_acquisition": Quantity(
        "images",
        "the header declares {declared} images in the acquisition, {found} arrived",
        "图像头声明本次采集共 {declared} 幅，仅收到 {found} 幅",
        "send the whole acquisition again from the scanner or PACS: {value:.0f} images are not here",
        "请从设备或PACS重新发送完整采集，尚缺 {value:.0f} 幅",
    ),
    "temporal_positions": Quantity(
        "times",
        "the header declares {declared} time points, {found} arrived",
        "图像头声明 {declared} 个时间点，仅收到 {found} 个",
        "send the missing {value:.0f} time points of the series",
        "请补传该序列缺少的 {value:.0f} 个时间点",
    ),
    "cardiac_phases": Quantity(
        "phases",
        "the header declares {declared} cardiac phases, {found} arrived at most",
        "图像头声明 {declared} 个心动期相，最多仅收到 {found} 个",
        "send the missing {value:.0f} cardiac phases of the series",
        "请补传该序列缺少的 {value:.0f} 个心动期相",
    ),
    "frames": Quantity(
        "frames",
        "NumberOfFrames says {declared}, but {found} frames are described",
        "NumberOfFrames 为 {declared}，但实际描述了 {found} 帧",
        "send the object again as the scanner wrote it",
        "请重新发送设备原始生成的多帧图像",
    ),
    "manifest": Quantity(
        "images",
        "{value:.0f} of {declared} images that the manifest in the study lists did not arrive",
        "检查内清单列出 {declared} 幅图像，其中 {value:.0f} 幅未收到",
        "send the images again that the manifest lists in series {series}",
        "请补传清单所列序列 {series} 中缺少的图像",
    ),
    "sender": Quantity(
        "images",
        "the sender announced {declared} images, {found} arrived",
        "发送端声明共 {declared} 幅图像，仅收到 {found} 幅",
        "send the study again: {value:.0f} images are not here",
        "请重新发送该检查，尚缺 {value:.0f} 幅图像",
    ),
}


def shortfall(declared: int | None, found: int) -> int:
    """Declared less found, 0 at least; 0 where nothing is declared."""
    return max(0, (declared or 0) - found)


def most_found(declared: int | None, in_series: int, in_acquisition: int) -> int:
    """The count to hold against ImagesInAcquisition: the acquisition's where it is short itself or whole, else the series'."""
    if not declared or in_acquisition < declared or in_acquisition % declared == 0:
        return max(in_series, in_acquisition)
    return in_series


def measure(evidence: Evidence) -> Iterator[Measurement]:
    """Measures every series, every multi-frame object, every manifest and the study."""
    stacks: dict[str, list[Stack]] = defaultdict(list)
    acquired: Counter[tuple[object, ...]] = Counter()
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if facts.role not in _COMPUTED:  # a map carries the count of the images that it was computed from
            stacks[stack.series_instance_uid].append(stack)
            acquired.update(_acquisition(frame) for frame in stack.frames)
    times = _times(evidence)
    for series in evidence.study.series:
        own = stacks[series.series_instance_uid]
        yield from _frames(series)
        if not own:
            continue
        place = Location(series_instance_uid=series.series_instance_uid)
        num_at_place = _most_at_one_place(own)
        declared = _declared(series, "ImagesInAcquisition")
        in_acquisition = max(acquired[_acquisition(frame)] for stack in own for frame in stack.frames)
        found = most_found(declared, sum(len(stack.frames) for stack in own), in_acquisition)
        yield from _short("images_in_acquisition", declared, found, place)
        declared = _declared(series, "NumberOfTemporalPositions")
        found = max(num_at_place, *(len(times[stack.frames[0].frame_of_reference_uid, declared]) for stack in own))
        yield from _short("temporal_positions", declared, found, place)
        yield from _short("cardiac_phases", _declared(series, "CardiacNumberOfImages"), num_at_place, place)
    yield from _manifests(evidence)
    # Files that arrived and could not be read were sent, too: `pixel_integrity.unreadable` tells of them.
    study = evidence.study
    again = sum(item.num_files - 1 for item in study.repeated)
    yield from _short(
        "sender", study.declared_instances, len(study.instances) + len(study.unreadable) + again, Location()
    )


def _short(quantity: str, declared: int | None, found: int, place: Location) -> Iterator[Measurement]:
    missing = shortfall(declared, found)
    if missing:
        unit = QUANTITIES[quantity].unit
        detail = {"declared": declared, "found": found}
        yield Measurement(f"{_NAME}.{quantity}", missing, unit, place, detail)


def _declared(series: Series, keyword: str) -> int | None:
    numbers = (instance.header.integer(keyword) for instance in series.instances if instance.frames)
    return max((number for number in numbers if number is not None), default=None)


def _acquisition(frame: Frame) -> tuple[object, ...]:
    """What is equal for images of one acquisition, which may fill several series."""
    return (frame.frame_of_reference_uid, frame.acquisition_number)


def _times(evidence: Evidence) -> dict[tuple[str | None, int | None], set[int]]:
    """The temporal positions of a frame of reference and declared number; some scanners write each into a series of its own."""
    declared = {
        series.series_instance_uid: _declared(series, "NumberOfTemporalPositions") for series in evidence.study.series
    }
    times: dict[tuple[str | None, int | None], set[int]] = defaultdict(set)
    for stack in evidence.stacks:
        for frame in stack.frames:
            if frame.temporal_position is not None:
                times[frame.frame_of_reference_uid, declared[frame.series_instance_uid]].add(frame.temporal_position)
    return times


def _most_at_one_place(stacks: Sequence[Stack]) -> int:
    """The largest number of frames of a series that lie at one position."""
    places = Counter(
        tuple(round(value, 1) for value in frame.image_position_patient)
        for stack in stacks
        for frame in stack.frames
        if frame.image_position_patient is not None
    )
    return max(places.values(), default=max((len(stack.frames) for stack in stacks), default=0))


def _frames(series: Series) -> Iterator[Measurement]:
    for instance in series.instances:
        declared = instance.header.integer("NumberOfFrames")
        described = len(instance.header.items("PerFrameFunctionalGroupsSequence"))
        if declared is not None and described and declared != described:
            place = Location(series.series_instance_uid, instance.sop_instance_uid)
            detail = {"declared": declared, "found": described}
            yield Measurement(f"{_NAME}.frames", abs(declared - described), "frames", place, detail)


def _manifests(evidence: Evidence) -> Iterator[Measurement]:
    arrived = {instance.sop_instance_uid for instance in evidence.study.instances}
    arrived.update(item.sop_instance_uid for item in evidence.study.unreadable if item.sop_instance_uid)
    for instance in evidence.study.instances:
        codes = {code.text("CodeValue") for code in instance.header.items("ConceptNameCodeSequence")}
        if instance.sop_class_uid != _KEY_OBJECTS or not codes & _MANIFESTS:
            continue
        listed = dict(_listed(instance, evidence.study.study_instance_uid))
        absent = Counter(series for uid, series in listed.items() if uid not in arrived)
        if absent:
            place = Location(instance.series_instance_uid, instance.sop_instance_uid)
            detail = {"declared": len(listed), "series": sorted(absent)[:_SHOWN]}
            yield Measurement(f"{_NAME}.manifest", absent.total(), "images", place, detail)


def _listed(document: Instance, study_instance_uid: str) -> Iterator[tuple[str, str]]:
    """(SOPInstanceUID, SeriesInstanceUID) of what a key object document lists of this study (PS3.3 C.17.6.2)."""
    for study in document.header.items("CurrentRequestedProcedureEvidenceSequence"):
        if study.text("StudyInstanceUID") == study_instance_uid:
            for series in study.items("ReferencedSeriesSequence"):
                for item in series.items("ReferencedSOPSequence"):
                    uid = item.text("ReferencedSOPInstanceUID")
                    if uid:
                        yield uid, series.text("SeriesInstanceUID") or ""
