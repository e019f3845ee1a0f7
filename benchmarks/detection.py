"""Puts each defect into each real study and asks whether it is caught, and by what: the confusion table of the gate."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.defect_kinds import caught_by
from inference.pipeline import Settings, examine
from inference.reading import read_studies
from qc_models.errors import InputError
from qc_models.simulation.defects import apply_defect

DEFECTS: Sequence[tuple[str, float]] = (
    ("missing_slices", 1),
    ("missing_fraction", 0.03),
    ("missing_fraction", 0.10),
    ("duplicate_slice", 1),
    ("truncated_file", 0.5),
    ("missing_series", 1),
    ("patient_mix_up", 1),
    ("future_date", 3650),
    ("birth_after_study", 30),
)


def run(studies: Path, settings: Settings, seeds: int, advance: Callable[[str], None]) -> dict[str, Any]:
    """For each study its untouched verdict, and for each defect and seed what caught it."""
    rows: dict[str, Any] = {}
    for folder in sorted(path for path in studies.iterdir() if path.is_dir()):
        advance(folder.name)
        clean = report_of(folder, settings)
        rows[folder.name] = {
            "untouched": {
                "verdict": clean["verdict"],
                "items": [item["item"] for item in clean["items"]],
                "findings": sorted({f"{f['level']} {f['metric']}" for f in clean["findings"] if f["level"] != "note"}),
            },
            "defects": {
                f"{name}:{strength:g}": [_one(folder, clean, name, strength, seed, settings) for seed in range(seeds)]
                for name, strength in DEFECTS
            },
        }
    outcomes = [one for row in rows.values() for defect in row["defects"].values() for one in defect]
    return {
        "caught": sum(one["outcome"] == "caught" for one in outcomes),
        "missed": sum(one["outcome"] == "missed" for one in outcomes),
        "impossible": sum(one["outcome"] == "impossible" for one in outcomes),
        "studies": rows,
    }


def report_of(folder: Path, settings: Settings) -> Any:
    """The report of the only study of a folder."""
    (study,) = read_studies([folder]).studies
    return examine(study, settings).report.content


def _one(folder: Path, clean: Any, name: str, strength: float, seed: int, settings: Settings) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "study"
        try:
            apply_defect(name, folder, target, strength=strength, seed=seed)
        except InputError as error:
            return {"outcome": "impossible", "why": str(error)}
        if not any(target.rglob("*.dcm")):
            return {"outcome": "impossible", "why": "nothing is left of the study"}
        defective = report_of(target, settings)
    by = caught_by(name, clean, defective)
    return {"outcome": "caught" if by else "missed", "by": by, "verdict": defective["verdict"]}


def table(figures: dict[str, Any]) -> str:
    """The confusion table as text: a row a study, a column a defect; c caught, M missed, - impossible."""
    marks = {"caught": "c", "missed": "M", "impossible": "-"}
    defects = [f"{name}:{strength:g}" for name, strength in DEFECTS]
    lines = [" " * 20 + " ".join(f"{defect:>20}" for defect in defects)]
    for study, row in figures["studies"].items():
        cells = ("".join(marks[one["outcome"]] for one in row["defects"][defect]) for defect in defects)
        lines.append(f"{study:20}" + " ".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)
