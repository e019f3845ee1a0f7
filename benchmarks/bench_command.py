"""`touchstone bench`: every figure that the project claims, as a command."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.results_file import record
from benchmarks.service_commands import SERVICE_COMMANDS

if TYPE_CHECKING:
    from inference.pipeline import Settings

STUDIES = Path(__file__).resolve().parents[2] / "shared" / "data" / "studies"
ASKED_BY_SOURCE = ("volume_anatomy", "mr_sequence", "xr_anatomy")
AS_OF = "2026-11-01"  # after every real study, so that figures do not change with the calendar

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=STUDIES,
    help="Folder of real studies, one folder each; ../shared/data/studies otherwise.",
)
repeats_option = click.option("--repeats", default=5, show_default=True, type=click.IntRange(min=1))
workers_option = click.option("--workers", default=2, show_default=True, type=click.IntRange(min=1))


@click.group()
def bench() -> None:
    """Measure speed, memory and the gate itself; figures go into benchmarks/results as JSON with date and machine."""


for service_command in SERVICE_COMMANDS:
    bench.add_command(service_command)


@bench.command("score")
@data_option
@repeats_option
@workers_option
@click.option("--no-models", is_flag=True, help="Measurements alone.")
def score_command(data: Path, repeats: int, workers: int, no_models: bool) -> None:
    """Whole scoring against reading and decoding alone, in turn in one process."""
    from benchmarks import score

    settings = _settings(workers)
    if no_models:
        settings = replace(settings, models=None)
    with _bar("pairs", repeats) as bar:
        figures = score.run(_needed(data), settings, repeats, lambda: bar.update(1))
    _show("score_no_models" if no_models else "score", figures)


@bench.command("header")
@data_option
@repeats_option
def header_command(data: Path, repeats: int) -> None:
    """Our header pass against a plain pydicom loop, in turn in one process."""
    from benchmarks import header

    _show("header", header.run(_needed(data), repeats))


@bench.command("memory")
@click.option("--slices", default=1000, show_default=True, type=click.IntRange(min=1))
@workers_option
def memory_command(slices: int, workers: int) -> None:
    """Peak memory and time a slice of scoring one long simulated CT of 512x512, and of its quarter before it."""
    from benchmarks import footprint

    item = _settings(workers).catalogue.item("CT-CHEST")
    with tempfile.TemporaryDirectory() as scratch:
        figures = []
        for number in (max(1, slices // 4), slices):  # the largest process of all is what is told: the small one first
            footprint.write_long_ct(item, Path(scratch) / str(number), number)
            figures.append(footprint.peak_memory(Path(scratch) / str(number), workers))
        _show("memory", figures[1] | {"quarter": figures[0]})


@bench.command("start")
@data_option
@repeats_option
def start_command(data: Path, repeats: int) -> None:
    """Seconds from command to first result on one file, headers only."""
    from benchmarks import footprint

    file = next(iter(sorted(_needed(data).rglob("*.dcm"))))
    _show("start", footprint.start_time(file, repeats))


@bench.command("labels")
@data_option
@workers_option
def labels_command(data: Path, workers: int) -> None:
    """Region, plane, role and item of the real series against their labels."""
    from benchmarks import labels

    _show("labels", labels.run(_needed(data), _settings(workers)))


@bench.command("detection")
@data_option
@workers_option
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1))
def detection_command(data: Path, workers: int, seeds: int) -> None:
    """Each defect put into each real study: caught or missed, and by which finding."""
    from benchmarks import detection

    figures = detection.run(_needed(data), _settings(workers), seeds, lambda name: click.echo(name, err=True))
    record("detection", figures)
    click.echo(detection.table(figures))
    click.echo(f"caught {figures['caught']}, missed {figures['missed']}, impossible {figures['impossible']}")


@bench.command("gate")
@data_option
@workers_option
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--item", "item_ids", multiple=True, metavar="ID", help="Only these exam items; figures are not kept.")
@click.option(
    "--part",
    type=click.Choice(["all", "simulated", "real"]),
    default="all",
    show_default=True,
    help="Simulated studies (an hour on two processors), or the real ones (ten minutes).",
)
@click.option(
    "--every", default=1, show_default=True, type=click.IntRange(min=1), help="Only every so many of the items."
)
@click.option("--no-models", is_flag=True, help="What the gate was before models; kept beside the other figures.")
def gate_command(
    data: Path, workers: int, seeds: int, item_ids: tuple[str, ...], part: str, every: int, no_models: bool
) -> None:
    """False passes and false rejects by item and defect, over simulated and real studies."""
    from benchmarks import gate

    settings = _settings(workers)
    if no_models:
        settings = replace(settings, models=None)
    items = [settings.catalogue.item(item_id) for item_id in item_ids or settings.catalogue.items][::every]
    real = sorted(path for path in data.iterdir() if path.is_dir()) if data.is_dir() and not item_ids else []
    wanted = [] if part == "real" else items, [] if part == "simulated" else real
    figures = gate.run(*wanted, settings, seeds, lambda name: click.echo(name, err=True))
    figures["items"] = len(items) if part != "real" else 0
    name = "gate" if part == "all" else f"gate_{part}"
    _show(f"{name}_no_models" if no_models else name, figures, keep=not item_ids)


@bench.command("checks")
@data_option
@repeats_option
@click.option("--device", "devices", multiple=True, metavar="NAME", help="cpu, cuda, …; the CPU and any GPU otherwise.")
def checks_command(data: Path, repeats: int, devices: tuple[str, ...]) -> None:
    """What each image check costs on CPU and GPU, against the speed of memory; the values of both must be equal."""
    import torch

    from benchmarks import check_costs

    torch.set_num_threads(1)
    chosen = devices or ("cpu", *(["cuda"] if torch.cuda.is_available() else []))
    figures = check_costs.run(_needed(data), data.parent / "images", repeats, chosen)
    record("checks", figures)
    click.echo(check_costs.table(figures))
    if any(figures["differing"].values()):
        raise SystemExit(1)


@bench.command("measurements")
@data_option
@click.option(
    "--seeds", default=2, show_default=True, type=click.IntRange(min=1), help="Defects drawn at each strength."
)
@click.option("--pictures", default=120, show_default=True, type=click.IntRange(min=2), help="Radiographs taken.")
@click.option("--defect", "defects", multiple=True, metavar="NAME", help="Only these defects; figures are not kept.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Write plots as a page there."
)
def measurements_command(data: Path, seeds: int, pictures: int, defects: tuple[str, ...], out: Path | None) -> None:
    """Each measurement against the strength of its defect in real images: Spearman, AUC, intervals, plots."""
    from benchmarks import measurement_page, measurements

    figures = measurements.run(
        _needed(data),
        data.parent / "images",
        seeds=seeds,
        pictures=pictures,
        defects=defects,
        advance=lambda name: click.echo(name, err=True),
    )
    if not defects:
        record("measurements", measurements.brief(figures))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "measurements.html").write_text(measurement_page.page(figures), encoding="utf-8")
    click.echo(measurements.table(figures))


@bench.command("ratings")
@click.option(
    "--tables",
    type=click.Path(path_type=Path, file_okay=False),
    default=STUDIES.parent / "tables",
    help="Folder of rated measures; ../shared/data/tables otherwise.",
)
def ratings_command(tables: Path) -> None:
    """Human ratings of brain MR: taught on ABIDE alone, asked about DS030 and MR-ART (about a minute)."""
    from benchmarks import ratings

    _show("ratings", ratings.run(_needed(tables)))


@bench.command("sources")
@click.argument("model", type=click.Choice(ASKED_BY_SOURCE))
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=STUDIES.parent, help="The data folder."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of those of the recipe.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Write the evaluation's page there."
)
def sources_command(model: str, data: Path, epochs: int | None, out: Path | None) -> None:
    """What MODEL says of stacks or radiographs of sources that it never saw: taught five times anew (half an hour and more)."""
    from benchmarks import sources

    figures = sources.run(model, _needed(data), epochs, out, lambda line: click.echo(line, err=True))
    _show(f"sources_{model}", figures, keep=epochs is None or epochs > 1)


@bench.command("motion")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=STUDIES.parent, help="The data folder."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of those of the recipe.")
def motion_command(data: Path, epochs: int | None) -> None:
    """Real head motion against stillness in five folds of subjects, with the noise around the head made equal."""
    from benchmarks import motion

    _show("motion", motion.run(_needed(data), epochs, lambda line: click.echo(line, err=True)))


@bench.command("coordinate")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=STUDIES.parent, help="The data folder."
)
def coordinate_command(data: Path) -> None:
    """The body coordinate of axial CT stacks: its order, and where a stack ends that was cut (half a minute)."""
    from benchmarks import coordinate

    _show("coordinate", coordinate.run(_needed(data)))


@bench.command("corrections")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=STUDIES.parent, help="The data folder."
)
@click.option("--seed", default=1, show_default=True)
def corrections_command(data: Path, seed: int) -> None:
    """Two hundred corrections of reviewers: taught, evaluated, released, rolled back (ten minutes on two processors)."""
    from benchmarks import corrections

    with tempfile.TemporaryDirectory() as folder:
        figures = corrections.run(_needed(data), Path(folder), seed, lambda line: click.echo(line, err=True))
    _show("corrections", figures)


@bench.command("engine")
@click.option("--studies", default=12, show_default=True, type=click.IntRange(min=1))
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
def engine_command(studies: int, repeats: int) -> None:
    """Studies a second in this process against Ray with one and two examiners; all of them must report alike."""
    from benchmarks import engine

    with tempfile.TemporaryDirectory() as folder:
        figures = engine.run(Path(folder), _settings(1), studies, repeats, lambda name: click.echo(name, err=True))
    _show("engine", figures)
    if not figures["reports_alike"]:
        raise SystemExit(1)


@bench.command("fuzz")
@click.option("--inputs", default=20_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=STUDIES.parent,
    help="Folder of DICOM files to mutate.",
)
def fuzz_command(inputs: int, seed: int, data: Path) -> None:
    """Mutated files through the whole scorer: no crash, no hang, no silent pass."""
    from benchmarks import fuzz

    figures = fuzz.run(data, inputs, seed, _settings(1))
    _show("fuzz", figures)
    if figures["crashes"] or figures["hangs"] or figures["silent_passes"]:
        raise SystemExit(1)


@bench.command("replay")
@data_option
@click.option("--reports", "number", default=100_000, show_default=True, type=click.IntRange(min=1000))
@workers_option
@click.option(
    "--database", "databases", multiple=True, type=click.Choice(["sqlite", "postgresql"]), help="Both otherwise."
)
def replay_command(data: Path, number: int, workers: int, databases: tuple[str, ...]) -> None:
    """Stored reports judged again under a changed limit, on SQLite and PostgreSQL (ten minutes, most of them to store)."""
    from benchmarks import replay_bench

    kinds = databases or ("sqlite", "postgresql")
    figures = replay_bench.run(
        data, _settings(workers), number, workers, kinds, lambda line: click.echo(line, err=True)
    )
    _show("replay", figures, keep=number >= 100_000 and not databases)


@bench.command("pool")
@click.option("--entries", default=10_000_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--questions", default=4000, show_default=True, type=click.IntRange(min=200))
@click.option("--clients", default=4, show_default=True, type=click.IntRange(min=2))
def pool_command(entries: int, questions: int, clients: int) -> None:
    """Pool lookups among ten million entries, directly and over HTTP (half an hour, and 15 GB of disk where TMPDIR says)."""
    from benchmarks import pool_bench

    catalogue = _settings(1).catalogue
    figures = pool_bench.run(entries, questions, clients, catalogue, lambda line: click.echo(line, err=True))
    _show("pool", figures, keep=entries >= 10_000_000)


@bench.command("all")
@click.pass_context
def all_command(context: click.Context) -> None:
    """Every benchmark with its defaults (a night on two processors: models are taught anew for some)."""
    for command in (
        header_command,
        start_command,
        score_command,
        memory_command,
        labels_command,
        detection_command,
        checks_command,
        measurements_command,
        ratings_command,
        coordinate_command,
        gate_command,
        replay_command,
        pool_command,
        fuzz_command,
        corrections_command,
        motion_command,
        engine_command,
        *SERVICE_COMMANDS,
    ):
        click.echo(f"== {command.name}", err=True)
        context.invoke(command)
    for model in ASKED_BY_SOURCE:
        click.echo(f"== {sources_command.name} {model}", err=True)
        context.invoke(sources_command, model=model)


def _settings(workers: int) -> "Settings":
    from serving.score_command import DEFAULT_CATALOGUE, make_settings

    return make_settings(DEFAULT_CATALOGUE, (), AS_OF, workers, pixels=True)


def _needed(data: Path) -> Path:
    if not data.is_dir():
        raise click.UsageError(f"{data} is no folder of data; name one by its option")
    return data


def _bar(label: str, length: int) -> Any:
    import sys

    return click.progressbar(length=length, label=label, file=sys.stderr)


def _show(name: str, figures: dict[str, Any], *, keep: bool = True) -> None:
    if keep:
        record(name, figures)
    click.echo(json.dumps(figures, indent=1, ensure_ascii=False))
