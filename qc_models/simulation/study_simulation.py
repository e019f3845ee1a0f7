"""Simulates the study of an exam item: every wanted component as series of valid DICOM, the same bytes for the same seed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qc_models.errors import InputError
from qc_models.exam_item import ExamItem
from qc_models.simulation.ct_study import write_ct_study
from qc_models.simulation.instance_writing import Request, SimulatedSeries, StudyHeader
from qc_models.simulation.mr_study import write_mr_study
from qc_models.simulation.patients import Patient, draw_patient
from qc_models.simulation.radiograph_study import write_radiographs
from qc_models.simulation.vendors import VendorName, vendor_named

_WRITERS = {"CT": write_ct_study, "MR": write_mr_study, "XR": write_radiographs}
_WOMEN = frozenset({"MR-PELVIS-F", "XR-MAMMO"})
_MEN = frozenset({"MR-PROSTATE"})


@dataclass(frozen=True)
class SimulatedStudy:
    """A study as it was written: one folder a series below `folder`."""

    folder: Path
    study_instance_uid: str
    item_id: str
    patient: Patient
    series: tuple[SimulatedSeries, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files in order of series and instance."""
        return tuple(path for series in self.series for path in series.files)

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """All SOPInstanceUIDs, in the order of `files`."""
        return tuple(uid for series in self.series for uid in series.sop_instance_uids)


def simulate_study(
    item: ExamItem,
    folder: Path,
    *,
    seed: int = 0,
    vendor: VendorName | str = "siemens",
    size: Literal["full", "small"] = "full",
    omit: Sequence[str] = (),
    include_optional: bool = False,
    patient: Patient | None = None,
    study_date: str = "20260901",
    request: Request = "code",
) -> SimulatedStudy:
    """Writes a study of `item` into `folder`: the series of all required components, less those in `omit`, and a localizer.

    `size="small"` keeps geometry and counts but shrinks the matrix to about 64 pixels. `request` says how the order is written:
    code and text, text alone, or not at all. A radiograph has no localizer, so that nothing is written where its only view is
    left out. Raises InputError for an item whose region has no phantom, an unknown vendor, or an `omit` that is no component
    of the item.
    """
    if seed < 0:
        raise InputError(f"seed {seed} is negative; give 0 or more")
    try:
        dt.datetime.strptime(study_date, "%Y%m%d")
    except ValueError as error:
        raise InputError(f"study date {study_date!r} is no day; give YYYYMMDD") from error
    who = patient or draw_patient(seed, study_date, "F" if item.id in _WOMEN else "M" if item.id in _MEN else None)
    side: Literal["L", "R"] | None = ("L" if seed % 2 else "R") if item.laterality == "yes" else None
    header = StudyHeader(
        (item.id, item.name.zh.partition("或")[0]),  # a doctor asks for one of an item's alternatives
        vendor_named(vendor),
        who,
        seed,
        study_date,
        8 * 3600 + (seed * 7919) % (8 * 3600),
        request,
        size,
        side,
        key=(item.id, str(seed), vendor, size, study_date, who.patient_id),
    )
    series = _WRITERS[item.modality](header, item, folder, omit, include_optional)
    return SimulatedStudy(folder, header.study_instance_uid, item.id, who, tuple(series))
