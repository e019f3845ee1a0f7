"""`touchstone outbox`: lists messages to receivers that wait or were given up, and sends those again."""

from pathlib import Path

import click

from serving.service_config import load_service_config
from serving.service_options import of_service

_MOST = 1000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def outbox() -> None:
    """Look after the messages that tell others of verdicts."""


@outbox.command("list")
@of_service
@click.option(
    "--state-of",
    "wanted",
    type=click.Choice(["dead", "waiting", "sending", "sent"]),
    default="dead",
    show_default=True,
    help="Which messages.",
)
def list_messages(config: Path, state: Path | None, wanted: str) -> None:
    """List messages, the oldest first, with the reason of the last failure."""
    from serving.database.sessions import open_database
    from serving.deliver.outbox import messages

    database = open_database(load_service_config(config, state=state).database_url())
    with database.reading() as session:
        rows = messages(session, wanted, _MOST)
    for row in rows:
        what = f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}  {row.kind} to {row.target}  {row.subject}"
        click.echo(f"{what}  attempts {row.attempts}  {row.last_error}".rstrip())
    click.echo(f"{len(rows)} {wanted}")


@outbox.command()
@of_service
@click.argument("numbers", metavar="[NUMBER]...", type=click.IntRange(min=1), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every message that was given up.")
def resend(config: Path, state: Path | None, numbers: tuple[int, ...], everything: bool) -> None:
    """Send messages again that were given up, by their numbers."""
    from serving.database.sessions import open_database
    from serving.deliver import outbox as messages_out

    if everything == bool(numbers):
        raise click.UsageError("name the numbers of messages, or --all")
    database = open_database(load_service_config(config, state=state).database_url())
    with database.writing() as session:
        wanted = [row.id for row in messages_out.messages(session, messages_out.DEAD, _MOST)] if everything else numbers
        messages_out.resend(session, wanted, "operator", database.now())
    click.echo(f"{len(wanted)} will be sent again")
