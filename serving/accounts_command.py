"""`touchstone accounts`: accounts of people and keys of programs, from the machine of the service itself."""

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from serving.auth import accounts, passwords
from serving.auth.accounts import Place, is_key_name, is_name, is_subject
from serving.auth.roles import ROLES
from serving.database.sessions import Database
from serving.database.tables import Account, ApiKey
from serving.opened_service import open_existing_database
from serving.service_config import DEFAULT_CONFIG, load_service_config, make_state_folder, read_secrets

CONSOLE = "console"  # the actor of the audit chain

_Command = Callable[..., Any]


def _of_the_configuration(function: _Command) -> _Command:
    """The options that say which service is meant."""
    config = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_CONFIG,
        help="Configuration of the service; the default one otherwise.",
    )
    state = click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Its state folder.")
    return config(state(function))


def _of_a_place(function: _Command) -> _Command:
    """The options that say what somebody may do, and where."""
    role = click.option("--role", required=True, type=click.Choice(list(ROLES)), help="What they may do.")
    hospital = click.option("--hospital", help="Id of their hospital; a sender, hospital or doctor belongs to one.")
    return role(hospital(function))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def accounts_command() -> None:
    """Make, change and end accounts of people, and keys of programs.

    A password is asked for at a terminal, and otherwise read from the first line of standard input.
    """


@accounts_command.command()
@_of_the_configuration
@_of_a_place
@click.option("--subject", help="Their subject at the provider of OpenID Connect; then a password is not needed.")
@click.argument("name")
def add(config: Path, state: Path | None, role: str, hospital: str | None, subject: str | None, name: str) -> None:
    """Make the account NAME."""
    if not is_name(name):
        raise InputError("name: letters, digits and . _ @ + - alone, at most 100")
    if subject is not None and not is_subject(subject):
        raise InputError("subject: visible ASCII characters alone, at most 200")
    hashed = _hash_of_new_password(name) if subject is None else ""
    with closing(_open(config, state)) as database, database.writing() as session:
        place = Place(role, hospital)
        account = accounts.create_account(
            session, CONSOLE, database.now(), name, place, password_hash=hashed, subject=subject
        )
    click.echo(f"account {account.id}: {name}, {role}")


@accounts_command.command("list")
@_of_the_configuration
def list_(config: Path, state: Path | None) -> None:
    """List accounts and keys."""
    with closing(_open(config, state)) as database, database.reading() as session:
        for account in session.scalars(select(Account).order_by(Account.name)):
            _tell("account", account)
        for key in session.scalars(select(ApiKey).order_by(ApiKey.id)):
            _tell("key", key)


@accounts_command.command()
@_of_the_configuration
@click.argument("name")
def deactivate(config: Path, state: Path | None, name: str) -> None:
    """End the account NAME; whoever is signed in by it is out at once."""
    _set_active(config, state, name, active=False)


@accounts_command.command()
@_of_the_configuration
@click.argument("name")
def activate(config: Path, state: Path | None, name: str) -> None:
    """Let the account NAME sign in again."""
    _set_active(config, state, name, active=True)


@accounts_command.command()
@_of_the_configuration
@click.argument("name")
def password(config: Path, state: Path | None, name: str) -> None:
    """Give the account NAME another password; its sessions end, and its failures are forgotten."""
    loaded = load_service_config(config, state=state)
    with closing(_open(config, state)) as database:
        with database.reading() as session:
            _account(session, name)
        hashed = _hash_of_new_password(name)
        with database.writing() as session:
            key = read_secrets(loaded).key
            accounts.reset_password(session, key, CONSOLE, _account(session, name), hashed)
    click.echo(f"account {name}: has another password")


@accounts_command.group()
def key() -> None:
    """Make and revoke keys of programs."""


@key.command("add")
@_of_the_configuration
@_of_a_place
@click.argument("name")
def add_key(config: Path, state: Path | None, role: str, hospital: str | None, name: str) -> None:
    """Make a key, called NAME, and print it: nobody is told it a second time."""
    if not is_key_name(name):
        raise InputError("name: letters, digits, spaces and . _ @ + - alone, at most 100")
    with closing(_open(config, state)) as database, database.writing() as session:
        row, shown = accounts.create_key(session, CONSOLE, database.now(), name, Place(role, hospital))
    click.echo(f"key {row.id}: {name}, {role}", err=True)
    click.echo(shown)


@key.command()
@_of_the_configuration
@click.argument("number", type=click.IntRange(1, (1 << 63) - 1))
def revoke(config: Path, state: Path | None, number: int) -> None:
    """End the key NUMBER, for ever."""
    with closing(_open(config, state)) as database, database.writing() as session:
        row = session.get(ApiKey, number)
        if row is None:
            raise InputError(f"key {number}: there is none; `touchstone accounts list` names them")
        accounts.revoke_key(session, CONSOLE, row)
    click.echo(f"key {number}: revoked")


def _set_active(config: Path, state: Path | None, name: str, *, active: bool) -> None:
    with closing(_open(config, state)) as database, database.writing() as session:
        account = _account(session, name)
        place = Place(account.role, account.hospital_id)
        accounts.change_account(session, CONSOLE, account, place, active=active, subject=account.subject)
    click.echo(f"account {name}: {'active' if active else 'ended'}")


def _account(session: Session, name: str) -> Account:
    account = session.scalar(select(Account).where(Account.name == name)) if is_name(name) else None
    if account is None:
        raise InputError("there is no account of this name; `touchstone accounts list` names them")
    return account


def _hash_of_new_password(name: str) -> str:
    if sys.stdin.isatty():
        said = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        said = sys.stdin.readline().rstrip("\r\n")
    passwords.check_new_password(said, name)
    return passwords.hash_of(said)


def _open(config: Path, state: Path | None) -> Database:
    loaded = load_service_config(config, state=state)
    make_state_folder(loaded)
    return open_existing_database(loaded)


def _tell(kind: str, one: Account | ApiKey) -> None:
    ended = "" if one.active else ", ended"
    click.echo(f"{kind} {one.id}: {one.name}, {one.role}{f' of {one.hospital_id}' if one.hospital_id else ''}{ended}")
