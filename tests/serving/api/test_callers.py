"""A key is known by its digest, belongs to a role and a hospital, and ends when it is ended."""

from sqlalchemy import update

from serving.api.callers import Caller
from serving.auth.accounts import digest_of_key
from serving.database.tables import ApiKey
from tests.serving.transfer.conftest import Web


def test_a_digest_is_sha_256() -> None:
    assert digest_of_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_only_a_key_that_is_known_and_active_is_let_in(web: Web) -> None:
    client = web.client()
    assert client.get("/dicom-web/studies").status_code == 200
    key = client.headers["Authorization"].removeprefix("Bearer ")
    for wrong in (
        "",
        "Bearer",
        f"Basic {key}",
        f"Bearer {key}x",
        f"Bearer {digest_of_key(key)}",
        "Bearer ' OR 1=1",
    ):
        response = web.stranger(Authorization=wrong).get("/dicom-web/studies")
        assert response.status_code == 401, wrong
        assert response.headers["www-authenticate"] == "Bearer"
    with web.service.opened.database.writing() as session:
        session.execute(update(ApiKey).values(active=False))
    assert client.get("/dicom-web/studies").status_code == 401


def test_a_hospital_is_asked_for_its_own_studies() -> None:
    own = Caller("key:1", "a", "sender", "city").own_studies
    assert str(own.compile(compile_kwargs={"literal_binds": True})) == "study.hospital_id = 'city'"
    assert str(Caller("key:1", "a", "reviewer", None).own_studies) == "true"


def test_a_person_has_an_account_and_a_program_none() -> None:
    assert Caller("account:31", "a", "reviewer", None).account_id == 31
    assert Caller("key:31", "a", "doctor", None).account_id is None
