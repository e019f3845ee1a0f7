"""Makes the frames of an instance from its header: classic, enhanced multi-frame and mosaic objects all become the same Frame.

A value that cannot be what it claims (a position of two numbers, a spacing of zero, a thickness of 1e-320 mm) becomes None: a
check will name it, nothing here raises, and no sum behind it overflows. Enhanced objects: PS3.3 C.7.6.16; classic ones:
C.7.6.2, C.8.2.1, C.8.3.1.
"""

import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from qc_models.dicom.header import Header
from qc_models.stack import normal_of
from qc_models.study import Frame, Vector

# Objects that hold no picture of the patient (PS3.6 annex A): spectra, waveforms, presentation states, raw data,
# segmentations, value mappings, surfaces, documents, protocols, radiotherapy objects, and the data blobs of two vendors.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NOT_IMAGES = (
    *(_STORAGE + end for end in ("4.2", "9.", "11.", "66", "67", "68.", "88.", "104.", "200.", "481.")),
    "1.2.840.10008.1.3.10",
    "1.3.12.2.1107.5.9.1",
    "1.3.46.670589.",
)
_NOT_IMAGE_MODALITIES = frozenset("SR KO PR SEG REG RTSTRUCT RTPLAN RTRECORD DOC AU ECG HD PLAN FID RWV".split())

_FRAME_LIMIT = 100_000  # a count beyond it is no count
_LEAST, _MOST = 1e-3, 1e5  # mm of a length, ms of an echo time: what lies outside is none, and would break arithmetic
_LARGEST_COSINE = 1.1  # of a direction; a little more than 1, for headers round
_SMALLEST_TILE = 8  # pixels of a side of a mosaic's tile
_HIGHEST_B_VALUE = 20_000.0  # s/mm², beyond the strongest gradients of a scanner
_GE_B_VALUE_OFFSET = 100_000  # GE writes 1000000800 for 800
_B_VALUE_TEXTS = (
    (
        "SequenceName",
        re.compile(r"ep.?_?b(\d{1,5})(?![\d_])", re.IGNORECASE),
    ),  # Siemens: *ep_b1000#12; a map is ep_b0_1000
    ("ImageComments", re.compile(r"^b=(\d{1,5}(?:\.\d*)?)\(")),  # Canon: b=1500(0.445,0.000,0.895)
)
_TIME = re.compile(r"(?:\d{8})?(\d\d)(?:(\d\d)(\d\d(?:\.\d*)?)?)?(?:[+-]\d{4})?")
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "XRay3DFrameTypeSequence")

Group = Callable[[str], Header | None]


def frames_of(header: Header) -> tuple[Frame, ...]:
    """The frames of an instance in their stored order; none for documents, presentation states, segmentations and the like."""
    if _is_no_image(header):
        return ()
    if header.has_value("PerFrameFunctionalGroupsSequence"):
        return tuple(_enhanced_frames(header))
    frame = _classic_frame(header)
    count = _num_frames(header) or 1
    if count > 1:
        # Without functional groups the one position there is can only be the first frame's.
        return tuple(replace(frame, index=index, image_position_patient=None) for index in range(count))
    return tuple(_mosaic_tiles(header, frame)) if "MOSAIC" in frame.image_type else (frame,)


def time_of_day_s(value: str | None) -> float | None:
    """Seconds since midnight of a TM or DT value; None where it is absent or no time (PS3.5 6.2; `HH:MM:SS` of old is read)."""
    found = _TIME.fullmatch(value.replace(":", "")) if value else None
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2] or 0), float(found[3] or 0)
    return hours * 3600.0 + minutes * 60.0 + seconds if hours < 24 and minutes < 60 and seconds < 61 else None


def _is_no_image(header: Header) -> bool:
    sop_class_uid = header.text("SOPClassUID") or ""
    if sop_class_uid.startswith(_NOT_IMAGES) or header.text("Modality") in _NOT_IMAGE_MODALITIES:
        return True
    return header.pixel_data is None and "Rows" not in header


def _num_frames(header: Header, num_groups: int = 0) -> int:
    """NumberOfFrames where it is a count, else 0; at most as many as functional groups or native pixels can bear out.

    One frame more than the pixels hold is kept: it cannot be decoded, so that what is missing is told, and a false claim of
    many costs nothing.
    """
    count = header.integer("NumberOfFrames") or 0
    if not 0 < count <= _FRAME_LIMIT:
        return 0
    num_bits = math.prod(header.integer(keyword) or 0 for keyword in ("Rows", "Columns", "BitsAllocated"))
    if header.pixel_data is None or header.pixel_data.length is None or num_bits < 1:
        return count
    return min(count, max(num_groups, header.pixel_data.length * 8 // num_bits + 1))


def _classic_frame(header: Header) -> Frame:
    spacing = header.numbers("PixelSpacing") or header.numbers("ImagerPixelSpacing")
    return Frame(
        series_instance_uid=header.text("SeriesInstanceUID") or "",
        sop_instance_uid=header.text("SOPInstanceUID") or "",
        index=0,
        instance_number=header.integer("InstanceNumber"),
        rows=header.integer("Rows") or 0,
        columns=header.integer("Columns") or 0,
        image_type=header.texts("ImageType"),
        image_position_patient=_vector(header.numbers("ImagePositionPatient")),
        image_orientation_patient=_orientation(header.numbers("ImageOrientationPatient")),
        pixel_spacing_mm=_spacing(spacing or header.numbers("NominalScannedPixelSpacing")),
        slice_thickness_mm=_measured(header.number("SliceThickness")),
        spacing_between_slices_mm=_measured(header.number("SpacingBetweenSlices")),
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        acquisition_number=header.integer("AcquisitionNumber"),
        acquisition_time_s=time_of_day_s(header.text("AcquisitionTime") or header.text("AcquisitionDateTime")),
        temporal_position=header.integer("TemporalPositionIdentifier"),
        trigger_time_ms=header.number("TriggerTime"),
        echo_time_ms=_measured(header.number("EchoTime")),
        diffusion_b_value=_b_value(header) if header.text("Modality") == "MR" else None,
    )


def _b_value(header: Header) -> float | None:
    """The b-value in s/mm²: the standard attribute, a vendor's own, else what Siemens and Canon write as text."""
    for keyword in ("DiffusionBValue", "SiemensDiffusionBValue", "PhilipsDiffusionBFactor", "UihDiffusionBValue"):
        value = header.number(keyword)
        if value is not None and 0 <= value <= _HIGHEST_B_VALUE:
            return value
    value = header.number("GeDiffusionBValue")
    if value is not None and value >= 0:
        value %= _GE_B_VALUE_OFFSET
        return value if value <= _HIGHEST_B_VALUE else None
    for keyword, pattern in _B_VALUE_TEXTS:
        found = pattern.search(header.text(keyword) or "")
        if found is not None:
            return float(found[1])
    return None


def _enhanced_frames(header: Header) -> Iterator[Frame]:
    """The frames of an enhanced object; what a frame's own functional groups leave out, the shared groups tell."""
    own = header.items("PerFrameFunctionalGroupsSequence")
    shared = header.items("SharedFunctionalGroupsSequence")[:1]
    base = replace(_classic_frame(header), image_position_patient=None)
    for index in range(_num_frames(header, len(own)) or len(own)):
        holders = (*own[index : index + 1], *shared)
        yield _enhanced_frame(base, index, partial(_group, holders))


def _group(holders: Sequence[Header], keyword: str) -> Header | None:
    for holder in holders:
        items = holder.items(keyword)
        if items:
            return items[0]
    return None


def _enhanced_frame(base: Frame, index: int, group: Group) -> Frame:
    changes: dict[str, object] = {"index": index}
    if (kind := next(filter(None, map(group, _FRAME_TYPES)), None)) is not None:
        component = kind.text("ComplexImageComponent")
        words = kind.texts("FrameType") or base.image_type
        changes["image_type"] = (*words, component) if component in ("PHASE", "REAL", "IMAGINARY") else words
    if (place := group("PlanePositionSequence")) is not None:
        changes["image_position_patient"] = _vector(place.numbers("ImagePositionPatient"))
    if (plane := group("PlaneOrientationSequence")) is not None:
        changes["image_orientation_patient"] = _orientation(plane.numbers("ImageOrientationPatient"))
    if (measures := group("PixelMeasuresSequence")) is not None:
        changes["pixel_spacing_mm"] = _spacing(measures.numbers("PixelSpacing"))
        changes["slice_thickness_mm"] = _measured(measures.number("SliceThickness"))
        changes["spacing_between_slices_mm"] = _measured(measures.number("SpacingBetweenSlices"))
    if (content := group("FrameContentSequence")) is not None:
        time = time_of_day_s(content.text("FrameAcquisitionDateTime"))
        number = content.integer("FrameAcquisitionNumber")
        changes["acquisition_time_s"] = base.acquisition_time_s if time is None else time
        changes["acquisition_number"] = base.acquisition_number if number is None else number
        changes["temporal_position"] = content.integer("TemporalPositionIndex")
        changes["stack_id"] = content.text("StackID")
    if (echo := group("MREchoSequence")) is not None:
        changes["echo_time_ms"] = _measured(echo.number("EffectiveEchoTime"))
    if (diffusion := group("MRDiffusionSequence")) is not None:
        # A frame of DiffusionDirectionality NONE carries no b-value: it is the picture without diffusion weighting.
        no_weight = 0.0 if diffusion.text("DiffusionDirectionality") == "NONE" else None
        b_value = diffusion.number("DiffusionBValue")
        changes["diffusion_b_value"] = no_weight if b_value is None else b_value
    if (cardiac := group("CardiacSynchronizationSequence")) is not None:
        changes["trigger_time_ms"] = cardiac.number("NominalCardiacTriggerDelayTime")
    return replace(base, **changes)  # type: ignore[arg-type]


def _mosaic_tiles(header: Header, frame: Frame) -> Iterator[Frame]:
    """One frame for each tile of a Siemens mosaic, row by row; the tiles behind the last slice are padding.

    The mosaic's position is that of a slice as large as the whole mosaic, so a tile's corner lies half the difference further
    in; slices follow each other along the normal of the CSA header (nibabel, "DICOM mosaics").
    """
    num_slices = header.integer("SiemensNumberOfImagesInMosaic") or 0
    if num_slices < 1 or not frame.rows or not frame.columns:
        yield frame
        return
    side = math.isqrt(num_slices - 1) + 1
    if side * _SMALLEST_TILE > min(frame.rows, frame.columns):
        yield frame
        return
    rows, columns = frame.rows // side, frame.columns // side
    orientation, corner, spacing = frame.image_orientation_patient, frame.image_position_patient, frame.pixel_spacing_mm
    step = frame.spacing_between_slices_mm or frame.slice_thickness_mm
    for tile in range(side * side):
        position = None
        if tile < num_slices and orientation and corner and spacing and step:
            normal = _csa_slice_normal(header.raw("SiemensCsaImageHeader")) or normal_of(orientation) or (0.0, 0.0, 0.0)
            right, down = (frame.columns - columns) / 2 * spacing[1], (frame.rows - rows) / 2 * spacing[0]
            position = _vector(
                [
                    corner[axis] + right * orientation[axis] + down * orientation[3 + axis] + tile * step * normal[axis]
                    for axis in range(3)
                ]
            )
        yield replace(
            frame,
            index=tile,
            rows=rows,
            columns=columns,
            image_position_patient=position,
            content="image" if tile < num_slices else "padding",
        )


def _csa_slice_normal(csa: bytes | None) -> Vector | None:
    """SliceNormalVector of a Siemens CSA header of either version (nibabel, "Siemens format DICOM with CSA header")."""
    start = csa.find(b"SliceNormalVector\0") if csa else -1
    if csa is None or start < 0:
        return None
    position, numbers = start + 84, []  # behind the tag's name (64) and description (20)
    try:
        for _ in range(3):
            length = struct.unpack_from("<4i", csa, position)[1]
            numbers.append(float(csa[position + 16 : position + 16 + length].strip(b" \0")))
            position += 16 + (length + 3) // 4 * 4
    except (struct.error, ValueError):
        return None
    return _vector(numbers)


def _vector(values: Sequence[float]) -> Vector | None:
    near = len(values) == 3 and all(abs(value) <= _MOST for value in values)
    return (values[0], values[1], values[2]) if near else None


def _orientation(values: Sequence[float]) -> tuple[float, ...] | None:
    if len(values) != 6 or not all(abs(value) <= _LARGEST_COSINE for value in values) or normal_of(values) is None:
        return None
    return tuple(values)


def _spacing(values: Sequence[float]) -> tuple[float, float] | None:
    return (values[0], values[1]) if len(values) == 2 and all(map(_measurable, values)) else None


def _measured(value: float | None) -> float | None:
    """A length in mm or an echo time in ms, where it can be one."""
    return value if value is not None and _measurable(value) else None


def _measurable(value: float) -> bool:
    return _LEAST <= value <= _MOST
