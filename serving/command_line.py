"""The command `touchstone`: a thin group whose sub-commands are loaded only when they are called, so that it starts at once.

An error raised on purpose ends in one line on stderr and an exit code; anything else is our mistake and shows its traceback.
"""

import sys
import warnings
from importlib import import_module
from typing import Any

import click

from qc_models.errors import ConfigError, InputError, QcError

# name -> (where it stands, its line of help); nothing of it is imported before it is called
COMMANDS: dict[str, tuple[str, str]] = {
    "score": ("serving.score_command:score", "Score studies and say whether they may enter the pool."),
    "items": ("serving.items_command:items", "List, show and check the exam items of a catalogue."),
    "explain": ("serving.explain_command:explain", "Explain a check, a metric or a finding."),
    "simulate": ("serving.simulate_command:simulate", "Write simulated studies, good or with a defect, as DICOM."),
    "serve": ("serving.serve_command:serve", "Receive studies, score them and answer for them, as a service."),
    "database": ("serving.database_command:database", "Make, change and inspect the tables of the service."),
    "accounts": ("serving.accounts_command:accounts_command", "Make, change and end accounts and keys of the service."),
    "retention": ("serving.retention_command:retention", "Delete what is past its time, and erase studies on request."),
    "archive": ("serving.archive_command:archive", "Compare the archive of the service with its database."),
    "backup": ("serving.backup_command:backup", "Copy database and archive of the service into a folder."),
    "restore": ("serving.backup_command:restore", "Bring a backup back into an empty service."),
    "audit": ("serving.audit_command:audit", "Verify the audit chain of the service."),
    "outbox": ("serving.outbox_command:outbox", "List and resend what could not be delivered to receivers."),
    "token": ("serving.token_command:token", "Verify the signed verdict of another hospital's examination."),
    "labels": ("serving.labels_command:labels", "Export what reviewers and doctors answered, de-identified."),
    "replay": ("serving.replay_command:replay", "Show which stored verdicts would flip under other exam items."),
    "demo": ("serving.demo_command:demo", "Run the service and send it good and defective studies."),
    "train": ("training.train_command:train", "Teach the models from labels, evaluate, export and release them."),
    "bench": ("benchmarks.bench_command:bench", "Measure how right and how fast it is."),
}

# the first class that an error belongs to decides; 2 is also what a wrong option gives
EXIT_CODES: tuple[tuple[type[QcError], int], ...] = ((ConfigError, 2), (InputError, 3), (QcError, 1))
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that knows its sub-commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one sub-command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table's own lines, since click would import every sub-command to ask for its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a sub-command and turns an error raised on purpose into one line and an exit code."""
        try:
            return super().invoke(ctx)
        except QcError as error:
            click.echo(f"touchstone: {' '.join(str(error).split())}", err=True)
            ctx.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
        except KeyboardInterrupt:
            click.echo("touchstone: interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="touchstone-qc", message="touchstone %(version)s")
def touchstone() -> None:
    """Touchstone 试金石: scores CT, MR and X-ray studies and decides whether other hospitals may rely on them.

    Exit codes: 0 done, and every study passed; 1 not every study passed, or a model, disk or service failed; 2 a wrong option or
    configuration file; 3 nothing in the input could be read; 130 interrupted.
    """


def main() -> None:
    """The console script."""
    warnings.filterwarnings("ignore", module=r"pydicom\b")  # what is wrong with a file is told by findings
    sys.exit(touchstone(prog_name="touchstone"))
