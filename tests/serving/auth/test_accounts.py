"""The first admin is made once; a service in production never has the password of a trial."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from qc_models.errors import ConfigError, InputError
from serving.auth import passwords
from serving.auth.accounts import Place, create_account, is_name, is_subject, make_first_admin
from serving.auth.roles import ROLES, check_role
from serving.database.sessions import Database
from serving.database.tables import Account, AuditLine

TRIAL = "touchstone"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_the_first_admin_is_made_once_whoever_starts_first(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: make_first_admin(database, TRIAL, None), range(4)))
    make_first_admin(database, "another one", None)
    with database.reading() as session:
        (admin,) = session.scalars(select(Account))
        lines = session.scalars(select(AuditLine)).all()
    assert (admin.name, admin.role, admin.hospital_id) == ("admin", "admin", None)
    assert passwords.fits(TRIAL, admin.password_hash)
    assert [(line.actor, line.action, line.subject) for line in lines] == [
        ("service", "account made", f"account:{admin.id}")
    ]


def test_production_makes_none_without_a_password_and_refuses_that_of_a_trial(database: Database) -> None:
    make_first_admin(database, None, TRIAL)
    with database.reading() as session:
        assert session.scalars(select(Account)).all() == []
    make_first_admin(database, TRIAL, None)
    with pytest.raises(ConfigError, match="touchstone accounts password admin"):
        make_first_admin(database, None, TRIAL)
    with database.writing() as session:
        session.scalars(select(Account)).one().password_hash = passwords.hash_of("another one")
    make_first_admin(database, None, TRIAL)


def test_a_name_is_one_account_s(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        create_account(session, "test", database.now(), "wang", Place("doctor", hospitals[0]))
    with pytest.raises(InputError, match="has this name"), database.writing() as session:
        create_account(session, "test", database.now(), "wang", Place("lead", None))
    with database.reading() as session:
        assert session.scalars(select(Account)).one().role == "doctor"


def test_a_role_goes_with_a_hospital_or_with_none() -> None:
    for name, role in ROLES.items():
        check_role(name, "city" if role.of_hospital else None, person=role.person)
        with pytest.raises(InputError, match="hospital:"):
            check_role(name, None if role.of_hospital else "city", person=False)
    with pytest.raises(InputError, match="role: choose one of hospital, doctor"):
        check_role("sender", "city", person=True)
    with pytest.raises(InputError, match="role: choose one of sender"):
        check_role("king", None, person=False)


@pytest.mark.parametrize("name", ["a", "wang.wei", "王医生", "a@b+c-d_e", "x" * 100])
def test_what_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a\0", "x" * 101, "a/b", "<a>", None, 3, ["a"]])
def test_what_is_no_name(name: object) -> None:
    assert not is_name(name)


def test_a_subject_is_visible_ascii() -> None:
    assert is_subject("auth0|12:34/5")
    assert not any(is_subject(wrong) for wrong in ("", "a b", "é", "a\n", "x" * 201, None))
