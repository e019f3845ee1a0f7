"""Tokens over HTTP: for those who made an examination or may accept it, and keys for everybody."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select, update

from configs.strict import HERE
from serving.database.tables import Hospital, PoolEntry, StudyRow
from serving.deliver.verdict_token import verify_token
from tests.serving.deliver.judged_studies import Judged, judge
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service, Web

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


def test_what_the_configured_policy_suspends_is_told_as_nothing_to_rely_on(
    make_service: Callable[..., Service],
    serve_web: Callable[[Service], Web],
    clock: Clock,
    hand: Judged,
    tmp_path: Path,
) -> None:
    """Neither signed, nor found, nor accepted."""
    content = yaml.safe_load((HERE / "policy.yaml").read_text("utf-8"))
    device = hand.report.content["facts"]["device"]
    content["suspended"] = [{"device": device, "reason": {"en": "overdue", "zh": "逾期"}}]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    service = make_service(policy=str(tmp_path / "policy.yaml"))
    web = serve_web(service)
    told = judge(service.opened, hand)
    with service.opened.database.reading() as session:
        entry = session.scalars(select(PoolEntry)).one()
    doctor = web.client("county", "doctor")
    assert doctor.get(f"/api/pool/entries/{entry.id}/token").status_code == 409
    accepted = doctor.post(f"/api/pool/entries/{entry.id}/answer", json={"accepted": True})
    assert (accepted.status_code, "(suspended)" in accepted.text) == (422, True)
    patient = {"issuer": entry.patient_issuer, "id": entry.patient_id}
    asked = {"patient": patient, "item": entry.item_id}
    found = doctor.post("/api/pool/lookup", json=asked).json()
    reasons = [[reason["reason"] for reason in one["reasons"]] for one in found["others"]]
    assert (found["eligible"], reasons) == ([], [["suspended"]])
    (seen,) = web.client("city", "hospital").get(f"/api/studies/{told.study.id}").json()["pool"]
    assert seen["reasons"] == ["suspended"]
