"""Accounts of people and keys of programs: made, changed and ended, each change with a line in the audit chain.

Every function works in the caller's transaction; whoever hashes a password does it before, since it takes its time.
"""

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeGuard

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from qc_models.errors import ConfigError, InputError
from serving import audit
from serving.auth import passwords, sign_ins
from serving.auth.roles import ADMIN, check_role
from serving.database.sessions import Database
from serving.database.tables import Account, ApiKey, Hospital

FIRST_ADMIN = "admin"
THE_SERVICE = "service"  # who did it, where nobody did
KEY_PREFIX = "tsk_"  # by which a key is found that got where it does not belong

_NAME, _KEY_NAME, _SUBJECT = r"^[\w.@+-]{1,100}$", r"^[\w.@+ -]{1,100}$", r"^[!-~]{1,200}$"
Name = Annotated[str, Field(pattern=_NAME)]
Subject = Annotated[str, Field(pattern=_SUBJECT)]
KeyName = Annotated[str, Field(pattern=_KEY_NAME)]


@dataclass(frozen=True, slots=True)
class Place:
    """A role, and the hospital that it is of; none for the centre's own."""

    role: str
    hospital_id: str | None


def create_account(
    session: Session,
    actor: str,
    now: datetime,
    name: str,
    place: Place,
    *,
    password_hash: str = "",
    subject: str | None = None,
) -> Account:
    """Makes an account, which signs in by a password, by OpenID Connect, or by both."""
    _check(session, place, person=True)
    account = Account(
        name=name,
        role=place.role,
        hospital_id=place.hospital_id,
        password_hash=password_hash,
        subject=subject,
        active=True,
        created_at=now,
    )
    session.add(account)
    _flush(session)
    detail = {"name": name, "role": place.role, "hospital": place.hospital_id, "subject": subject}
    audit.append(session, actor, "account made", f"account:{account.id}", detail, at=now)
    return account


def change_account(
    session: Session, actor: str, account: Account, place: Place, *, active: bool, subject: str | None
) -> None:
    """Gives an account another role, hospital, state or subject; who is ended is signed out at once."""
    if actor == f"account:{account.id}":
        raise InputError("this is your own account; another admin may change it")  # so that one admin stays
    _check(session, place, person=True)
    account.role, account.hospital_id = place.role, place.hospital_id
    account.active, account.subject = active, subject
    if not active:
        sign_ins.end_all(session, account.id)
    _flush(session)
    detail = {"role": place.role, "hospital": place.hospital_id, "active": active, "subject": subject}
    audit.append(session, actor, "account changed", f"account:{account.id}", detail)


def reset_password(session: Session, key: str, actor: str, account: Account, password_hash: str) -> None:
    """Gives an account another password; every session of it ends, and failures to sign in are forgotten."""
    account.password_hash = password_hash
    sign_ins.end_all(session, account.id)
    sign_ins.forgive(session, key, account.name)
    audit.append(session, actor, "password reset", f"account:{account.id}", {})


def create_key(session: Session, actor: str, now: datetime, name: str, place: Place) -> tuple[ApiKey, str]:
    """Makes a key, and returns what nobody is told a second time: the key itself."""
    _check(session, place, person=False)
    shown = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        name=name,
        digest=digest_of_key(shown),
        role=place.role,
        hospital_id=place.hospital_id,
        active=True,
        created_at=now,
    )
    session.add(key)
    session.flush()
    detail = {"name": name, "role": place.role, "hospital": place.hospital_id}
    audit.append(session, actor, "key made", f"key:{key.id}", detail, at=now)
    return key, shown


def revoke_key(session: Session, actor: str, key: ApiKey) -> None:
    """Ends a key, for ever."""
    key.active = False
    audit.append(session, actor, "key revoked", f"key:{key.id}", {})


def is_name(value: object) -> TypeGuard[str]:
    """Whether an account can have this name."""
    return isinstance(value, str) and re.fullmatch(_NAME, value) is not None


def is_key_name(value: str) -> bool:
    """Whether a key can have this name."""
    return re.fullmatch(_KEY_NAME, value) is not None


def is_subject(value: object) -> TypeGuard[str]:
    """Whether an account can have this subject."""
    return isinstance(value, str) and re.fullmatch(_SUBJECT, value) is not None


def digest_of_key(key: str) -> str:
    """What of a key is kept; keys are long and random, so that a plain digest does."""
    return hashlib.sha256(key.encode()).hexdigest()


def make_first_admin(database: Database, password: str | None, known_to_all: str | None) -> None:
    """Makes the account `admin` where there is none yet, with the password of the environment.

    ConfigError where it has the password `known_to_all`, as after a trial that went into production.
    """
    with database.reading() as session:
        found = session.scalar(select(Account).where(Account.name == FIRST_ADMIN))
    if found is not None:
        if known_to_all is not None and found.active and passwords.fits(known_to_all, found.password_hash):
            told = "still has the password of a trial; run `touchstone accounts password admin`"
            raise ConfigError(f"the account {FIRST_ADMIN} {told}")
        return
    if password is None:
        return
    hashed = passwords.hash_of(password)
    with suppress(InputError), database.writing() as session:  # another process may have been first
        if not session.scalar(select(Account.id).where(Account.name == FIRST_ADMIN)):
            create_account(session, THE_SERVICE, database.now(), FIRST_ADMIN, Place(ADMIN, None), password_hash=hashed)


def _check(session: Session, place: Place, *, person: bool) -> None:
    check_role(place.role, place.hospital_id, person=person)
    if place.hospital_id is not None and session.get(Hospital, place.hospital_id) is None:
        raise InputError("hospital: there is none of this id")


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise InputError("another account has this name or subject") from error
