"""People sign in and out; a session that was cut, altered, ended or comes without its token lets nobody in."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from serving import audit
from serving.auth import passwords
from serving.auth.sign_ins import FREE_FAILURES
from serving.database.tables import Account, AuditLine, FailedSignIn, Hospital, SignedIn
from tests.serving.api.conftest import PASSWORD, Person
from tests.serving.transfer.conftest import Service, Web

COOKIE = "touchstone"
SESSION = "/api/session"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_who_signs_in_is_known_until_they_sign_out(web: Web, person: Person) -> None:
    client = person("hospital", "city", name="王医生")
    assert client.get(SESSION).json() == {
        "name": "王医生",
        "role": "hospital",
        "hospital": "city",
        "csrf": client.headers["X-CSRF-Token"],
    }
    word = client.cookies[COOKIE]
    with web.service.opened.database.reading() as session:
        assert word not in repr([row.digest for row in session.scalars(select(SignedIn))])
    assert client.delete(SESSION).status_code == 204
    assert COOKIE not in client.cookies
    client.cookies.set(COOKIE, word)
    assert client.get(SESSION).status_code == 401
    with web.service.opened.database.reading() as session:
        said = [(line.actor, line.action) for line in session.scalars(select(AuditLine).order_by(AuditLine.number))]
        assert audit.verify(session).faults == ()
    assert [action for _, action in said] == ["account made", "signed in", "signed out"]


@on_sqlite
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    web: Web, person: Person, make_service: Callable[..., Service], serve_web: Callable[[Service], Web]
) -> None:
    person("admin", name="a")
    answer = web.stranger().post(SESSION, json={"name": "a", "password": PASSWORD})
    assert answer.headers["set-cookie"].split("; ")[1:] == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"]
    secure = serve_web(make_service(web={"address": "https://qc.example"})).stranger()
    cookie = secure.post(SESSION, json={"name": "a", "password": PASSWORD}).headers["set-cookie"]
    assert cookie.startswith("__Host-touchstone=")
    assert cookie.split("; ")[1:] == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax", "Secure"]


@on_sqlite
def test_a_cookie_that_was_cut_or_altered_is_nobodys(web: Web, person: Person) -> None:
    client = person("admin")
    word = client.cookies[COOKIE]
    for wrong in (
        "",
        word[:-1],
        word + "A",
        word[::-1],
        secrets.token_urlsafe(32),
        "' OR 1=1",
        "x" * 8000,
        "é",
    ):
        answer = web.stranger().get(SESSION, headers={b"Cookie": f"{COOKIE}={wrong}".encode()})
        assert answer.status_code == 401, wrong
    assert web.stranger(Cookie=f"{COOKIE}={word}").get(SESSION).status_code == 200
    assert web.stranger(Cookie=f"__Host-{COOKIE}={word}").get(SESSION).status_code == 401


@on_sqlite
def test_a_header_of_a_key_goes_before_a_session(web: Web, person: Person) -> None:
    client = person("admin")
    assert client.get(SESSION, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get(SESSION, headers={"Authorization": "Basic YTpi"}).status_code == 401
    key = web.client("city", "sender").headers["Authorization"]
    assert client.get(SESSION, headers={"Authorization": key}).json()["role"] == "sender"


@on_sqlite
def test_a_change_needs_the_token_of_its_own_session(web: Web, person: Person) -> None:
    client, other = person("admin", name="a"), person("admin", name="b")
    for wrong in ("", "x", client.headers["X-CSRF-Token"][:-1], other.headers["X-CSRF-Token"]):
        assert client.delete(SESSION, headers={"X-CSRF-Token": wrong}).status_code == 403
    del client.headers["X-CSRF-Token"]
    assert client.delete(SESSION).status_code == 403
    assert client.post("/dicom-web/studies").status_code == 403
    assert client.get(SESSION).status_code == 200


@on_sqlite
def test_a_page_of_another_site_signs_nobody_in(web: Web, person: Person) -> None:
    person("admin", name="a")
    said = {"name": "a", "password": PASSWORD}
    client = web.stranger()
    for origin in ("https://evil.example", "null", web.url + ".evil.example"):
        assert client.post(SESSION, json=said, headers={"Origin": origin}).status_code == 403
    assert client.post(SESSION, json=said, headers={"Origin": web.url}).status_code == 200


@on_sqlite
def test_a_session_ends_in_time_and_with_its_account(web: Web, person: Person) -> None:
    database = web.service.opened.database
    late, ended = person("admin", name="late"), person("reviewer", name="ended")
    with database.writing() as session:
        session.execute(update(Account).where(Account.name == "ended").values(active=False))
    assert ended.get(SESSION).status_code == 401
    assert web.stranger().post(SESSION, json={"name": "ended", "password": PASSWORD}).status_code == 403
    now = database.now()
    database.now = lambda: now + timedelta(hours=11.9)
    assert late.get(SESSION).status_code == 200
    database.now = lambda: now + timedelta(hours=12.1)
    assert late.get(SESSION).status_code == 401


@on_sqlite
def test_a_role_that_lost_its_hospital_sees_nothing(web: Web, person: Person) -> None:
    client = person("doctor", "city")
    assert client.get("/dicom-web/studies").status_code == 200
    for values in ({"hospital_id": None}, {"role": "doctr", "hospital_id": "city"}):
        with web.service.opened.database.writing() as session:
            session.execute(update(Account).values(**values))
        assert client.get("/dicom-web/studies").status_code == 403


def test_failures_slow_a_name_down_known_or_not(web: Web, person: Person) -> None:
    person("admin", name="a")
    database = web.service.opened.database
    now = database.now()
    database.now = lambda: now
    client = web.stranger()

    def attempt(name: str, password: str) -> int:
        return client.post(SESSION, json={"name": name, "password": password}).status_code

    for name in ("a", "nobody"):
        assert [attempt(name, "wrong") for _ in range(FREE_FAILURES)] == [403] * FREE_FAILURES
        answer = client.post(SESSION, json={"name": name, "password": PASSWORD})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    database.now = lambda: now + timedelta(seconds=9)
    assert attempt("a", PASSWORD) == 429
    database.now = lambda: now + timedelta(seconds=10)
    assert [attempt("nobody", PASSWORD), attempt("nobody", PASSWORD)] == [403, 429]
    assert client.post(SESSION, json={"name": "nobody", "password": ""}).headers["retry-after"] == "20"
    assert attempt("a", PASSWORD) == 200
    with database.reading() as session:
        assert len(list(session.scalars(select(FailedSignIn)))) == 1  # of nobody; those of a are forgotten
    database.now = lambda: now + timedelta(days=2)
    assert attempt("nobody", "wrong") == 403


@on_sqlite
@pytest.mark.parametrize(
    "said",
    [
        {"name": "a", "password": "x" * 257},
        {"name": "a", "password": "x" * 900_000},
        {"name": "a" * 101, "password": "x"},
        {"name": "a\0", "password": "x"},
        {"name": "a\r\nSet-Cookie: a=b", "password": "x"},
        {"name": ["a"], "password": "x"},
        {"name": "a", "password": "x", "role": "admin"},
        {"name": "a", "password": 12345},
        [],
    ],
)
def test_what_is_no_name_or_password_is_refused_and_not_quoted(web: Web, said: object) -> None:
    answer = web.stranger().post(SESSION, json=said)
    assert answer.status_code == 400
    assert len(answer.text) < 500
    assert "xx" not in answer.text


@on_sqlite
def test_a_body_that_is_no_text_is_refused(web: Web) -> None:
    client = web.stranger()
    for body in (b'{"name": "a", "password": "\\ud800"}', b"\xff", b"{", b"[" * 100_000):
        answer = client.post(SESSION, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, body[:50]
    whole = b'{"name": "a", "password": "b"}'
    assert client.post(SESSION, content=whole, headers={"Content-Type": "text/plain"}).status_code == 400


def test_ones_own_password(web: Web, person: Person) -> None:
    client = person("reviewer", name="r")
    other = web.stranger()
    other.post(SESSION, json={"name": "r", "password": PASSWORD})
    path, new = f"{SESSION}/password", "another horse battery"
    assert client.put(path, json={"old": "wrong", "new": new}).status_code == 403
    assert client.put(path, json={"old": PASSWORD, "new": "short"}).status_code == 422
    assert client.put(path, json={"old": PASSWORD, "new": "r" * 20}).status_code == 422
    assert client.put(path, json={"old": PASSWORD, "new": new}).status_code == 204
    assert client.get(SESSION).status_code == 200
    assert other.get(SESSION).status_code == 401
    assert other.post(SESSION, json={"name": "r", "password": PASSWORD}).status_code == 403
    assert other.post(SESSION, json={"name": "r", "password": new}).status_code == 200
    program = web.client("city", "sender")
    assert program.put(path, json={"old": PASSWORD, "new": new}).status_code == 403
    assert program.delete(SESSION).status_code == 403


@on_sqlite
def test_a_hash_of_other_parameters_is_renewed(web: Web, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person("admin", name="a")
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    for _ in range(2):
        assert web.stranger().post(SESSION, json={"name": "a", "password": PASSWORD}).status_code == 200
    with web.service.opened.database.reading() as session:
        kept = session.scalar(select(Account.password_hash))
    assert kept is not None
    assert kept.startswith("$argon2id$v=19$m=16,t=2,p=1$")


@on_sqlite
def test_an_address_may_not_try_for_ever(
    make_service: Callable[..., Service], serve_web: Callable[[Service], Web]
) -> None:
    web = serve_web(make_service(limits={"sign_in_burst": 3, "sign_ins_per_minute": 0.5}))
    client = web.stranger()
    answers = [client.post(SESSION, json={"name": f"n{number}", "password": "x"}) for number in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
    assert 100 < int(answers[-1].headers["retry-after"]) <= 120
    assert web.client().get(SESSION).status_code == 200


@on_sqlite
def test_a_caller_and_a_stranger_are_asked_to_slow_down(
    make_service: Callable[..., Service], serve_web: Callable[[Service], Web]
) -> None:
    few = {"caller_burst": 3, "caller_per_s": 0.01, "stranger_burst": 2, "stranger_per_s": 0.01}
    web = serve_web(make_service(limits=few))
    one, other, stranger = web.client(), web.client(), web.stranger(Authorization="Bearer x")
    assert [one.get(SESSION).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert other.get(SESSION).status_code == 200
    assert [stranger.get(SESSION).status_code for _ in range(3)] == [401, 401, 429]
    assert stranger.get("/health").status_code == 200


@on_sqlite
def test_the_people_of_a_hospital_that_left_are_refused(web: Web) -> None:
    with web.service.opened.database.writing() as session:
        session.add(Hospital(id="left", name="left", level="primary", alliances=[], issuer=""))
    assert web.client("left").get(SESSION).status_code == 403
