"""What tests of the web application share: the service that tests of transfers call, and people who are signed in to it."""

from collections.abc import Callable
from functools import cache

import httpx
import pytest
from argon2 import PasswordHasher

from serving.auth import passwords
from serving.auth.accounts import Place, create_account
from tests.serving.transfer.conftest import Web, make_service, serve_web, service, web

__all__ = ["make_service", "serve_web", "service", "web"]

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
Person = Callable[..., httpx.Client]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of passwords that cost little, since tests make many."""
    monkeypatch.setattr(passwords, "_hasher", CHEAP)


@cache
def hash_of_password() -> str:
    """The hash of PASSWORD, made once."""
    return passwords.hash_of(PASSWORD)


@pytest.fixture
def person(web: Web) -> Person:
    """A function from a role and a hospital to the client of somebody who is signed in, and says the CSRF token."""

    def make(role: str, hospital_id: str | None = None, *, name: str = "") -> httpx.Client:
        name = name or f"{role}.{hospital_id}"
        database = web.service.opened.database
        with database.writing() as session:
            place = Place(role, hospital_id)
            create_account(session, "test", database.now(), name, place, password_hash=hash_of_password())
        client = web.stranger()
        answer = client.post("/api/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    return make
