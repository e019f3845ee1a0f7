"""`touchstone retention`: deletes what is past its time, and erases a study that somebody asks to be forgotten."""

from dataclasses import asdict
from pathlib import Path

import click

from qc_models.errors import InputError
from serving.service_config import load_service_config
from serving.service_options import of_service


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def retention() -> None:
    """Delete what is past its time, as the configuration says under `retention`."""


@retention.command()
@of_service
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
def run(config: Path, state: Path | None, dry_run: bool) -> None:
    """Delete what is past its time, with a line in the audit chain for each study; let a timer call it every night."""
    from serving.deliver.receivers import deliveries_of
    from serving.opened_service import open_archive, open_existing_database
    from serving.retention import Purge

    loaded = load_service_config(config, state=state)
    database = open_existing_database(loaded)
    purge = Purge(database, open_archive(loaded), loaded.retention, deliveries_of(loaded.receivers))
    purged = purge.due() if dry_run else purge.run()
    for name, number in asdict(purged).items():
        click.echo(f"{name.replace('_', ' '):<24}{number:>8}")
    database.close()


@retention.command()
@of_service
@click.argument("study")
@click.option("--reason", required=True, help="Why, for the audit chain, which is kept: name nobody here.")
@click.confirmation_option(prompt="Images, verdicts, reports and reviews of the study are deleted for good. Go on?")
def erase(config: Path, state: Path | None, study: str, reason: str) -> None:
    """Erase one study whole: STUDY is its number, as logs and audit chain name it, or its StudyInstanceUID.

    Backups hold it until they are deleted.
    """
    from serving.deliver.receivers import deliveries_of
    from serving.opened_service import open_archive, open_existing_database
    from serving.retention import COMMAND, Purge

    loaded = load_service_config(config, state=state)
    database = open_existing_database(loaded)
    purge = Purge(database, open_archive(loaded), loaded.retention, deliveries_of(loaded.receivers))
    study_id = _number_of(purge.found(study), study)
    if not purge.erase(study_id, reason, COMMAND):
        raise InputError(
            f"study {study}: images of it arrive at this moment; erase it again once its sender has stopped"
        )
    click.echo(f"study {study_id} erased")
    database.close()


def _number_of(found: list[int], study: str) -> int:
    if not found:
        raise InputError(f"study {study}: there is none; it may be erased already")
    if len(found) > 1:
        raise InputError(f"study {study}: several hospitals sent it; name one of {', '.join(map(str, found))}")
    return found[0]
