"""People sign in by a real provider of OpenID Connect; a forged, foreign, old or repeated answer lets nobody in."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import select

from serving.auth.accounts import Place, create_account
from serving.database.tables import Account, AuditLine, SignedIn
from tests.serving.auth.openid_provider import CLIENT, SECRET, OpenIdProvider
from tests.serving.transfer.conftest import Service, Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BEGIN, BACK = "/api/sign-in/openid", "/api/sign-in/openid/callback"
MAPPED = {"role_claim": "access.roles", "roles": {"qc-lead": "lead", "qc-doctor": "doctor"}, "hospital_claim": "org"}


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    opened = OpenIdProvider()
    yield opened
    opened.close()


@pytest.fixture
def serve(
    provider: OpenIdProvider, make_service: Callable[..., Service], serve_web: Callable[[Service], Web]
) -> Callable[..., Web]:
    """A function from settings that differ to a service that knows the provider."""

    def make(**settings: Any) -> Web:
        openid = {"issuer": provider.issuer, "client_id": CLIENT, "name": "Centre", **settings}
        opened = make_service(auth={"openid": openid}).opened
        secrets = replace(opened.secrets, others={"TOUCHSTONE_OPENID_SECRET": SECRET})
        return serve_web(Service(replace(opened, secrets=secrets)))

    return make


@pytest.fixture
def known(serve: Callable[..., Web], provider: OpenIdProvider) -> Web:
    """A service with an account of the provider's subject."""
    web = serve()
    database = web.service.opened.database
    with database.writing() as session:
        create_account(session, "test", database.now(), "wang", Place("reviewer", None), subject=provider.subject)
    return web


def begin(client: httpx.Client) -> str:
    """Goes to the provider, and returns where it leads back to."""
    out = client.get(BEGIN)
    assert out.status_code == 303, out.text
    back = httpx.get(out.headers["location"])
    assert back.status_code == 302, back.text
    return back.headers["location"]


def refused(web: Web, answer: httpx.Response) -> None:
    """Holds that an answer let nobody in."""
    assert answer.status_code == 403, answer.text
    assert "touchstone=" not in answer.headers.get("set-cookie", "")
    with web.service.opened.database.reading() as session:
        assert session.scalars(select(SignedIn)).all() == []


def test_somebody_whom_the_provider_knows_is_signed_in(known: Web, provider: OpenIdProvider) -> None:
    client = known.stranger()
    assert client.get("/api/sign-in").json() == {"password": True, "openid": "Centre"}
    answer = client.get(begin(client))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    who = client.get("/api/session").json()
    assert (who["name"], who["role"]) == ("wang", "reviewer")
    assert set(provider.asked) >= {"state", "nonce", "code_challenge", "redirect_uri"}
    assert len(provider.asked["state"]) == 64
    assert client.delete("/api/session", headers={"X-CSRF-Token": who["csrf"]}).status_code == 204
    with known.service.opened.database.reading() as session:
        lines = session.scalars(select(AuditLine).order_by(AuditLine.number)).all()
    assert [(line.action, line.detail.get("by")) for line in lines][1:] == [
        ("signed in", "openid"),
        ("signed out", None),
    ]


def test_who_has_no_account_is_not_let_in(known: Web, provider: OpenIdProvider) -> None:
    client = known.stranger()
    provider.subject = "li@centre"
    answer = client.get(begin(client))
    refused(known, answer)
    assert "li@centre" in answer.json()["detail"]
    provider.subject = "wang@centre"
    with known.service.opened.database.writing() as session:
        session.scalars(select(Account)).one().active = False
    refused(known, client.get(begin(client)))


def test_a_local_password_is_none_of_an_account_without_one(known: Web) -> None:
    for password in ("", "nobody"):
        answer = known.stranger().post("/api/session", json={"name": "wang", "password": password})
        assert answer.status_code == 403


def test_an_answer_belongs_to_the_browser_that_asked(known: Web) -> None:
    client, other, stranger = known.stranger(), known.stranger(), known.stranger()
    location = begin(client)
    begin(other)
    refused(known, other.get(location))  # with a ticket of its own
    refused(known, stranger.get(location))  # with none
    ticket = client.cookies["touchstone-openid"]
    other_letter = "x" if ticket[0] != "x" else "y"
    for wrong in (ticket[:-1], other_letter + ticket[1:], "..", "é", "9" * 4000):
        refused(known, stranger.get(location, headers={b"Cookie": f"touchstone-openid={wrong}".encode()}))
    state = parse_qs(urlsplit(location).query)["state"][0]
    refused(known, client.get(location.replace(state, state[:-1] + ("0" if state[-1] != "0" else "1"))))
    refused(known, client.get(BACK))
    refused(known, client.get(BACK, params={"state": state, "error": "access_denied"}))
    refused(known, client.get(BACK, params={"state": state, "code": "made up"}))
    refused(known, client.get(BACK, params={"state": state, "code": "x", "iss": "https://evil.example"}))
    assert client.get(location).status_code == 303


def test_an_answer_counts_once_and_for_ten_minutes(known: Web) -> None:
    client, database = known.stranger(), known.service.opened.database
    location = begin(client)
    ticket = client.cookies["touchstone-openid"]
    assert client.get(location).status_code == 303
    assert client.get(location).status_code == 403
    client.cookies.set("touchstone-openid", ticket)
    assert client.get(location).status_code == 403  # the provider gives nothing for it any more
    location = begin(client)
    now = database.now()
    database.now = lambda: now + timedelta(minutes=11)
    assert client.get(location).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": [CLIENT, "another client"], "azp": "another client"},
        {"aud": None},
        {"exp": int(time.time()) - 120},
        {"exp": "soon"},
        {"exp": None},
        {"iat": None},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ["wang@centre"]},
        {"sub": "wang@centre\0"},
        {"sub": "w" * 201},
        {"at_hash": "AAAA"},
    ],
)
def test_a_token_that_says_something_wrong(known: Web, provider: OpenIdProvider, claims: dict[str, Any]) -> None:
    provider.claims = claims
    client = known.stranger()
    refused(known, client.get(begin(client)))


def test_a_token_that_its_keys_did_not_sign(known: Web, provider: OpenIdProvider) -> None:
    client = known.stranger()
    other = RSAKey.generate_key(2048, {"kid": "one"})
    public = provider.key.as_pem(private=False)
    true_key = provider.key

    def without(claims: dict[str, Any]) -> str:
        head, body, _ = provider.signed(claims).split(".")
        return f"{head}.{body}."

    def altered(claims: dict[str, Any]) -> str:
        head, _, signature = provider.signed(claims).split(".")
        return f"{head}.{provider.signed(claims | {'sub': 'admin'}).split('.')[1]}.{signature}"

    def written(algorithm: str, claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
        head = json.dumps({"alg": algorithm, "kid": "one"}).encode()
        body = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (head, json.dumps(claims).encode()))
        return (body + b"." + urlsafe_b64encode(signature(body)).rstrip(b"=")).decode()

    def none(claims: dict[str, Any]) -> str:
        return written("none", claims, lambda _: b"")

    def by_public_key(claims: dict[str, Any]) -> str:
        return written("HS256", claims, lambda body: hmac.digest(public, body, "sha256"))

    def nothing(_: dict[str, Any]) -> str:
        return "a.b.c"

    for sign in (without, altered, none, by_public_key, nothing):
        provider.sign = sign
        refused(known, client.get(begin(client)))
    provider.sign, provider.key = provider.signed, other
    refused(known, client.get(begin(client)))
    provider.key = true_key
    assert client.get(begin(client)).status_code == 303


def test_a_provider_may_change_its_keys(known: Web, provider: OpenIdProvider) -> None:
    client = known.stranger()
    assert client.get(begin(client)).status_code == 303
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    provider.published = [provider.key]
    assert client.get(begin(client)).status_code == 303


def test_several_audiences_are_well_where_it_is_for_us(known: Web, provider: OpenIdProvider) -> None:
    provider.claims = {"aud": [CLIENT, "another client"], "azp": CLIENT}
    client = known.stranger()
    assert client.get(begin(client)).status_code == 303


def test_a_provider_that_is_away_is_our_side(known: Web, provider: OpenIdProvider) -> None:
    provider.answers = False
    answer = known.stranger().get(BEGIN)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]
    assert known.stranger().get("/api/sign-in").status_code == 200


def test_without_a_provider_there_is_none(web: Web) -> None:
    client = web.stranger()
    assert client.get("/api/sign-in").json() == {"password": True, "openid": None}
    assert client.get(BEGIN).status_code == 404
    assert client.get(BACK).status_code == 404


def test_the_provider_decides_roles_where_it_is_asked_to(serve: Callable[..., Web], provider: OpenIdProvider) -> None:
    web = serve(**MAPPED)
    client = web.stranger()
    provider.claims = {"access": {"roles": ["others", "qc-doctor"]}, "org": "city", "preferred_username": "wang"}
    assert client.get(begin(client)).status_code == 303
    who = client.get("/api/session").json()
    assert (who["name"], who["role"], who["hospital"]) == ("wang", "doctor", "city")

    provider.claims["access"] = {"roles": ["qc-doctor", "qc-lead"]}  # the first of the configuration
    assert client.get(begin(client)).status_code == 303
    who = client.get("/api/session").json()
    assert (who["name"], who["role"], who["hospital"]) == ("wang", "lead", None)

    for claims in (
        {"access": {"roles": ["others"]}},
        {"access": {"roles": [["qc-lead"], {"qc-lead": 1}]}},
        {"access": "qc-lead"},
        {},
        {"access": {"roles": ["qc-doctor"]}},  # of no hospital
        {"access": {"roles": ["qc-doctor"]}, "org": "elsewhere"},
        {"access": {"roles": ["qc-doctor"]}, "org": ["city"]},
    ):
        provider.claims = claims
        assert client.get(begin(client)).status_code == 403, claims
    with web.service.opened.database.reading() as session:
        assert session.scalars(select(Account)).one().role == "lead"


def test_nobody_takes_over_an_account_by_its_name(serve: Callable[..., Web], provider: OpenIdProvider) -> None:
    web = serve(**MAPPED)
    database = web.service.opened.database
    with database.writing() as session:
        create_account(session, "test", database.now(), "admin", Place("admin", None))
    provider.claims = {"access": {"roles": "qc-lead"}, "preferred_username": "admin"}
    client = web.stranger()
    refused(web, client.get(begin(client)))
    provider.claims["preferred_username"] = "a name with\r\nlines"  # then the subject
    assert client.get(begin(client)).status_code == 303
    assert client.get("/api/session").json()["name"] == "wang@centre"
