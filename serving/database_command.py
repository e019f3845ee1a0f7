"""`touchstone database`: brings the tables of the service to the shape that this version expects, back, or says which they have."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.service_config import DEFAULT_CONFIG, load_service_config, make_state_folder


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def database() -> None:
    """Make, change and inspect the tables of the service.

    The database is that of the configuration file; its password stands in TOUCHSTONE_DATABASE_PASSWORD.
    """


def _of_the_configuration(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say which database is meant."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_CONFIG,
        help="Configuration of the service; the default one otherwise.",
    )
    state = click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
    return config(state(function))


@database.command()
@_of_the_configuration
@click.argument("revision", default=schema.HEAD)
def upgrade(config: Path, state: Path | None, revision: str) -> None:
    """Take every step that is missing, or those up to REVISION."""
    with closing(_open(config, state)) as opened:
        schema.upgrade(opened, revision)
        click.echo(schema.current(opened) or "no tables")


@database.command()
@_of_the_configuration
@click.argument("revision")
@click.confirmation_option(prompt="Steps back may drop what is in the tables. Is there a backup?")
def downgrade(config: Path, state: Path | None, revision: str) -> None:
    """Take steps back down to REVISION; `base` drops every table."""
    with closing(_open(config, state)) as opened:
        schema.downgrade(opened, revision)
        click.echo(schema.current(opened) or "no tables")


@database.command()
@_of_the_configuration
def current(config: Path, state: Path | None) -> None:
    """Print which revision the database has, and whether it is the newest."""
    with closing(_open(config, state)) as opened:
        found = schema.current(opened)
    newest = schema.newest()
    click.echo(f"{found or 'no tables'} ({'newest' if found == newest else f'newest is {newest}'})")


def _open(config: Path, state: Path | None) -> Database:
    loaded = load_service_config(config, state=state)
    make_state_folder(loaded)
    return open_database(loaded.database_url())
