"""`touchstone token`: verifies the signed verdict of another hospital, offline, and that its files are those that were judged."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from qc_models.errors import InputError

LARGEST_BYTES = 1 << 20  # of a file of keys or a token


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def token() -> None:
    """Verify signed verdicts."""


@token.command(
    epilog="""\b
Examples:
  touchstone token verify eyJ0… --keys jwks.json            the signature and the time
  touchstone token verify token.txt --keys jwks.json study  and that these files are the ones judged
\b
The keys stand at /.well-known/jwks.json of the service that signed; fetch them once, over TLS, and keep them."""
)
@click.argument("signed", metavar="TOKEN")
@click.argument("study", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option(
    "--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="JSON Web Key Set."
)
def verify(signed: str, study: Path | None, keys: Path) -> None:
    """Say what a token (or the file that holds it) says, where nobody altered it and its time has not ended.

    With the folder of a study also: its images are those that were judged, data set by data set. Reports and other documents are
    not compared. A withdrawal since the signature is not known offline. Exit codes: 0 all of it holds, 3 it does not.
    """
    from serving.deliver.verdict_token import verify_images, verify_token

    said = verify_token(_token(signed), _keys(keys), datetime.now(UTC))
    if study is not None:
        verify_images(said, study)
    click.echo(f"item      {said.item}")
    click.echo(f"verdict   {said.verdict}, grade {said.grade}")
    click.echo(f"study     {said.study_instance_uid}")
    click.echo(f"images    {said.num_images}{', the ones judged' if study is not None else ', not compared'}")
    click.echo(f"hospital  {said.hospital}")
    click.echo(f"examined  {said.examined_on}, valid until {said.valid_until}")
    click.echo(f"signed    {said.signed_at:%Y-%m-%d %H:%M} UTC by {said.issuer}")
    click.echo(f"versions  {', '.join(f'{name} {version}' for name, version in said.versions.items())}")


def _token(said: str) -> str:
    """A token as it was typed, or as it stands in a file of that name."""
    return _text(Path(said)) if said.count(".") < 2 or (len(said) < 200 and Path(said).is_file()) else said


def _keys(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise InputError(f"{path}: is no JSON; get the keys from /.well-known/jwks.json of the issuer") from error


def _text(path: Path) -> str:
    try:
        with path.open() as stream:
            return stream.read(LARGEST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name[:40]}: is neither a token nor a file that can be read") from error
