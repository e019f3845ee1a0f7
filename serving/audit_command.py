"""`touchstone audit`: says whether the audit chain is whole, and notes its last line in a file out of the database's reach."""

import re
import sys
from pathlib import Path

import click

from qc_models.errors import InputError, ServiceError
from serving import audit as chain
from serving.database.sessions import open_database
from serving.service_config import DEFAULT_CONFIG, load_service_config

BROKEN = 1
_NOTE = re.compile(r"([1-9][0-9]*) ([0-9a-f]{64})")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def audit() -> None:
    """Inspect the audit chain of the service."""


@audit.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    help="Configuration of the service; the default one otherwise.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
@click.option(
    "--notes",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of lines noted before: they must still stand, and the last line is added. Keep it on another machine.",
)
def verify(config: Path, state: Path | None, notes: Path | None) -> None:
    """Find every altered, removed or moved line of the audit chain.

    The chain alone tells neither that its end was cut off nor that it was written anew from some line on: --notes does, up to
    what was noted last. Exit codes: 0 whole, 1 not whole.
    """
    noted = _noted(notes) if notes is not None else {}
    database = open_database(load_service_config(config, state=state).database_url())
    with database.reading() as session:
        checked = chain.verify(session, noted)
    for fault in checked.faults:
        click.echo(fault, err=True)
    number, digest = checked.tip
    click.echo(f"{checked.num_lines} lines, {len(checked.faults)} faults; the last one is {number} {digest}")
    if checked.faults:
        sys.exit(BROKEN)
    if notes is not None and number and number not in noted:
        _note(notes, number, digest)


def _noted(notes: Path) -> dict[int, str]:
    """The lines of a file of notes; none where there is no file yet."""
    noted = {}
    try:
        text = notes.read_text() if notes.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{notes}: cannot be read ({type(error).__name__}); name another file") from error
    for number, line in enumerate(text.splitlines(), 1):
        match = _NOTE.fullmatch(line.strip())
        if match is None:
            raise InputError(f"{notes}, line {number}: is no note of the chain; name the file that --notes wrote")
        noted[int(match[1])] = match[2]
    return noted


def _note(notes: Path, number: int, digest: str) -> None:
    try:
        with notes.open("a") as stream:
            stream.write(f"{number} {digest}\n")
    except OSError as error:
        raise ServiceError(f"{notes}: cannot be written ({error.strerror}); name another file") from error
