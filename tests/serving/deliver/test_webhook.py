"""Webhooks: what they say, how they are signed, and what a receiver refuses."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from qc_models.errors import ConfigError, InputError
from serving.database.tables import Hospital, PoolEntry, Table
from serving.deliver.outbox import Taken
from serving.deliver.webhook import body_of, id_of, keys_of, sign, verify
from tests.serving.deliver.judged_studies import START, Judged, judge
from tests.serving.deliver.judged_studies import told as told_again
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# the example of standard-webhooks.com
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": MESSAGE_ID, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE}


def test_a_signature_is_that_of_the_published_example() -> None:
    (key,) = keys_of(SECRET, "KEY")
    assert sign(key, MESSAGE_ID, AT, BODY) == SIGNATURE
    verify(key, HEADERS, BODY, AT)
    verify(key, HEADERS | {"webhook-signature": f"v1,AAAA {SIGNATURE}"}, BODY, AT + timedelta(minutes=4))


@pytest.mark.parametrize(
    ("headers", "body", "minutes", "words"),
    [
        ({}, b'{"test": 2432232315}', 0, "altered"),
        ({"webhook-id": "msg_other"}, BODY, 0, "altered"),
        ({"webhook-timestamp": "1614265331"}, BODY, 0, "altered"),
        ({"webhook-signature": "v1,AAAA"}, BODY, 0, "altered"),
        ({"webhook-signature": "v1,ÄÖ"}, BODY, 0, "altered"),
        ({}, BODY, 6, "another time"),
        ({}, BODY, -6, "another time"),
        ({"webhook-timestamp": "9" * 30}, BODY, 0, "no signature"),
        ({"webhook-timestamp": "now"}, BODY, 0, "no signature"),
    ],
)
def test_a_receiver_refuses_what_was_not_signed_so(
    headers: dict[str, str], body: bytes, minutes: int, words: str
) -> None:
    (key,) = keys_of(SECRET, "KEY")
    with pytest.raises(InputError, match=words):
        verify(key, HEADERS | headers, body, AT + timedelta(minutes=minutes))


def test_a_message_of_another_key_or_without_headers_is_refused() -> None:
    with pytest.raises(InputError, match="another key"):
        verify(b"k" * 24, HEADERS, BODY, AT)
    with pytest.raises(InputError, match="no signature"):
        verify(b"k" * 24, {}, BODY, AT)


def test_two_keys_sign_while_one_is_changed() -> None:
    assert len(keys_of(f"{SECRET}  whsec_{'A' * 32}", "KEY")) == 2


@pytest.mark.parametrize("text", ["", "  ", "whsec_", "whsec_AAAA", "secret", "whsec_ä", f"{SECRET} x"])
def test_a_key_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^TOUCHSTONE_RECEIVER_HIS_KEY: "):
        keys_of(text, "TOUCHSTONE_RECEIVER_HIS_KEY")


@on_sqlite
def test_it_says_all_of_a_verdict_and_nothing_of_a_patient(service: Service, clock: Clock, small_hand: Judged) -> None:
    told = judge(service.opened, small_hand)
    said = body_of(told, "https://qc.example", {}, START.date())
    data = said["data"]
    assert (said["type"], said["timestamp"]) == ("verdict.full", START.isoformat())
    assert data["study_instance_uid"] == small_hand.report.study_instance_uid
    assert data["hospital"] == {"id": "city", "name": "city"}
    assert (data["verdict"], data["grade"], data["current"], data["generation"]) == ("reject", "D", True, 1)
    assert [(item["id"], item["verdict"], item["valid_until"]) for item in data["items"]] == [
        ("XR-HAND", "reject", None)
    ]
    assert data["findings"][0]["metric"] == "adequacy.resolution.pixel_pitch_mm"
    assert set(data["findings"][0]["message"]) == {"en", "zh"}
    assert data["reasons"][0] == "adequacy.resolution.pixel_pitch_mm"
    assert data["versions"]["code"] == "0.1"
    assert set(data["dimensions"]) == {"completeness", "metadata", "body_part", "artifacts", "adequacy"}
    assert data["links"]["study"] == f"https://qc.example/dicom-web/studies/{told.study.uid}"
    for secret in (told.study.patient_name, told.study.patient_id, told.study.accession_number):
        assert secret
        assert secret not in repr(said)
    assert body_of(told, "", {}, START.date())["data"]["links"] == {}


@on_sqlite
def test_it_names_the_verdict_that_holds_no_more(
    service: Service, clock: Clock, small_hand: Judged, hand: Judged
) -> None:
    first, second = judge(service.opened, small_hand), judge(service.opened, hand)
    assert body_of(first, "", {}, START.date())["data"]["replaces"] is None
    replaced = {"verdict_id": first.verdict.id, "generation": 1, "verdict": "reject"}
    assert body_of(second, "", {}, START.date())["data"]["replaces"] == replaced


@on_sqlite
def test_what_passed_says_until_when_and_its_token(service: Service, clock: Clock, hand: Judged) -> None:
    told = judge(service.opened, hand)
    (item,) = body_of(told, "", {"XR-HAND": "t.o.ken"}, START.date())["data"]["items"]
    assert (item["valid_until"], item["token"]) == ("2026-10-31", "t.o.ken")  # 60 days after 1 September


@on_sqlite
@pytest.mark.parametrize(
    ("table", "values"), [(Hospital, {"standing": "suspended"}), (PoolEntry, {"valid_until": date(2026, 9, 9)})]
)
def test_what_nobody_may_rely_on_has_no_day(
    service: Service, clock: Clock, hand: Judged, table: type[Table], values: dict[str, Any]
) -> None:
    told = judge(service.opened, hand)
    with service.opened.database.writing() as session:
        session.execute(update(table).values(**values))
    (item,) = body_of(told_again(service.opened, told.verdict.id), "", {}, START.date())["data"]["items"]
    assert item["valid_until"] is None


@on_sqlite
def test_an_id_belongs_to_a_message_and_not_to_an_attempt(service: Service, clock: Clock, hand: Judged) -> None:
    told = judge(service.opened, hand)
    first = Taken(1, "webhook", "his", "verdict:1", 1, START, 1)
    again = Taken(1, "webhook", "his", "verdict:1", 1, START, 2)
    other = Taken(2, "webhook", "pacs", "verdict:1", 1, START, 1)
    assert id_of(first, told) == id_of(again, told) != id_of(other, told)
