"""Admins make, change and end accounts and keys; whoever is ended is out at once, and each change is in the audit chain."""

import pytest
from sqlalchemy import select

from serving import audit
from serving.database.tables import ApiKey, AuditLine
from tests.serving.api.conftest import PASSWORD, Person
from tests.serving.made_rows import made_instance, made_study
from tests.serving.transfer.conftest import Web

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NEW = {"name": "wang", "role": "doctor", "hospital": "city", "password": PASSWORD}


def test_an_account_from_its_making_to_its_end(web: Web, person: Person) -> None:
    admin = person("admin")
    made = admin.post("/api/accounts", json=NEW)
    assert made.status_code == 201
    account = made.json()
    assert {name: account[name] for name in ("name", "role", "hospital", "active", "subject", "has_password")} == {
        "name": "wang",
        "role": "doctor",
        "hospital": "city",
        "active": True,
        "subject": None,
        "has_password": True,
    }
    assert "argon2" not in made.text
    path = f"/api/accounts/{account['id']}"
    wang = web.stranger()
    assert wang.post("/api/session", json={"name": "wang", "password": PASSWORD}).json()["role"] == "doctor"
    assert wang.get("/api/accounts").status_code == 403

    assert admin.patch(path, json={"role": "reviewer"}).json()["hospital"] is None
    assert wang.get("/api/session").json()["role"] == "reviewer"  # at once
    assert admin.patch(path, json={"role": "hospital", "hospital": "county"}).json()["role"] == "hospital"
    assert admin.patch(path, json={"subject": "wang@idp"}).json()["hospital"] == "county"
    assert admin.patch(path, json={"subject": None}).json()["subject"] is None

    assert admin.put(f"{path}/password", json={"password": "another horse battery"}).status_code == 204
    assert wang.get("/api/session").status_code == 401
    said = {"name": "wang", "password": "another horse battery"}
    assert wang.post("/api/session", json=said).status_code == 200
    assert admin.patch(path, json={"active": False}).json()["active"] is False
    assert wang.get("/api/session").status_code == 401
    assert wang.post("/api/session", json=said).status_code == 403
    assert admin.patch(path, json={"active": True}).json()["active"] is True
    assert wang.get("/api/session").status_code == 401  # its sessions have ended for ever
    assert wang.post("/api/session", json=said).status_code == 200
    assert [one["name"] for one in admin.get("/api/accounts").json()] == ["admin.None", "wang"]

    with web.service.opened.database.reading() as session:
        lines = list(session.scalars(select(AuditLine).order_by(AuditLine.number)))
        assert audit.verify(session).faults == ()
    of_wang = [line for line in lines if line.subject == f"account:{account['id']}"]
    assert [line.action for line in of_wang if line.actor != line.subject] == [
        "account made",
        *["account changed"] * 4,
        "password reset",
        *["account changed"] * 2,
    ]
    assert PASSWORD not in repr([line.detail for line in lines])


@on_sqlite
@pytest.mark.parametrize(
    ("different", "code"),
    [
        ({"role": "sender"}, 422),  # for programs alone
        ({"role": "king"}, 422),
        ({"hospital": None}, 422),
        ({"role": "admin"}, 422),  # is the centre's
        ({"hospital": "elsewhere"}, 422),
        ({"password": "short"}, 422),
        ({"password": "x" * 900_000}, 400),
        ({"name": "admin.None"}, 422),  # is taken
        ({"name": "a b"}, 400),
        ({"name": "a\r\nSet-Cookie: b"}, 400),
        ({"name": "a\0"}, 400),
        ({"subject": "a\0"}, 400),
        ({"active": True}, 400),
    ],
)
def test_an_account_that_cannot_be(person: Person, different: dict[str, object], code: int) -> None:
    admin = person("admin")
    assert admin.post("/api/accounts", json=NEW | different).status_code == code
    assert len(admin.get("/api/accounts").json()) == 1


def test_two_accounts_have_two_names_and_subjects(person: Person) -> None:
    admin = person("admin")
    assert admin.post("/api/accounts", json=NEW | {"subject": "s"}).status_code == 201
    assert admin.post("/api/accounts", json=NEW).status_code == 422
    assert admin.post("/api/accounts", json=NEW | {"name": "li", "subject": "s"}).status_code == 422
    assert admin.post("/api/accounts", json=NEW | {"name": "li", "subject": "t"}).status_code == 201


@on_sqlite
def test_nobody_changes_their_own_account(web: Web, person: Person) -> None:
    admin = person("admin")
    (own,) = admin.get("/api/accounts").json()
    assert admin.patch(f"/api/accounts/{own['id']}", json={"active": False}).status_code == 422
    other = person("admin", name="other")
    assert other.patch(f"/api/accounts/{own['id']}", json={"active": False}).status_code == 200
    assert admin.get("/api/accounts").status_code == 401


@on_sqlite
def test_what_is_not_there(person: Person) -> None:
    admin = person("admin")
    assert admin.patch("/api/accounts/77", json={}).status_code == 404
    assert admin.put("/api/accounts/77/password", json={"password": PASSWORD}).status_code == 404
    assert admin.delete("/api/keys/77").status_code == 404
    assert admin.delete(f"/api/keys/{1 << 70}").status_code == 400
    assert admin.patch("/api/accounts/' OR 1=1", json={}).status_code == 400


def test_a_key_is_told_once_and_revoked_for_ever(web: Web, person: Person) -> None:
    admin = person("admin")
    made = admin.post("/api/keys", json={"name": "gateway 1", "role": "sender", "hospital": "county"})
    assert made.status_code == 201
    key = made.json()["key"]
    program = web.stranger(Authorization=f"Bearer {key}")
    assert program.get("/api/session").json() == {
        "name": "gateway 1",
        "role": "sender",
        "hospital": "county",
        "csrf": "",
    }
    assert key not in admin.get("/api/keys").text
    assert [(one["name"], one["active"]) for one in admin.get("/api/keys").json()] == [("gateway 1", True)]
    assert admin.delete(f"/api/keys/{made.json()['id']}").status_code == 204
    assert program.get("/api/session").status_code == 401
    with web.service.opened.database.reading() as session:
        kept = session.scalars(select(ApiKey)).one()
        said = [line.action for line in session.scalars(select(AuditLine).order_by(AuditLine.number))]
    assert key not in repr(vars(kept))
    assert said[-2:] == ["key made", "key revoked"]
    for different in ({"role": "king"}, {"hospital": None}, {"role": "engineer"}, {"hospital": "elsewhere"}):
        said_now = {"name": "x", "role": "sender", "hospital": "city"} | different
        assert admin.post("/api/keys", json=said_now).status_code == 422


@on_sqlite
def test_each_role_is_told_in_words(person: Person) -> None:
    told = person("admin").get("/api/roles").json()
    assert list(told) == ["sender", "hospital", "doctor", "reviewer", "lead", "engineer", "admin"]


@on_sqlite
def test_the_key_of_another_hospital_finds_nothing(web: Web) -> None:
    with web.service.opened.database.writing() as session:
        made_instance(session, made_study(session, "1.2.3", "city"), 1)
    assert len(web.client("city").get("/dicom-web/studies").json()) == 1
    for role in ("sender", "hospital", "doctor"):
        other = web.client("county", role)
        assert other.get("/dicom-web/studies").json() == []
        assert other.get("/dicom-web/studies/1.2.3/metadata").status_code == 404
