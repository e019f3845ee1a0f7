"""`touchstone simulate`: writes studies of exam items as DICOM, good or with a defect of known strength, and spoils real ones."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from configs.strict import HERE
from qc_models.errors import ConfigError, InputError

if TYPE_CHECKING:
    from qc_models.simulation.defects import Defect

EXAMPLES = """\b
Examples:
  touchstone simulate CT-CHEST MR-KNEE --out studies
  touchstone simulate --out studies                             every item of the catalogue
  touchstone simulate CT-HEAD --out bad --defect missing_slices:2 --defect future_date
  touchstone simulate --source a_real_study --out bad --defect truncated_file:0.5
  touchstone simulate --source a_real_study --out bad --defect ring:disturbing --defect metal_streak:8
  touchstone simulate --special mosaic --out odd
  touchstone simulate --list
"""


@click.command("simulate", epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to; a sub-folder a study."
)
@click.option("--vendor", default="siemens", show_default=True, help="Whose headers: see --list.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--size", type=click.Choice(["full", "small"]), default="full", show_default=True, help="small: about 64 pixels."
)
@click.option("--optional", is_flag=True, help="Also the optional components of each item.")
@click.option("--omit", multiple=True, metavar="COMPONENT", help="Leave a component out, named as in the item.")
@click.option(
    "--date", "study_date", default="20260901", metavar="YYYYMMDD", show_default=True, help="Day of the study."
)
@click.option(
    "--request",
    type=click.Choice(["code", "text", "none"]),
    default="code",
    show_default=True,
    help="How it was ordered.",
)
@click.option(
    "--defect",
    "defects",
    multiple=True,
    metavar="NAME[:STRENGTH]",
    help="Put a defect in, of a strength or a named level; each its own study.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Spoil copies of this study instead of simulated ones.",
)
@click.option(
    "--special",
    "specials",
    multiple=True,
    metavar="NAME",
    help="An unusual object: enhanced, mosaic, cine; see --list.",
)
@click.option(
    "--catalogue", type=click.Path(path_type=Path), default=HERE / "exam_items", show_default="the default catalogue"
)
@click.option("--list", "listing", is_flag=True, help="List vendors, defects and special studies, and stop.")
def simulate(
    items: tuple[str, ...],
    out: Path | None,
    vendor: str,
    seed: int,
    size: str,
    optional: bool,
    omit: tuple[str, ...],
    study_date: str,
    request: str,
    defects: tuple[str, ...],
    sources: tuple[Path, ...],
    specials: tuple[str, ...],
    catalogue: Path,
    listing: bool,
) -> None:
    """Write studies of exam items as valid DICOM, each into a folder of its own; prints the folders.

    With --defect each study is written once for each defect, and not without; with --source the studies are copies of real ones.
    """
    from rich.console import Console
    from rich.progress import Progress

    from qc_models.exam_item import load_catalogue
    from qc_models.simulation.defects import apply_defect
    from qc_models.simulation.special_studies import simulate_special
    from qc_models.simulation.study_simulation import simulate_study

    if listing:
        click.echo(_listing())
        return
    if out is None:
        raise click.UsageError("give --out, the folder to write to")
    if sources and (items or specials):
        raise click.UsageError("--source stands for itself: name no items and no --special with it")
    if sources and not defects:
        raise click.UsageError("--source needs a --defect to put in")
    wanted = [_defect(text) for text in defects]
    loaded = load_catalogue(catalogue) if not sources and (items or not specials) else None
    names = () if loaded is None else items or tuple(loaded.items)
    if omit and len(names) != 1:
        raise click.UsageError("--omit needs exactly one item")
    written: list[Path] = []
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("writing", total=len(names) + len(specials) + len(sources))
        for name in names:
            assert loaded is not None
            item = loaded.item(name)
            # Each spoilt study is another study, with UIDs of its own, so that all of them can be scored together.
            for place, (defect, strength) in enumerate(wanted or [("", None)]):
                with tempfile.TemporaryDirectory() as scratch:
                    target = out / f"{name}-{defect}" if defect else _new_folder(out / name)
                    folder = Path(scratch) / name if defect else target
                    study = simulate_study(
                        item,
                        folder,
                        seed=seed + place,
                        vendor=vendor,
                        size="small" if size == "small" else "full",
                        omit=omit,
                        include_optional=optional,
                        study_date=study_date,
                        request=request,  # type: ignore[arg-type]  # click has checked the choice
                    )
                    if not study.files:
                        raise InputError(
                            f"{name}: nothing is left to write without {', '.join(omit)}; leave a component in"
                        )
                    if defect:
                        apply_defect(defect, folder, target, strength=strength, seed=seed)
                    written.append(target)
            progress.advance(task)
        for special in specials:
            folder = _new_folder(out / special)
            simulate_special(
                special, folder, seed=seed, size="small" if size == "small" else "full", study_date=study_date
            )
            written.append(folder)
            progress.advance(task)
        for source in sources:
            for defect, strength in wanted:
                target = out / f"{source.resolve().name}-{defect}"
                apply_defect(defect, source, target, strength=strength, seed=seed)
                written.append(target)
            progress.advance(task)
    for path in written:
        click.echo(path)


def _new_folder(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; give another --out or remove it")
    return folder


def _defect(text: str) -> tuple[str, float | None]:
    """`name`, `name:strength` or `name:level`; raises ConfigError for a name, a number or a level that is none."""
    from qc_models.simulation.defects import DEFECTS

    name, colon, strength = text.partition(":")
    if name not in DEFECTS:
        raise ConfigError(f"--defect {text}: no defect {name!r}; there are {', '.join(DEFECTS)}")
    levels = DEFECTS[name].levels
    if strength in levels:
        return name, levels[strength]
    try:
        return name, float(strength) if colon else None
    except ValueError as error:
        also = f", nor one of {', '.join(levels)}" if levels else ""
        raise ConfigError(f"--defect {text}: {strength!r} is not a number{also}") from error


def _listing() -> str:
    from qc_models.simulation.defects import DEFECTS
    from qc_models.simulation.special_studies import SPECIAL_STUDIES
    from qc_models.simulation.vendors import VENDORS

    rows = [
        (name, f"{defect.what}; strength: {defect.strength}, {_strengths(defect)}") for name, defect in DEFECTS.items()
    ]
    parts = [
        ("vendors", [(name, vendor.manufacturer) for name, vendor in VENDORS.items()]),
        ("defects", rows),
        (
            "special studies",
            [(name, f"as {vendor} sends it, {code}") for name, (_, vendor, (code, _)) in SPECIAL_STUDIES.items()],
        ),
    ]
    return "\n\n".join("\n".join([title, *_columns(lines)]) for title, lines in parts)


def _strengths(defect: "Defect") -> str:
    if defect.levels:
        return ", ".join(f"{name} {value:g}" for name, value in defect.levels.items())
    return f"by default {defect.default:g}"


def _columns(lines: Sequence[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in lines)
    return [f"  {name:{width}}  {what}" for name, what in lines]
