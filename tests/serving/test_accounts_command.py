"""`touchstone accounts`: what is made and ended on the machine of the service, with a line in the audit chain each."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from sqlalchemy import select

from serving import audit
from serving.auth import passwords, sign_ins
from serving.auth.accounts import digest_of_key
from serving.command_line import touchstone
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import Account, ApiKey, AuditLine, Hospital
from serving.service_config import load_service_config, read_secrets

PASSWORD = "correct horse battery"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database of a service on trial, with one hospital; hashes cost little."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    opened = open_database(f"sqlite:///{tmp_path / 'touchstone.sqlite'}")
    schema.upgrade(opened)
    with opened.writing() as session:
        session.add(Hospital(id="city", name="city", level="tertiary_a", alliances=[], issuer=""))
    yield opened
    opened.close()


def run(tmp_path: Path, *arguments: str, said: str = "") -> Result:
    after = 2 if arguments[0] == "key" else 1
    words = [*arguments[:after], "--state", str(tmp_path), *arguments[after:]]
    return CliRunner().invoke(touchstone, ["accounts", *words], input=said)


def test_an_account_is_made_changed_and_ended(database: Database, tmp_path: Path) -> None:
    key = read_secrets(load_service_config(state=tmp_path, environ={}), {}).key
    made = run(tmp_path, "add", "--role", "doctor", "--hospital", "city", "wang", said=f"{PASSWORD}\nanother line\n")
    assert (made.exit_code, made.stdout) == (0, "account 1: wang, doctor\n")
    begun = sign_ins.sign_in(database, key, "wang", PASSWORD, timedelta(hours=1))

    assert run(tmp_path, "password", "wang", said="another horse battery").exit_code == 0
    with database.reading() as session:
        assert sign_ins.account_of(session, begun.word, database.now()) is None
    for _ in range(sign_ins.FREE_FAILURES):
        with pytest.raises(sign_ins.WrongPasswordError):
            sign_ins.sign_in(database, key, "wang", PASSWORD, timedelta(hours=1))
    with pytest.raises(sign_ins.TooManyFailuresError):
        sign_ins.sign_in(database, key, "wang", "another horse battery", timedelta(hours=1))
    assert run(tmp_path, "password", "wang", said=PASSWORD).exit_code == 0
    sign_ins.sign_in(database, key, "wang", PASSWORD, timedelta(hours=1))  # the failures are forgotten

    assert run(tmp_path, "deactivate", "wang").exit_code == 0
    with pytest.raises(sign_ins.WrongPasswordError):
        sign_ins.sign_in(database, key, "wang", PASSWORD, timedelta(hours=1))
    assert run(tmp_path, "list").stdout == "account 1: wang, doctor of city, ended\n"
    assert run(tmp_path, "activate", "wang").exit_code == 0
    sign_ins.sign_in(database, key, "wang", PASSWORD, timedelta(hours=1))
    with database.reading() as session:
        lines = list(session.scalars(select(AuditLine).order_by(AuditLine.number)))
        assert audit.verify(session).faults == ()
    assert [line.action for line in lines if line.actor == "console"] == [
        "account made",
        "password reset",
        "password reset",
        "account changed",
        "account changed",
    ]


def test_who_signs_in_elsewhere_needs_no_password(database: Database, tmp_path: Path) -> None:
    assert run(tmp_path, "add", "--role", "lead", "--subject", "li@centre", "li").exit_code == 0
    with database.reading() as session:
        account = session.scalars(select(Account)).one()
    assert (account.subject, account.password_hash) == ("li@centre", "")


def test_a_key_is_printed_once(database: Database, tmp_path: Path) -> None:
    made = run(tmp_path, "key", "add", "--role", "sender", "--hospital", "city", "gateway 1")
    assert made.exit_code == 0, made.output
    assert made.stderr == "key 1: gateway 1, sender\n"
    with database.reading() as session:
        assert session.scalars(select(ApiKey.digest)).one() == digest_of_key(made.stdout.strip())
    assert run(tmp_path, "key", "revoke", "1").exit_code == 0
    assert run(tmp_path, "list").stdout == "key 1: gateway 1, sender of city, ended\n"
    assert run(tmp_path, "key", "revoke", "2").exit_code == 3


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("arguments", "said", "told"),
    [
        (("add", "--role", "doctor", "wang"), PASSWORD, "belongs to one"),
        (("add", "--role", "sender", "--hospital", "city", "wang"), PASSWORD, "choose one of hospital"),
        (("add", "--role", "admin", "--hospital", "city", "wang"), PASSWORD, "the centre's"),
        (("add", "--role", "doctor", "--hospital", "elsewhere", "wang"), PASSWORD, "none of this id"),
        (("add", "--role", "admin", "wang"), "short", "12 to 256"),
        (("add", "--role", "admin", "wang"), "", "12 to 256"),
        (("add", "--role", "admin", "a b"), PASSWORD, "letters"),
        (("add", "--role", "admin", "--subject", "a b", "wang"), "", "visible"),
        (("key", "add", "--role", "admin", "a\nb"), "", "letters"),
        (("password", "nobody"), PASSWORD, "no account of this name"),
        (("deactivate", "a\0b"), "", "no account of this name"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str, told: str) -> None:
    result = run(tmp_path, *arguments, said=said)
    assert result.exit_code == 3
    assert told in result.stderr
    assert run(tmp_path, "list").stdout == ""
