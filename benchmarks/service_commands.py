"""The benchmarks of the running service, as commands of `touchstone bench`."""

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from benchmarks.results_file import record


@click.command("crash")
@click.option("--kills", default=200, show_default=True, type=click.IntRange(min=0))
@click.option("--instances", default=20_000, show_default=True, type=click.IntRange(min=1))
@click.option("--studies", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="postgresql", show_default=True)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
def crash_command(kills: int, instances: int, studies: int, seed: int, database: str, engine: str) -> None:
    """Processes, database and Ray node killed at random while objects come in: nothing acknowledged may be lost."""
    from benchmarks import crash_bench
    from benchmarks.private_postgres import private_postgres

    with ExitStack() as stack:
        url = stack.enter_context(private_postgres()) if database == "postgresql" else ""
        figures = crash_bench.run(
            Path(stack.enter_context(tempfile.TemporaryDirectory())),
            kills=kills,
            studies=studies,
            instances=instances,
            seed=seed,
            database_url=url,
            ray=Path(sys.executable).with_name("ray") if engine == "ray" else None,
            tell=lambda line: click.echo(line, err=True),
        )
    show(f"crash_{database}_{engine}", figures)
    if not crash_bench.is_sound(figures):
        raise SystemExit(1)


@click.command("ingest")
@click.option("--objects", default=400, show_default=True, type=click.IntRange(min=4), help="Of 0.5 MB, a run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--processes", default=1, show_default=True, type=click.IntRange(min=1), help="Of ours that receive.")
def ingest_command(objects: int, rounds: int, processes: int) -> None:
    """Objects a second that are received and synced, beside Orthanc and dcmtk's storescp, in turn, 1 and 4 associations."""
    from benchmarks import ingest_bench

    with tempfile.TemporaryDirectory() as folder:
        tell = lambda line: click.echo(line, err=True)  # noqa: E731
        figures = ingest_bench.run(Path(folder), objects, rounds, processes, tell)
    show("ingest" if processes == 1 else f"ingest_{processes}_processes", figures)


@click.command("latency")
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(min=0.05))
@click.option("--per-second", default=1.0, show_default=True, type=click.FloatRange(min=0.1), help="Studies.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="postgresql", show_default=True)
def latency_command(minutes: float, per_second: float, workers: int, database: str) -> None:
    """Seconds from a study's last object to its verdict at a steady pace, and the web process meanwhile."""
    from benchmarks import latency_bench
    from benchmarks.private_postgres import private_postgres

    with ExitStack() as stack:
        figures = latency_bench.run(
            Path(stack.enter_context(tempfile.TemporaryDirectory())),
            minutes=minutes,
            per_s=per_second,
            workers=workers,
            database_url=stack.enter_context(private_postgres()) if database == "postgresql" else "",
            tell=lambda line: click.echo(line, err=True),
        )
    show(f"latency_{database}", figures)


def show(name: str, figures: dict[str, Any], *, keep: bool = True) -> None:
    """Keeps figures, and prints them."""
    if keep:
        record(name, figures)
    click.echo(json.dumps(figures, indent=1, ensure_ascii=False))


SERVICE_COMMANDS: tuple[click.Command, ...] = (crash_command, ingest_command, latency_command)
