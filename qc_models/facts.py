"""Facts: all that a judgement may know of a study, free of any exam item, small enough to be kept in the report.

They hold no pixel and nothing that identifies a patient, so that stored reports can be judged again under a new catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from qc_models.findings import CheckFailure, Measurement
from qc_models.vocabulary import Laterality, Plane, Source


@dataclass(frozen=True, slots=True)
class RegionLabel:
    """Region ids (empty when unknown), how sure, and who says so."""

    label: tuple[str, ...] = ()
    probability: float = 0.0
    source: Source = "header"


@dataclass(frozen=True, slots=True)
class ViewLabel:
    """The view of a radiograph or None, how sure, and who says so."""

    label: str | None = None
    probability: float = 0.0
    source: Source = "header"


@dataclass(frozen=True, slots=True)
class StackFacts:
    """One stack as a judgement sees it: what it shows, and how it was taken. Lengths in mm.

    `roles` is all that it is (`T2FS` and `IN_OUT_PHASE` of a Dixon image); `role` the one to show. `components` are the tokens of
    `qc_models.vocabulary.COMPONENTS` that it fills. `extent_mm` is (low, high) of the covered range along the patient's
    head-foot axis (DICOM z, HFS sense), thickness included; `length_mm` along the stack's own normal.
    `acquisition` is equal for reconstructions of one acquisition.
    """

    series_instance_uid: str
    index: int
    modality: str
    num_slices: int
    num_frames: int
    plane: Plane | None = None
    nearest_plane: Plane | None = None
    role: str | None = None
    role_source: Source = "header"
    roles: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    region: RegionLabel = RegionLabel()
    view: ViewLabel = ViewLabel()
    laterality: Laterality | None = None
    derived: bool = False
    num_views: int = 1
    rows: int = 0
    columns: int = 0
    pixel_spacing_mm: tuple[float, float] | None = None
    slice_thickness_mm: float | None = None
    step_mm: float | None = None
    extent_mm: tuple[float, float] | None = None
    length_mm: float | None = None
    frame_of_reference_uid: str | None = None
    acquisition: str = ""
    kvp: float | None = None
    b_values: tuple[float, ...] = ()

    @property
    def is_localizer(self) -> bool:
        """Scouts, bolus tracking, dose pages: they fill no component and no range."""
        return self.role == "LOC"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, in the sender's words and codes (never a patient's), upper case."""

    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """One study, item-free. `age_years` is the age at the examination; dates are of the examination."""

    study_instance_uid: str
    modalities: tuple[str, ...]
    study_date: date | None
    latest_date: date | None
    age_years: float | None
    bedside: bool
    deidentified: bool
    device: str  # a digest of manufacturer, model and serial number, to look up its standing
    institution: str
    request: Request
    stacks: tuple[StackFacts, ...]
    measurements: tuple[Measurement, ...]
    failures: tuple[CheckFailure, ...]
    pixels_examined: bool
    models: Mapping[str, str] = field(default_factory=dict)
    other_devices: tuple[str, ...] = ()  # where series come from several; reports of before name the first one alone
    other_institutions: tuple[str, ...] = ()  # likewise

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices of the study, whose standing counts alike."""
        return (self.device, *self.other_devices)

    @property
    def institutions(self) -> tuple[str, ...]:
        """All institutions of the study, whose standing counts alike."""
        return (self.institution, *self.other_institutions)

    @property
    def is_adult(self) -> bool | None:
        """True from 16 years on; None where the age is not known."""
        return None if self.age_years is None else self.age_years >= 16
