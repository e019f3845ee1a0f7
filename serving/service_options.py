"""The options by which every command of an operator is told which service it is about."""

from pathlib import Path

import click

from serving.service_config import DEFAULT_CONFIG


def of_service(command: click.decorators.FC) -> click.decorators.FC:
    """Adds `--config` and `--state`."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_CONFIG,
        help="Configuration of the service; the default one otherwise.",
    )
    state = click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
    return config(state(command))
