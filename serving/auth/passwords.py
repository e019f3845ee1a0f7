"""Passwords of people: hashed by argon2id, and compared in the same time whether there is an account or none."""

import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from qc_models.errors import InputError

SHORTEST, LONGEST = 12, 256  # characters
_AT_ONCE = 2  # hashes of a process; each takes 64 MiB for a moment

_hasher = PasswordHasher(time_cost=2, memory_cost=64 << 10, parallelism=1)  # above what OWASP asks for
_turns = threading.BoundedSemaphore(_AT_ONCE)


def hash_of(password: str) -> str:
    """What of a password is kept."""
    with _turns:
        return _hasher.hash(_normal(password))


def fits(password: str, kept: str) -> bool:
    """Whether a password is the one that was kept; takes as long where nothing was kept."""
    with _turns:
        try:
            return _hasher.verify(kept or _nobodys(_hasher), _normal(password)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than are used today."""
    return _hasher.check_needs_rehash(kept)


def check_new_password(password: str, name: str) -> None:
    """InputError where a password is too short or too long, or is made of its account's name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"password: choose one of {SHORTEST} to {LONGEST} characters")
    rest = password.lower().replace(name.lower(), "")
    if len(set(rest)) < 5:
        raise InputError("password: choose one with more different characters, beyond the account's name")


def _normal(password: str) -> str:
    """The same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody")
