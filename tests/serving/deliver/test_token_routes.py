"""Tokens over HTTP: for those who made an examination or may accept it, and keys for everybody."""

from datetime import date

import pytest
from sqlalchemy import select, update

from serving.database.tables import Hospital, PoolEntry, StudyRow
from serving.deliver.verdict_token import verify_token
from tests.serving.deliver.judged_studies import Judged, judge
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def entry(web: Web, clock: Clock, hand: Judged) -> int:
    judge(web.service.opened, hand)
    with web.service.opened.database.reading() as session:
        return session.scalars(select(PoolEntry.id)).one()


def test_keys_are_told_to_everybody_and_verify_a_token(web: Web, entry: int, clock: Clock) -> None:
    keys = web.stranger().get("/.well-known/jwks.json").json()
    for hospital, role in (("city", "hospital"), ("county", "doctor")):
        token = web.client(hospital, role).get(f"/api/pool/entries/{entry}/token").json()["token"]
        assert verify_token(token, keys, clock()).hospital == "city"


def test_who_has_no_business_with_it_gets_none(web: Web, entry: int) -> None:
    assert web.stranger().get(f"/api/pool/entries/{entry}/token").status_code == 401
    assert web.client("city", "sender").get(f"/api/pool/entries/{entry}/token").status_code == 403
    doctor = web.client("county", "doctor")
    for absent, code in ((entry + 1, 404), (0, 400), (-1, 400), (1 << 80, 400)):
        assert doctor.get(f"/api/pool/entries/{absent}/token").status_code == code
    # the county now stands above, and accepts nothing from below
    with web.service.opened.database.writing() as session:
        session.execute(update(Hospital).where(Hospital.id == "city").values(level="nowhere", alliances=[]))
    assert doctor.get(f"/api/pool/entries/{entry}/token").status_code == 404


def test_what_nobody_may_rely_on_is_not_signed(web: Web, entry: int) -> None:
    doctor = web.client("county", "doctor")
    database = web.service.opened.database
    with database.writing() as session:
        session.execute(update(PoolEntry).values(valid_until=date(2026, 9, 9)))
    assert doctor.get(f"/api/pool/entries/{entry}/token").status_code == 409
    with database.writing() as session:
        session.execute(update(PoolEntry).values(valid_until=date(2026, 12, 1), state="withdrawn"))
    response = doctor.get(f"/api/pool/entries/{entry}/token")
    assert response.status_code == 409
    assert "look it up again" in response.json()["detail"]


def test_what_is_suspended_or_judged_anew_is_not_signed(web: Web, entry: int) -> None:
    doctor, database = web.client("county", "doctor"), web.service.opened.database
    for table, wrong, right in (
        (Hospital, {"standing": "suspended"}, {"standing": "good"}),
        (StudyRow, {"state": "arriving"}, {"state": "scored"}),
    ):
        assert doctor.get(f"/api/pool/entries/{entry}/token").status_code == 200
        for values, code in ((wrong, 409), (right, 200)):
            with database.writing() as session:
                session.execute(update(table).values(**values))
            assert doctor.get(f"/api/pool/entries/{entry}/token").status_code == code
