"""A provider of OpenID Connect is named whole or not at all."""

from typing import Any

import pytest
from pydantic import ValidationError

from serving.auth.settings import OpenId

GIVEN = {"issuer": "https://login.example", "client_id": "touchstone"}


@pytest.mark.parametrize(
    ("different", "told"),
    [
        ({"issuer": "http://login.example"}, "https://"),
        ({"issuer": "http://localhost.evil.example"}, "https://"),
        ({"client_id": ""}, "client_id"),
        ({"scope": "profile"}, "openid"),
        ({"role_claim": "roles"}, "go together"),
        ({"roles": {"a": "lead"}}, "go together"),
        ({"role_claim": "roles", "roles": {"a": "king"}}, "king"),
        ({"role_claim": "roles", "roles": {"a": "sender"}}, "sender"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_what_cannot_be(different: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        OpenId(**(GIVEN | different))


def test_a_provider_of_this_machine_needs_no_tls() -> None:
    assert OpenId(**(GIVEN | {"issuer": "http://127.0.0.1:8081"})).scope == "openid profile"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"access": {"roles": ["x", "leads"]}}, ("lead", None)),
        ({"access.roles": "leads"}, ("lead", None)),
        ({"access": {"roles": ["doctors"]}, "org": "city"}, ("doctor", "city")),
        ({"access": {"roles": ["doctors", "leads"]}, "org": "city"}, ("lead", None)),
        ({"access": {"roles": ["doctors"]}, "org": 3}, ("doctor", None)),
        ({"access": {"roles": []}}, None),
        ({"access": {"roles": None}}, None),
        ({"access": ["leads"]}, None),
        ({"access": {"roles": {"leads": True}}}, None),
        ({}, None),
    ],
)
def test_roles_come_from_claims(claims: dict[str, Any], expected: tuple[str, str | None] | None) -> None:
    settings = OpenId(
        **GIVEN, role_claim="access.roles", roles={"leads": "lead", "doctors": "doctor"}, hospital_claim="org"
    )
    assert settings.role_of(claims) == expected
