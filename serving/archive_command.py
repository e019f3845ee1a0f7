"""`touchstone archive`: compares the archive with the database, and deletes what no row names."""

import sys
from pathlib import Path

import click

from serving.service_config import load_service_config
from serving.service_options import of_service

FAULTY = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def archive() -> None:
    """Compare the archive of the service with its database."""


@archive.command()
@of_service
@click.option("--no-digests", is_flag=True, help="Compare sizes alone, and read no object.")
def check(config: Path, state: Path | None, no_digests: bool) -> None:
    """Find rows whose bytes are missing or changed, and objects that no row names.

    The service may run meanwhile. Exit codes: 0 nothing is wrong; 1 bytes are missing or changed: restore them from a backup.
    """
    from serving.archive_check import ArchiveCheck
    from serving.opened_service import open_archive, open_existing_database

    loaded = load_service_config(config, state=state)
    database = open_existing_database(loaded)
    found = ArchiveCheck(database, open_archive(loaded))
    faults = 0
    for fault in found.faults(digests=not no_digests):
        faults += 1
        click.echo(f"{fault.kind}  {fault.subject}  {fault.key}", err=True)
    orphans = size = 0
    for orphan in found.orphans():
        orphans, size = orphans + 1, size + orphan.size
    click.echo(f"{faults} objects missing or changed; {orphans} objects of {size} bytes that no row names")
    database.close()
    if faults:
        sys.exit(FAULTY)


@archive.command()
@of_service
def sweep(config: Path, state: Path | None) -> None:
    """Delete objects older than an hour that no row names, as a purge or a receiver leaves them that was killed."""
    from serving.archive_check import ArchiveCheck
    from serving.opened_service import open_archive, open_existing_database
    from serving.retention import COMMAND

    loaded = load_service_config(config, state=state)
    database = open_existing_database(loaded)
    found = ArchiveCheck(database, open_archive(loaded))
    click.echo(f"{found.sweep(found.orphans(), COMMAND)} objects deleted")
    database.close()
