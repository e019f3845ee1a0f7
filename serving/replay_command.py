"""`touchstone replay`: which stored verdicts would flip under other exam items or another policy, by hospital and item."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from qc_models.errors import ConfigError
from qc_models.exam_item import load_catalogue
from qc_models.policy import load_policy
from serving.database import schema
from serving.database.sessions import open_database
from serving.replay import Flip
from serving.replay_processes import run
from serving.replay_rules import Rules
from serving.replay_table import figures, print_table
from serving.score_command import DEFAULT_CATALOGUE, DEFAULT_POLICY
from serving.service_config import DEFAULT_CONFIG, load_service_config

SAME, FLIPS, NOTHING_STORED = 0, 1, 3


@click.command(
    epilog="""\b
Exit status: 0 every verdict stays; 1 at least one flips or cannot be judged again;
2 wrong usage or configuration; 3 nothing is stored since that day."""
)
@click.option("--catalogue", type=click.Path(path_type=Path, file_okay=False), help="Folder of other exam items.")
@click.option("--policy", type=click.Path(path_type=Path, dir_okay=False), help="File of another policy.")
@click.option("--since", required=True, metavar="DATE", help="Verdicts given on this day or later, YYYY-MM-DD.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    help="Configuration of the service; the default one otherwise.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; as many as there are processors otherwise.")
def replay(
    catalogue: Path | None,
    policy: Path | None,
    since: str,
    config: Path,
    state: Path | None,
    output_format: str,
    workers: int | None,
) -> None:
    """Judge stored measurements again, under other exam items or another policy, and show which verdicts would flip.

    No pixel is read and nothing is changed. With --format json each flip is a line of JSON, and the last line holds the counts.
    """
    begin = _begin(since)
    loaded = load_service_config(config, state=state)
    present_catalogue = Path(loaded.catalogue) if loaded.catalogue else DEFAULT_CATALOGUE
    present_policy = Path(loaded.policy) if loaded.policy else DEFAULT_POLICY
    rules = Rules(
        load_catalogue(catalogue or present_catalogue),
        load_policy(policy or present_policy),
        load_catalogue(present_catalogue),
        load_policy(present_policy),
    )
    with closing(open_database(loaded.database_url())) as database:
        schema.require_newest(database)
    processes = workers or len(os.sched_getaffinity(0))
    told: Callable[[Flip], None] | None = _tell if output_format == "json" else None
    tally = run(loaded.database_url(), begin, rules, processes, told)
    if output_format == "json":
        click.echo(json.dumps(figures(tally, rules), ensure_ascii=False))
    else:
        print_table(tally, rules)
    if not tally.studies:
        click.echo("nothing is stored since that day", err=True)
        sys.exit(NOTHING_STORED)
    sys.exit(FLIPS if tally.flips or tally.not_judged else SAME)


def _begin(text: str) -> datetime:
    """The beginning of a day of this place."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").astimezone()
    except ValueError:
        raise ConfigError(f"--since: {text!r} is no date; write it as 2026-09-30") from None


def _tell(flip: Flip) -> None:
    click.echo(json.dumps(asdict(flip), ensure_ascii=False))
