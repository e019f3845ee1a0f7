"""Lengths cannot be measured on the image, or would be measured wrongly.

Higher is worse, one measurement a series. `spacing_absent`: images without any pixel spacing; `spacing_implausible`: images whose
pixel spacing or field of view no scanner makes; `spacing_conflict`: slices whose spacing differs from that of their neighbours of
the same orientation and matrix; `field_of_view_conflict`: percent by which spacing × matrix misses the stated reconstruction
diameter, of original CT and MR images; `uncalibrated`: radiographs whose lengths are those at the detector, enlarged by projection.
Formula: field of view = pixel spacing × max(Rows, Columns).
Source: DICOM PS3.3 10.7 (PixelSpacing), C.8.11.4 (ImagerPixelSpacing), C.8.2.1 and C.8.3.1 (ReconstructionDiameter). The plausible
ranges span what scanners are built for, from ear and finger to whole body, and are no limit of quality.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Frame, Instance

QUANTITIES = {
    "spacing_absent": Quantity(
        "images",
        "{value:.0f} images have no pixel spacing, so nothing can be measured on them",
        "{value:.0f} 幅图像缺少像素间距，无法测量",
        "send the images again with PixelSpacing or ImagerPixelSpacing",
        "请补全像素间距后重新上传",
    ),
    "spacing_implausible": Quantity(
        "images",
        "{value:.0f} images claim a pixel spacing of {spacing_mm} mm (field of view {field_of_view_mm:.0f} mm), which cannot be",
        "{value:.0f} 幅图像的像素间距为 {spacing_mm} mm（视野 {field_of_view_mm:.0f} mm），不合理",
        "correct the pixel spacing and send the images again",
        "请更正像素间距后重新上传",
    ),
    "spacing_conflict": Quantity(
        "images",
        "{value:.0f} slices have another pixel spacing ({spacing_mm} mm) than their series ({usual_mm} mm)",
        "{value:.0f} 幅图像的像素间距（{spacing_mm} mm）与同序列（{usual_mm} mm）不一致",
        "find out which spacing is right and send the series again",
        "请核实正确的像素间距后重新上传该序列",
    ),
    "field_of_view_conflict": Quantity(
        "%",
        "pixel spacing × matrix differs by {value:.1f} % from the stated field of view of {stated_mm:.0f} mm",
        "像素间距与矩阵之积与标明的重建视野 {stated_mm:.0f} mm 相差 {value:.1f}%",
        "correct the pixel spacing and send the images again",
        "请更正像素间距后重新上传",
    ),
    "uncalibrated": Quantity(
        "images",
        "{value:.0f} radiographs are not calibrated: lengths are those at the detector",
        "{value:.0f} 幅 X 线图像未校准，测量值为探测器平面上的长度",
        "lay a scale beside the patient where lengths matter",
        "需要测量长度时请放置标尺进行校准",
    ),
}

# Pixel spacing and field of view, in mm.
_PLAUSIBLE = {
    "CT": ((0.05, 3.0), (30.0, 1100.0)),
    "MR": ((0.03, 10.0), (15.0, 2500.0)),
    "XR": ((0.01, 1.0), (15.0, 1500.0)),
}
_SAME_SPACING = 2e-3  # relative; headers round
_ROUNDED_PERCENT = 1.0
_SAME_ORIENTATION_DIGITS = 1

Spacing = tuple[float, float]


def is_plausible(modality: str, spacing_mm: Spacing, rows: int, columns: int) -> bool:
    """Whether a scanner could have made pixels of this size and number, neither being twice as long as wide."""
    (low, high), (narrow, wide) = _PLAUSIBLE[modality]
    square = 0.5 <= spacing_mm[0] / spacing_mm[1] <= 2.0
    return (
        square
        and all(low <= s <= high for s in spacing_mm)
        and narrow <= field_of_view_mm(spacing_mm, rows, columns) <= wide
    )


def field_of_view_mm(spacing_mm: Spacing, rows: int, columns: int) -> float:
    """The longer side of the picture."""
    return max(spacing_mm[0] * rows, spacing_mm[1] * columns)


def off_usual(spacings: Sequence[Spacing]) -> list[int]:
    """The indices of the spacings that differ from the commonest one by more than rounding."""
    counts = Counter(spacings)
    usual = min(counts, key=lambda spacing: (-counts[spacing], spacing))
    return [
        index
        for index, spacing in enumerate(spacings)
        if any(abs(a - b) > _SAME_SPACING * b for a, b in zip(spacing, usual, strict=True))
    ]


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """The pixel spacing of every series of CT, MR or X-ray, scouts left out."""
    series: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for stack, facts in zip(evidence.stacks, evidence.stack_facts, strict=True):
        if stack.modality in _PLAUSIBLE and not facts.is_localizer:
            series[stack.series_instance_uid, stack.modality] += stack.frames
    for (_, modality), frames in series.items():
        yield from _absent(frames)
        yield from _implausible(frames, modality)
        if modality == "XR":
            yield from _uncalibrated([evidence.instance(frame) for frame in frames])
        else:
            yield from _conflict(frames)
            yield from _field_of_view(evidence, frames)


def _absent(frames: Sequence[Frame]) -> Iterable[Measurement]:
    lacking = [frame for frame in frames if frame.pixel_spacing_mm is None]
    if lacking:
        yield _found("spacing_absent", len(lacking), lacking[0], {})


def _implausible(frames: Sequence[Frame], modality: str) -> Iterable[Measurement]:
    wrong = [
        (frame, spacing)
        for frame in frames
        if (spacing := frame.pixel_spacing_mm) and not is_plausible(modality, spacing, frame.rows, frame.columns)
    ]
    if wrong:
        frame, spacing = wrong[0]
        width = field_of_view_mm(spacing, frame.rows, frame.columns)
        yield _found(
            "spacing_implausible", len(wrong), frame, {"spacing_mm": list(spacing), "field_of_view_mm": round(width, 1)}
        )


def _conflict(frames: Sequence[Frame]) -> Iterable[Measurement]:
    alike: dict[object, list[tuple[Frame, Spacing]]] = defaultdict(list)
    for frame in frames:
        if frame.pixel_spacing_mm is not None:
            orientation = frame.image_orientation_patient or ()
            rounded = tuple(round(value, _SAME_ORIENTATION_DIGITS) + 0.0 for value in orientation)
            alike[rounded, frame.rows, frame.columns].append((frame, frame.pixel_spacing_mm))
    odd: list[tuple[Frame, Spacing, Spacing]] = []
    for members in alike.values():
        indices = off_usual([spacing for _, spacing in members])
        usual = next(spacing for index, (_, spacing) in enumerate(members) if index not in indices)
        odd += [(*members[index], usual) for index in indices]
    if odd:
        frame, spacing, usual = odd[0]
        yield _found("spacing_conflict", len(odd), frame, {"spacing_mm": list(spacing), "usual_mm": list(usual)})


def _field_of_view(evidence: Evidence, frames: Sequence[Frame]) -> Iterable[Measurement]:
    """The worst of the original images: derived ones keep the diameter of their source."""
    worst: tuple[float, Frame, float] | None = None
    for frame in frames:
        stated = evidence.instance(frame).header.number("ReconstructionDiameter")
        if "ORIGINAL" not in frame.image_type[:1] or not stated or stated < 0 or frame.pixel_spacing_mm is None:
            continue
        percent = abs(field_of_view_mm(frame.pixel_spacing_mm, frame.rows, frame.columns) / stated - 1) * 100
        if percent > _ROUNDED_PERCENT and (worst is None or percent > worst[0]):
            worst = (percent, frame, stated)
    if worst is not None:
        percent, frame, stated = worst
        yield _found("field_of_view_conflict", round(percent, 2), frame, {"stated_mm": stated})


def _uncalibrated(images: Sequence[Instance]) -> Iterable[Measurement]:
    at_detector = [image for image in images if _is_at_detector(image.header)]
    if at_detector:
        yield _found("uncalibrated", len(at_detector), at_detector[0].frames[0], {})


def _is_at_detector(header: Header) -> bool:
    """Whether the only spacing is that at the detector: no calibration is named, and PixelSpacing adds nothing (10.7)."""
    imager, pixel = header.numbers("ImagerPixelSpacing"), header.numbers("PixelSpacing")
    return bool(imager) and not header.has_value("PixelSpacingCalibrationType") and pixel in ((), imager)


def _found(quantity: str, value: float, frame: Frame, detail: Mapping[str, object]) -> Measurement:
    place = Location(frame.series_instance_uid, frame.sop_instance_uid, frame.index)
    return Measurement(f"metadata.calibration.{quantity}", value, QUANTITIES[quantity].unit, place, detail)
