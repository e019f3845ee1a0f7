"""Studies of one unusual object each, by name: what a reader must understand beyond plain slices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from qc_models.errors import InputError
from qc_models.simulation.documents import write_dose_page, write_secondary_capture
from qc_models.simulation.enhanced_objects import write_enhanced_ct, write_enhanced_mr
from qc_models.simulation.instance_writing import SimulatedSeries, StudyHeader
from qc_models.simulation.mosaic_objects import write_mosaic
from qc_models.simulation.patients import draw_patient
from qc_models.simulation.special_series import (
    write_cine,
    write_dual_echo,
    write_dynamic,
    write_multiphase_ct,
    write_scout_in_series,
    write_tilted_blocks,
)
from qc_models.simulation.vendors import vendor_named

Writer = Callable[..., SimulatedSeries]

# Name: writer, vendor, and the procedure that was asked for.
SPECIAL_STUDIES: dict[str, tuple[Writer, str, tuple[str, str]]] = {
    "enhanced-ct": (write_enhanced_ct, "philips", ("CT-CHEST", "胸部CT平扫")),
    "enhanced-mr": (write_enhanced_mr, "philips", ("MR-HEAD", "头颅MRI平扫")),
    "mosaic": (write_mosaic, "siemens", ("MR-HEAD", "头颅MRI平扫")),
    "cine": (write_cine, "siemens", ("MR-HEART", "心脏MRI平扫")),
    "dynamic": (write_dynamic, "siemens", ("MR-HEAD-C", "头颅MRI增强")),
    "dual-echo": (write_dual_echo, "ge", ("MR-ABD", "上腹部MRI")),
    "multi-phase": (write_multiphase_ct, "ge", ("CT-ABD-C", "上腹部CT增强")),
    "tilted-blocks": (write_tilted_blocks, "canon", ("CT-LSPINE", "腰椎CT平扫")),
    "scout-in-series": (write_scout_in_series, "hitachi", ("CT-CHEST", "胸部CT平扫")),
    "secondary-capture": (write_secondary_capture, "siemens", ("CT-CHEST", "胸部CT平扫")),
    "dose-page": (write_dose_page, "ge", ("CT-CHEST", "胸部CT平扫")),
}


def special_header(
    name: str, *, seed: int = 0, size: Literal["full", "small"] = "small", study_date: str = "20260901"
) -> StudyHeader:
    """Patient, request and scanner of a special study; raises InputError for an unknown name."""
    if name not in SPECIAL_STUDIES:
        raise InputError(f"no special study {name!r}; there are {', '.join(SPECIAL_STUDIES)}")
    _, vendor, procedure = SPECIAL_STUDIES[name]
    patient = draw_patient(seed, study_date)
    return StudyHeader(
        procedure,
        vendor_named(vendor),
        patient,
        seed,
        study_date,
        9 * 3600,
        "code",
        size,
        key=(name, str(seed), size, study_date),
    )


def simulate_special(
    name: str,
    folder: Path,
    *,
    seed: int = 0,
    size: Literal["full", "small"] = "small",
    study_date: str = "20260901",
    **options: Any,
) -> SimulatedSeries:
    """Writes one special study; `options` are those of its writer (`drop_frame`, `double_frame`, `num_slices`, `num_times`, …)."""
    header = special_header(name, seed=seed, size=size, study_date=study_date)
    return SPECIAL_STUDIES[name][0](header, folder, **options)
