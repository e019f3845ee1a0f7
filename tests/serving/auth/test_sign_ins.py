"""Sessions and failures as the database keeps them; attempts that come all at once are counted all the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from serving.auth import passwords, sign_ins
from serving.auth.accounts import Place, create_account
from serving.database.sessions import Database
from serving.database.tables import Account, FailedSignIn, SignedIn

KEY = "k" * 32
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def account(database: Database, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account whose password is `right`."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with database.writing() as session:
        place = Place("reviewer", None)
        return create_account(session, "test", database.now(), "wang", place, password_hash=passwords.hash_of("right"))


def outcome(database: Database, password: str) -> str:
    try:
        sign_ins.sign_in(database, KEY, "wang", password, HOUR)
    except (sign_ins.WrongPasswordError, sign_ins.TooManyFailuresError) as error:
        return type(error).__name__
    return "signed in"


def test_guesses_at_once_are_counted_as_if_one_after_the_other(database: Database) -> None:
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(lambda _: outcome(database, "wrong"), range(12)))
    assert 1 <= outcomes.count("WrongPasswordError") <= sign_ins.FREE_FAILURES
    assert set(outcomes) == {"WrongPasswordError", "TooManyFailuresError"}


def test_waits_double_up_to_a_quarter_of_an_hour(database: Database) -> None:
    now = [database.now()]
    database.now = lambda: now[0]
    waits = []
    for _ in range(sign_ins.FREE_FAILURES):
        assert outcome(database, "wrong") == "WrongPasswordError"
    for _ in range(9):
        with pytest.raises(sign_ins.TooManyFailuresError) as told:
            sign_ins.sign_in(database, KEY, "wang", "right", HOUR)
        waits.append(told.value.wait_s)
        now[0] += timedelta(seconds=told.value.wait_s)
        assert outcome(database, "wrong") == "WrongPasswordError"
    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    now[0] += timedelta(minutes=15)
    assert outcome(database, "right") == "signed in"
    with database.reading() as session:
        assert session.scalars(select(FailedSignIn)).all() == []


def test_neither_words_nor_names_are_kept(database: Database, account: Account) -> None:
    begun = sign_ins.sign_in(database, KEY, "wang", "right", HOUR)
    outcome(database, "wrong")
    with database.reading() as session:
        kept = [vars(row) for table in (SignedIn, FailedSignIn) for row in session.scalars(select(table))]
        assert sign_ins.account_of(session, begun.word, database.now()).id == account.id  # type: ignore[union-attr]
        assert sign_ins.account_of(session, begun.word, database.now() + HOUR) is None
    assert begun.word not in repr(kept)
    assert "wang" not in repr(kept)


def test_sessions_that_are_over_are_swept_away(database: Database) -> None:
    sign_ins.sign_in(database, KEY, "wang", "right", timedelta(seconds=0))
    sign_ins.sign_in(database, KEY, "wang", "right", HOUR)
    with database.reading() as session:
        assert len(session.scalars(select(SignedIn)).all()) == 1


def test_a_token_is_of_one_session_and_one_key() -> None:
    token = sign_ins.csrf_token(KEY, "word")
    assert sign_ins.is_csrf_token(KEY, "word", token)
    assert not sign_ins.is_csrf_token(KEY, "other word", token)
    assert not sign_ins.is_csrf_token("x" * 32, "word", token)
    assert not sign_ins.is_csrf_token(KEY, "word", "é")
