"""Passwords are kept as hashes that cost something, whose parameters are written beside them."""

import pytest

from qc_models.errors import InputError
from serving.auth import passwords

COST = "$argon2id$v=19$m=65536,t=2,p=1$"


def test_a_password_fits_its_own_hash_alone() -> None:
    kept = passwords.hash_of("ﬁne Passwort é")
    assert kept.startswith(COST)
    assert not passwords.is_outdated(kept)
    assert passwords.fits("fine Passwort e\u0301", kept)  # composed by another keyboard
    assert not passwords.fits("fine Passwort e", kept)
    assert not passwords.fits("", kept)


def test_nobody_has_no_password_and_costs_as_much() -> None:
    assert not passwords.fits("nobody", "")
    assert passwords._nobodys(passwords._hasher).startswith(COST)
    assert not passwords.fits("x", "no hash")


@pytest.mark.parametrize(
    ("password", "name"),
    [
        ("short", "a"),
        ("x" * 257, "a"),
        ("aaaaaaaaaaaaaaaa", "a"),
        ("wang.wei12wang.wei", "wang.wei"),
        ("121212121212", "a"),
    ],
)
def test_a_weak_password_is_refused(password: str, name: str) -> None:
    with pytest.raises(InputError, match="password: choose"):
        passwords.check_new_password(password, name)


@pytest.mark.parametrize("password", ["correct horse battery", "密码要足够长才可以用的", "x1y2z3w4v5u6" * 20])
def test_a_long_one_is_taken(password: str) -> None:
    passwords.check_new_password(password.ljust(12, "一"), "admin")
