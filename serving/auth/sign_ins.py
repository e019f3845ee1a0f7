"""How people sign in: by name and password, slower after failures, for a session that can be ended at any moment.

A session is a long random word in a cookie; the database holds its digest. Its CSRF token is derived from it by the secret key.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from qc_models.errors import QcError
from serving import audit
from serving.auth import passwords
from serving.database.sessions import Database
from serving.database.tables import Account, FailedSignIn, SignedIn

FREE_FAILURES = 5
_FIRST_WAIT = timedelta(seconds=10)  # doubled with each further failure
_LONGEST_WAIT = timedelta(minutes=15)
_FORGOTTEN = timedelta(days=1)  # failures, after the last of them


class WrongPasswordError(QcError):
    """There is no such account, or it has another password; which of both is not told."""


class TooManyFailuresError(QcError):
    """After so many failures nobody is let in by this name for a while, not even by the right password."""

    def __init__(self, wait: timedelta) -> None:
        self.wait_s = max(1, round(wait.total_seconds()))
        super().__init__(f"too many failures; try again in {self.wait_s} seconds")


@dataclass(frozen=True, slots=True)
class Begun:
    """A session as it begins: the word for its cookie, and whose it is."""

    word: str
    account: Account
    ends_at: datetime


def sign_in(database: Database, key: str, name: str, password: str, lasts: timedelta) -> Begun:
    """Begins a session; WrongPasswordError, TooManyFailuresError."""
    account = recognised(database, key, name, password)
    with database.writing() as session:
        return begin(session, account, database.now(), lasts, "password")


def recognised(database: Database, key: str, name: str, password: str) -> Account:
    """The account of a name and a password; an attempt counts as a failure until it succeeds, so that many at once are counted."""
    digest = _keyed(key, "name", name)
    try:
        with database.writing() as session:
            _count(session, digest, database.now())
            account = session.scalar(select(Account).where(Account.name == name, Account.active))
    except IntegrityError as error:  # another attempt made the first row at the same moment
        raise TooManyFailuresError(timedelta(seconds=1)) from error
    kept = account.password_hash if account is not None else ""
    if not passwords.fits(password, kept) or account is None:
        raise WrongPasswordError("there is no such account, or it has another password")
    renewed = passwords.hash_of(password) if passwords.is_outdated(kept) else kept
    with database.writing() as session:
        session.execute(delete(FailedSignIn).where(FailedSignIn.name_digest == digest))
        account = session.get_one(Account, account.id)
        if account.password_hash == kept:  # else it was changed in the meantime
            account.password_hash = renewed
    return account


def begin(session: Session, account: Account, now: datetime, lasts: timedelta, way: str) -> Begun:
    """Begins a session of an account that was recognised."""
    word = secrets.token_urlsafe(32)
    session.execute(delete(SignedIn).where(SignedIn.ends_at <= now))
    session.add(SignedIn(digest=_digest(word), account_id=account.id, begun_at=now, ends_at=now + lasts))
    audit.append(session, f"account:{account.id}", "signed in", f"account:{account.id}", {"by": way}, at=now)
    return Begun(word, account, now + lasts)


def account_of(session: Session, word: str, now: datetime) -> Account | None:
    """Whose session it is; None where it has ended, or the account has."""
    query = (
        select(Account)
        .join(SignedIn, SignedIn.account_id == Account.id)
        .where(SignedIn.digest == _digest(word), SignedIn.ends_at > now, Account.active)
    )
    return session.scalar(query)


def end(session: Session, word: str, account_id: int) -> None:
    """Ends a session of an account."""
    session.execute(delete(SignedIn).where(SignedIn.digest == _digest(word), SignedIn.account_id == account_id))
    audit.append(session, f"account:{account_id}", "signed out", f"account:{account_id}", {})


def end_all(session: Session, account_id: int, *, but: str | None = None) -> None:
    """Ends every session of an account, but for one."""
    kept = SignedIn.digest != _digest(but) if but is not None else true()
    session.execute(delete(SignedIn).where(SignedIn.account_id == account_id, kept))


def csrf_token(key: str, word: str) -> str:
    """What a page of ours says with every change, and a page of somebody else's cannot know."""
    return _keyed(key, "csrf", word)


def is_csrf_token(key: str, word: str, said: str) -> bool:
    """Whether what was said is the token of a session."""
    return hmac.compare_digest(csrf_token(key, word).encode(), said.encode())


def forgive(session: Session, key: str, name: str) -> None:
    """Forgets the failures of a name."""
    session.execute(delete(FailedSignIn).where(FailedSignIn.name_digest == _keyed(key, "name", name)))


def _count(session: Session, digest: str, now: datetime) -> None:
    """Counts an attempt; TooManyFailuresError where the name has to wait."""
    session.execute(delete(FailedSignIn).where(FailedSignIn.last_at < now - _FORGOTTEN))
    failed = session.get(FailedSignIn, digest, with_for_update=True)
    if failed is None:
        session.add(FailedSignIn(name_digest=digest, failures=1, last_at=now))
        return
    over = failed.failures - FREE_FAILURES
    if over >= 0:
        wait = min(_FIRST_WAIT * 2 ** min(over, 10), _LONGEST_WAIT)
        if now < failed.last_at + wait:
            raise TooManyFailuresError(failed.last_at + wait - now)
    failed.failures += 1
    failed.last_at = now


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def _keyed(key: str, purpose: str, text: str) -> str:
    return hmac.digest(key.encode(), f"{purpose}\0{text}".encode(), "sha256").hex()
