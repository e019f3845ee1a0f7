"""`touchstone labels`: what people answered, as a folder that `touchstone train data build` reads."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from serving.label_export import FILE, export
from serving.opened_service import open_service
from serving.service_config import DEFAULT_CONFIG, load_service_config
from serving.service_policy import policy_at


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def labels() -> None:
    """Export what reviewers and receiving doctors answered."""


@labels.command("export")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The first day, in UTC.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    help="Configuration of the service; the default one otherwise.",
)
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
def export_command(since: datetime, out: Path, config: Path, state: Path | None) -> None:
    """Write labels.jsonl and the images that it speaks of, de-identified by the Basic Profile of DICOM PS3.15.

    Needs the secret key of the service: UIDs and persons become digests under it, the same each time. Then:
    touchstone train data build --data FOLDER --labels FOLDER/labels.jsonl.
    """
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # it quotes what it reads
    loaded = load_service_config(config, state=state)
    service = open_service(loaded, os.environ)
    try:
        exported = export(
            service.database,
            service.archive,
            service.secrets.key,
            policy_at(loaded.policy),
            since.replace(tzinfo=UTC),
            out,
            "operator",
        )
    finally:
        service.database.close()
    click.echo(f"{exported.num_labels} labels of {exported.num_images} images in {out / FILE}")
    for reason, times in sorted(exported.stayed.items()):
        click.echo(f"{times} images stay: each {reason}", err=True)
