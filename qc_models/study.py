"""A study as its headers tell it: Study > Series > Instance > Frame.

The unit is the frame (instance, index): classic, enhanced and mosaic objects become one path.
A study is its StudyInstanceUID and nothing else. Frames are made from headers by `qc_models.frames`.
"""

from dataclasses import dataclass
from pathlib import Path

from qc_models.dicom.header import Header
from qc_models.report_form import ReportForm
from qc_models.vocabulary import XR_MODALITIES

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of an instance lie: a file, or (in `inference.inputs`) a member of a zip archive."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """A short name for messages: the file's name, never its folders, which may carry a patient's name."""
        return self.path.name if self.member is None else f"{self.path.name}!{Path(self.member).name}"

    def content(self) -> Path | bytes:
        """What the header and pixel readers take: the path of a file, or bytes."""
        return self.path


@dataclass(frozen=True, slots=True)
class Frame:
    """One image plane with what places it in space, time and the acquisition; lengths in mm, times in ms."""

    series_instance_uid: str
    sop_instance_uid: str
    index: int
    instance_number: int | None
    rows: int
    columns: int
    image_type: tuple[str, ...]
    image_position_patient: Vector | None = None
    image_orientation_patient: tuple[float, ...] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    slice_thickness_mm: float | None = None
    spacing_between_slices_mm: float | None = None
    frame_of_reference_uid: str | None = None
    acquisition_number: int | None = None
    acquisition_time_s: float | None = None
    temporal_position: int | None = None
    trigger_time_ms: float | None = None
    echo_time_ms: float | None = None
    diffusion_b_value: float | None = None
    stack_id: str | None = None
    content: str = "image"  # "image", or "padding" for an empty mosaic tile


@dataclass(frozen=True, slots=True)
class Instance:
    """One SOP instance: its header, where its bytes lie, and its frames (none for SR, KO and the like)."""

    header: Header
    source: Source
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """The instances of one SeriesInstanceUID, in order of InstanceNumber, then SOPInstanceUID."""

    series_instance_uid: str
    instances: tuple[Instance, ...]

    @property
    def modality(self) -> str:
        """The Modality of its first instance, with all radiographs (DX, CR, MG, RG) as `XR`."""
        modality = self.instances[0].modality
        return "XR" if modality in XR_MODALITIES else modality


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be parsed, or lacks what places it in a study.

    `reason` says what is wrong and what to do; `name` is for the sender's eyes alone, since names of files may name patients.
    """

    name: str
    reason: str
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    sop_instance_uid: str | None = None


@dataclass(frozen=True, slots=True)
class RepeatedInstance:
    """Several files of one SOPInstanceUID; `agrees` where decoded pixels and headers are equal, whatever the encoding."""

    series_instance_uid: str
    sop_instance_uid: str
    num_files: int
    agrees: bool


@dataclass(frozen=True, slots=True)
class Study:
    """All that arrived under one StudyInstanceUID; series in order of UID, so that file order never changes a verdict."""

    study_instance_uid: str
    series: tuple[Series, ...]
    unreadable: tuple[Unreadable, ...] = ()
    repeated: tuple[RepeatedInstance, ...] = ()
    declared_instances: int | None = None  # a count that the sender gave
    reports: tuple[ReportForm, ...] = ()  # of radiologists, that came by another way than its instances

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All instances of all series."""
        return tuple(instance for series in self.series for instance in series.instances)
