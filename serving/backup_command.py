"""`touchstone backup` and `touchstone restore`: a copy of the whole service while it runs, and the service from such a copy."""

import sys
from pathlib import Path

import click

from qc_models.errors import InputError
from serving.service_config import load_service_config, make_state_folder
from serving.service_options import of_service

LACKING = 1


@click.command()
@of_service
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(min=1), help="Delete all states but the newest of so many; none otherwise.")
def backup(config: Path, state: Path | None, folder: Path, keep: int | None) -> None:
    """Copy database and archive into FOLDER while the service runs; objects that are there from the last time are not copied again.

    FOLDER then holds patients' data: keep it as safe as the service. Exit codes: 0 done; 1 objects that the database names were not
    in the archive.
    """
    from serving import backup as backups
    from serving.opened_service import open_archive, open_existing_database

    loaded = load_service_config(config, state=state)
    database = open_existing_database(loaded)
    made, manifest = backups.back_up(loaded, database, open_archive(loaded), folder)
    database.close()
    click.echo(
        f"{made}  {manifest.objects} objects of {manifest.objects_bytes} bytes, {manifest.audit_lines} audit lines"
    )
    if keep is not None:
        click.echo(f"{backups.forget(folder, keep)} older states deleted")
    if manifest.lacking:
        click.echo(
            f"{manifest.lacking} objects are not in the archive; `touchstone archive check` names them", err=True
        )
        sys.exit(LACKING)


@click.command()
@of_service
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--of", "wanted", metavar="NAME", help="Which state of the backup, by the name of its folder; the newest otherwise."
)
def restore(config: Path, state: Path | None, folder: Path, wanted: str | None) -> None:
    """Bring a backup back into a service that holds nothing: an empty archive, and a database without tables.

    Every object is compared with its digest, the audit chain is verified, and the tables take the steps that are missing. Start the
    service with the same TOUCHSTONE_SECRET_KEY as before.
    """
    from serving import audit
    from serving import backup as backups
    from serving.archive_check import ArchiveCheck
    from serving.database import schema
    from serving.database.sessions import open_database
    from serving.opened_service import open_archive

    loaded = load_service_config(config, state=state)
    found = {path.name: path for path in backups.states(folder)}
    if not found or (wanted is not None and wanted not in found):
        raise InputError(
            f"{folder}: holds {'the states ' + ', '.join(found) if found else 'no whole state of a backup'}"
        )
    make_state_folder(loaded)
    database, archive = open_database(loaded.database_url()), open_archive(loaded)
    manifest = backups.restore(loaded, database, archive, found[wanted or max(found)])
    schema.upgrade(database)
    with database.reading() as session:
        checked = audit.verify(session)
    faults = [*checked.faults]
    if manifest.audit_lines and checked.tip != (manifest.audit_lines, manifest.audit_digest):
        faults.append("the audit chain does not end where the backup says")
    faults += [
        f"{fault.kind}  {fault.subject}  {fault.key}" for fault in ArchiveCheck(database, archive).faults(digests=False)
    ]
    database.close()
    for fault in faults:
        click.echo(fault, err=True)
    click.echo(f"{manifest.objects} objects, {checked.num_lines} audit lines; {len(faults)} faults")
    if faults:
        sys.exit(LACKING)
