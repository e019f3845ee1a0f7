"""`touchstone demo`: simulated studies, good and defective, scored, and real ones where they are at hand: what the gate does.

Simulated patients are phantoms to the models, which may ask a person to look; what passes with them on is a real study.
"""

import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.score_command import DEFAULT_CATALOGUE, HTML_NAME, make_settings, score_studies, written

if TYPE_CHECKING:
    from qc_models.exam_item import Catalogue

# One clean study of each modality, and what commonly goes wrong: exam item, vendor, defect and its strength.
STUDIES: Sequence[tuple[str, str, str, float]] = (
    ("CT-CHEST", "siemens", "", 0),
    ("MR-LSPINE", "philips", "", 0),
    ("XR-CHEST-2V", "canon", "", 0),
    ("CT-HEAD", "ge", "missing_slices", 2),
    ("MR-HEAD", "siemens", "missing_series", 1),
    ("MR-KNEE", "uih", "patient_mix_up", 1),
    ("CT-SINUS", "uih", "truncated_file", 0.5),
    ("XR-HAND", "siemens", "future_date", 3650),
)

REAL_STUDIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "studies"
REAL = ("abdpel-ct", "knee-mr")


@click.command(epilog="\b\nExample:\n  touchstone demo --out touchstone-demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("touchstone-demo"),
    show_default=True,
    help="Folder for the simulated studies and the report.",
)
@click.option("--as-of", metavar="DATE", default="2026-09-30", show_default=True, help="The day of the verdict.")
def demo(out: Path, as_of: str) -> None:
    """Write a small set of simulated studies, score them, print the table and where the HTML report lies."""
    from inference.reading import read_studies

    settings = make_settings(DEFAULT_CATALOGUE, (), as_of, None, pixels=True)
    folders = []
    with click.progressbar(STUDIES, label="simulating", file=sys.stderr) as entries:
        for number, (item, vendor, defect, strength) in enumerate(entries):
            folder = out / "studies" / "-".join(filter(None, (f"{number + 1}", item, defect)))
            if not folder.exists():
                _simulate(settings.catalogue, item, vendor, number, defect, strength, folder)
            folders.append(folder)
    folders += [REAL_STUDIES / name for name in REAL if (REAL_STUDIES / name).is_dir()]
    studies = deque(study for folder in folders for study in read_studies([folder]).studies)
    with written(out, "table") as (page, write):
        score_studies(studies, settings, page, write)
    click.echo(f"report: {out / HTML_NAME}")
    click.echo(f"score them yourself: touchstone score {out / 'studies'}/*")


def _simulate(
    catalogue: "Catalogue", item: str, vendor: str, seed: int, defect: str, strength: float, folder: Path
) -> None:
    """Writes one study beside its place and moves it there, so that a run cut short leaves no half of one."""
    from qc_models.simulation.defects import apply_defect
    from qc_models.simulation.study_simulation import simulate_study

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        clean, spoilt = Path(scratch) / "clean", Path(scratch) / "spoilt"
        simulate_study(catalogue.item(item), clean, seed=seed, vendor=vendor)
        if defect:
            apply_defect(defect, clean, spoilt, strength=strength, seed=seed)
        (spoilt if defect else clean).rename(folder)
