"""Defects of known strength, put into a copy of any study: the list of them, and how one is applied."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from qc_models.errors import InputError
from qc_models.simulation import header_defects, slice_defects
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from qc_models.simulation.pixel_defects.study_pictures import spoil_study
from qc_models.simulation.slice_defects import Change
from qc_models.simulation.study_files import StudyFiles


@dataclass(frozen=True)
class Defect:
    """A kind of defect: what it does in one line, what its strength means, that by default, and strengths that have names."""

    what: str
    strength: str
    default: float
    apply: Callable[[StudyFiles, float, np.random.Generator], Change]
    levels: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AppliedDefect:
    """What was done to a study; `files_changed` are paths below the target that were removed, added or rewritten."""

    name: str
    strength: float
    files_changed: tuple[Path, ...]
    what: str


DEFECTS: dict[str, Defect] = {
    "missing_slices": Defect("takes interior slices out", "slices", 1, slice_defects.missing_slices),
    "missing_fraction": Defect(
        "takes a part of the interior slices out", "fraction of slices", 0.1, slice_defects.missing_fraction
    ),
    "renumbered": Defect("takes slices out and closes up instance numbers", "slices", 1, slice_defects.renumbered),
    "duplicate_slice": Defect("repeats slices under new UIDs", "slices", 1, slice_defects.duplicate_slice),
    "conflicting_uid": Defect("uses one SOP instance UID for two images", "images", 1, slice_defects.conflicting_uid),
    "repeated_pixels": Defect("shows a neighbour's pixels", "slices", 1, slice_defects.repeated_pixels),
    "blank_slices": Defect("replaces pixels by a constant", "slices", 1, slice_defects.blank_slices),
    "bad_number": Defect(
        "leaves a gap in instance numbers, not in space", "numbers skipped", 1, slice_defects.bad_number
    ),
    "reversed_order": Defect("numbers instances backwards; changes nothing", "series", 1, slice_defects.reversed_order),
    "shuffled": Defect("renames files in random order; changes nothing", "share of files", 1, slice_defects.shuffled),
    "missing_series": Defect("takes the last source series out", "series", 1, slice_defects.missing_series),
    "scout_mixed_in": Defect("puts localizers into a series of slices", "images", 1, slice_defects.scout_mixed_in),
    "patient_mix_up": Defect("gives images another patient's identity", "images", 1, slice_defects.patient_mix_up),
    "wrong_body_part": Defect("labels images as another region", "share of images", 1, header_defects.wrong_body_part),
    "wrong_side": Defect("exchanges left and right in headers", "share of sided images", 1, header_defects.wrong_side),
    "future_date": Defect("moves the examination's dates ahead", "days", 3650, header_defects.future_date),
    "birth_after_study": Defect("sets the birth date after the study", "days", 30, header_defects.birth_after_study),
    "wrong_charset": Defect("encodes text otherwise than declared", "share of files", 1, header_defects.wrong_charset),
    "empty_tag": Defect("empties mandatory attributes", "attributes", 1, header_defects.empty_tag),
    "truncated_file": Defect(
        "cuts a file inside its pixel data", "fraction of pixel data kept", 0.5, header_defects.truncated_file
    ),
} | {
    name: Defect(
        f"{pixel.modality}: {pixel.what}",
        pixel.levels.unit,
        pixel.levels.disturbing,
        partial(spoil_study, pixel),
        pixel.levels.named(),
    )
    for name, pixel in PIXEL_DEFECTS.items()
}


def apply_defect(
    name: str, source: Path, target: Path, *, strength: float | None = None, seed: int = 0
) -> AppliedDefect:
    """Copies the study in `source` to `target` and puts a defect into the copy; the default strength where none is given.

    Encoded pixels stay encoded, unless the defect is in the pixels themselves. Raises InputError for an unknown name, a
    strength out of range, a target that is not empty, or a study in which the defect is impossible; the target is then
    removed.
    """
    if name not in DEFECTS:
        raise InputError(f"no defect {name!r}; there are {', '.join(DEFECTS)}")
    if not source.is_dir():
        raise InputError("the source is not a folder; give the folder of a study")
    if target.exists() and any(target.iterdir()):
        raise InputError("the target is not empty; give a new folder")
    defect = DEFECTS[name]
    value = defect.default if strength is None else float(strength)
    shutil.copytree(source, target, dirs_exist_ok=True)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        rng = np.random.default_rng([seed, *name.encode()])
        changed, what = defect.apply(StudyFiles(target), value, rng)
    except InputError:
        shutil.rmtree(target)
        raise
    return AppliedDefect(name, value, tuple(sorted(path.relative_to(target) for path in changed)), what)
