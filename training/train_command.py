"""`touchstone train`: from labels to a released model, a step a sub-command."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qc_models.model_bundle import SHIPPED

if TYPE_CHECKING:
    from training.run_folder import RunFolder

DATA = Path("../shared/data")
RUNS = Path("runs")

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, show_default=True, help="The data folder."
)
bundles_option = click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=SHIPPED,
    help="Folder of bundles; the shipped one otherwise.",
)


@click.group(
    epilog="""\b
Examples:
  touchstone train data build --out manifest.jsonl
  touchstone train fit xr_anatomy
  touchstone train evaluate runs/xr_anatomy
  touchstone train export runs/xr_anatomy
  touchstone train release xr_anatomy VERSION --who "a name" --why "200 corrections of March"
  touchstone train rollback xr_anatomy --who "a name" --why "more conflicts at one hospital" """
)
def train() -> None:
    """Teach the models and release them."""


@train.group()
def data() -> None:
    """What there is to learn from."""


@data.command("build")
@data_option
@click.option("--terms", metavar="TERMS", help="Only rows of these terms, such as open.")
@click.option(
    "--labels", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Exported labels of reviewers."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("manifest.jsonl"), show_default=True
)
def build_command(data: Path, terms: str | None, labels: Path | None, out: Path) -> None:
    """Write the manifest: every row with its labels, terms and fold; a table says what there is and what is missing."""
    from rich.console import Console
    from rich.table import Table

    from training.manifest import build, summary

    manifest = build(data, terms=terms, labels=labels)
    manifest.write(out)
    table = Table("modality", "kind", "terms", "rows", "subjects")
    for entry in summary(manifest.rows):
        table.add_row(*map(str, entry))
    Console().print(table)
    missing = {"CT", "MR", "XR"} - {row.modality for row in manifest.rows}
    for modality in sorted(missing):
        click.echo(f"no row of {modality}: its models cannot be taught from this", err=True)
    click.echo(f"{out}: {len(manifest.rows)} rows, version {manifest.digest[:12]}")


@train.command()
@click.argument("recipe")
@data_option
@bundles_option
@click.option("--manifest", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Learn from this one.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="The run's folder; runs/<model> otherwise."
)
@click.option(
    "--start", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Begin with a run's weights."
)
@click.option("--leave-out", metavar="SOURCE", help="Learn nothing from this source and ask about it alone.")
@click.option(
    "--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Workers; Ray Train from two on."
)
@click.option("--smoke", is_flag=True, help="Go the whole way once with a few rows: does it run at all?")
@click.option(
    "--mlflow", "tracking", type=click.Path(path_type=Path), help="Also log to an MLflow store in this folder."
)
def fit(
    recipe: str,
    data: Path,
    bundles: Path,
    manifest: Path | None,
    out: Path | None,
    start: Path | None,
    leave_out: str | None,
    devices: int,
    smoke: bool,
    tracking: Path | None,
) -> None:
    """Teach the model of a RECIPE, a name in configs/training or a file, and ask it about rows that it never saw.

    A run that was killed goes on where it stopped.
    """
    from training.recipe import load_recipe

    wanted = load_recipe(recipe)  # what is mistyped is told before anything heavy is loaded

    from qc_models.model_registry import models
    from training.fit import fit as fit_here
    from training.fit import smoked
    from training.manifest import Manifest, build, read_manifest, source_left_out
    from training.rating_bundle import export_ratings
    from training.run_folder import RunFolder

    if models()[wanted.model].measures is not None:  # a sum that is solved, from tables
        made = export_ratings(wanted, data, (out or RUNS / wanted.model) / "bundles")
        _print_figures(json.loads((made / "evaluation.json").read_text(encoding="utf-8")), wanted.model, bundles)
        return
    rows = read_manifest(manifest) if manifest else build(data, terms=wanted.terms)
    if leave_out:
        rows = Manifest(tuple(source_left_out(rows.rows, leave_out)))
    if smoke:
        wanted, rows = smoked(wanted, rows)
    folder = RunFolder(out or RUNS / (wanted.model + ("-smoke" if smoke else "")))
    with _epochs(wanted.model, wanted.epochs) as advance:
        if devices > 1:
            from training.fit_on_ray import fit_on_ray

            fit_on_ray(wanted, rows, data, folder, devices)
        else:
            fit_here(wanted, rows, data, folder, advance, start=RunFolder(start) if start else None)
    if tracking is not None:
        from training.tracking import track

        track(folder, tracking)
    _evaluate(folder, data, bundles, folder.path)


@train.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False, exists=True))
@data_option
@bundles_option
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where the page goes; the run's folder otherwise."
)
def evaluate(run: Path, data: Path, bundles: Path, out: Path | None) -> None:
    """Ask the network of a RUN about rows that it never saw: evaluation.html for a person, evaluation.json for machines."""
    from training.run_folder import RunFolder

    _evaluate(RunFolder(run), data, bundles, out or run)


def _evaluate(folder: "RunFolder", data: Path, bundles: Path, out: Path) -> None:
    """Asks the network of a run about what it never saw, writes the page and prints the figures."""
    from training.evaluate import evaluated, temperatures
    from training.evaluation_page import write

    content = write(evaluated(folder, data, "not exported", temperatures(folder, data)), out)
    _print_figures(content, folder.recipe().model, bundles)
    click.echo(f"{out / 'evaluation.html'}")


def _print_figures(content: Mapping[str, Any], model: str, bundles: Path) -> None:
    """A line a figure: its interval, its target, and whether it lies in the interval of the version which is served."""
    from training.release import served_figures

    served = served_figures(model, bundles)
    for found in content["targets"]:
        value, (low, high) = found["value"], found["interval"]
        said = "met" if found["met"] else "missed"
        line = f"{found['name']}: {value} ({low}-{high}), n {found['rows']}, target {found['target']} {said}"
        if (card := served.get(found["name"])) is not None and None not in (value, card["interval"][0]):
            within = card["interval"][0] <= value <= card["interval"][1]
            line += f"; served {card['value']}, {'within' if within else 'outside'} its interval"
        click.echo(line)


@train.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False, exists=True))
@data_option
@bundles_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(["float16", "int8"]),
    help="Also a smaller copy, where it loses next to nothing; float16 is what a GPU then runs, int8 a processor.",
)
def export(run: Path, data: Path, bundles: Path, variants: tuple[str, ...]) -> None:
    """Make the bundle of a RUN: ONNX, metadata, evaluation, card; it is served once it is released."""
    from training.export import copied
    from training.export import export as write_bundle
    from training.run_folder import RunFolder

    ready = list((run / "bundles").glob("*/*/metadata.json"))  # of measures, where teaching already makes the bundle
    place = copied(ready[0].parent, bundles) if ready else write_bundle(RunFolder(run), data, bundles, variants)
    click.echo(f"{place}: release it with `touchstone train release {place.parent.name} {place.name} --who … --why …`")


@train.command()
@click.argument("model")
@click.argument("version")
@bundles_option
@click.option("--who", required=True, help="Who decided.")
@click.option("--why", required=True, help="Why.")
@click.option("--force", is_flag=True, help="Release although something is worse; it is written down.")
def release(model: str, version: str, bundles: Path, who: str, why: str, force: bool) -> None:
    """Serve VERSION of MODEL, unless a class or source is worse than served today beyond noise (exit code 1)."""
    from training.release import release as serve

    worse = serve(model, version, bundles, who, why, force=force)
    for entry in worse:
        click.echo(f"worse: {entry}", err=True)
    if worse and not force:
        click.echo(f"{model}: not released", err=True)
        sys.exit(1)
    click.echo(f"{model}: {version} is served")


@train.command()
@click.argument("model")
@bundles_option
@click.option("--who", required=True, help="Who decided.")
@click.option("--why", required=True, help="Why.")
def rollback(model: str, bundles: Path, who: str, why: str) -> None:
    """Serve the version of MODEL before the present one."""
    from training.release import rollback as serve_earlier

    click.echo(f"{model}: {serve_earlier(model, bundles, who, why)} is served again")


@train.command()
@click.argument("reports", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--reference",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Reports of an earlier time, instead of what the cards of the served models hold; all measurements are compared.",
)
@bundles_option
def drift(reports: Path, reference: Path | None, bundles: Path) -> None:
    """Compare what models were shown and how sure they were in REPORTS (lines of JSON) with the cards of the served versions.

    Over all, by site and by device; exit code 1 where one is alarming.
    """
    from rich.console import Console
    from rich.table import Table

    from training.drift import drift_table, observed_in, reference_of
    from training.release import served_references

    expected = reference_of(observed_in(reference)) if reference else served_references(bundles)
    rows = drift_table(expected, observed_in(reports))
    table = Table("score", "by", "name", "n", "median", "expected", "PSI", "distance", "level")
    for row in rows:
        numbers = (f"{value:.3f}" for value in (row.median, row.expected, row.psi, row.distance))
        table.add_row(row.score, row.by, row.name, str(row.count), *numbers, row.level)
    Console().print(table)
    sys.exit(any(row.level == "alarm" for row in rows))


@train.command("list")
@bundles_option
def list_command(bundles: Path) -> None:
    """Every release of every model; the last one of each is served."""
    from rich.console import Console
    from rich.table import Table

    from qc_models.model_bundle import releases

    table = Table("model", "version", "when", "who", "why")
    for model, entries in sorted(releases(bundles).items()):
        for entry in entries:
            served = " (served)" if entry is entries[-1] else ""
            table.add_row(model, entry["version"] + served, entry["when"], entry["who"], entry["why"])
    Console().print(table)


@contextmanager
def _epochs(name: str, count: int) -> Iterator[Callable[[str], None]]:
    """A bar of epochs on a terminal, a line each elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda line: click.echo(f"{name}: {line}", err=True)
        return
    with Progress(console=console) as progress:
        task = progress.add_task(name, total=count)
        yield lambda line: progress.update(task, advance=1, description=f"{name} {line}")
