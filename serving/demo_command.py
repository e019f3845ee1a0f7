"""`touchstone demo`: simulated studies, good and defective, scored; shows what the gate does before any real study is at hand."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

# One clean study of each modality, and what commonly goes wrong: exam item, vendor, defect and its strength.
STUDIES: Sequence[tuple[str, str, str, float]] = (
    ("CT-CHEST", "siemens", "", 0),
    ("MR-LSPINE", "philips", "", 0),
    ("XR-CHEST-2V", "canon", "", 0),
    ("CT-HEAD", "ge", "missing_slices", 1),
    ("MR-HEAD", "siemens", "missing_series", 1),
    ("MR-KNEE", "uih", "patient_mix_up", 1),
    ("CT-ABDPEL", "uih", "truncated_file", 0.5),
    ("XR-HAND", "siemens", "future_date", 365),
)


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
    import tempfile

    from inference.pipeline import examine
    from inference.reading import read_studies
    from qc_models.simulation.defects import apply_defect
    from qc_models.simulation.study_simulation import simulate_study
    from serving.html_report import write_html
    from serving.score_command import DEFAULT_CATALOGUE, HTML_NAME, make_settings
    from serving.score_table import print_table

    settings = make_settings(DEFAULT_CATALOGUE, (), as_of, None, pixels=True)
    examined = []
    with click.progressbar(STUDIES, label="simulating and scoring", file=sys.stderr) as studies:
        for number, (item, vendor, defect, strength) in enumerate(studies):
            folder = out / "studies" / "-".join(filter(None, (f"{number + 1}", item, defect)))
            if not folder.exists():
                with tempfile.TemporaryDirectory() as scratch:
                    clean = Path(scratch) / "clean" if defect else folder
                    simulate_study(settings.catalogue.item(item), clean, seed=number, vendor=vendor)
                    if defect:
                        apply_defect(defect, clean, folder, strength=strength, seed=number)
            (study,) = read_studies([folder]).studies
            examined.append(examine(study, settings))
    print_table(entry.report.content for entry in examined)
    write_html(examined, out / HTML_NAME)
    click.echo(f"report: {out / HTML_NAME}")
    click.echo(f"score them yourself: touchstone score {out / 'studies'}/*")
