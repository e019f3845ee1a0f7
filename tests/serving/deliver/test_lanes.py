"""Lanes: a receiver that fails for an hour gets everything once it is back, signed; nobody else waits for it."""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from qc_models.policy import load_policy
from serving.database.tables import OutboxRow, StudyRow
from serving.deliver.channels import make_lanes
from serving.deliver.lanes import Lane
from serving.deliver.receivers import deliveries_of
from serving.deliver.signing_keys import signing_keys
from serving.deliver.verdict_token import verify_token
from serving.deliver.webhook import keys_of, verify
from serving.opened_service import OpenedService
from serving.outcome import tell
from serving.retention import Purge
from serving.retention_settings import Retention
from serving.worker import make_worker
from tests.serving.deliver.conftest import Listening
from tests.serving.deliver.judged_studies import Judged, judge
from tests.serving.made_rows import Clock, made_study, made_verdict
from tests.serving.transfer.conftest import Service

KEY = "whsec_" + "dG91Y2hzdG9uZS10b3VjaHN0b25lLXRvdWNoc3RvbmU="
NUM_VERDICTS = 12


def hook(name: str, url: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "webhook": {"url": url}, **fields}


def with_receivers(
    make_service: Callable[..., Service], receivers: Sequence[dict[str, Any]], **more: Any
) -> OpenedService:
    opened = make_service(receivers=list(receivers), **more).opened
    for receiver in receivers:
        name = receiver["name"].upper().replace("-", "_")
        opened.secrets.others[f"TOUCHSTONE_RECEIVER_{name}_KEY"] = KEY  # type: ignore[index]
    return opened


def tell_of(opened: OpenedService, number: int) -> None:
    """Puts a verdict of a study without files in the outbox."""
    with opened.database.writing() as session:
        study = made_study(session, uid=f"1.2.{number}")
        verdict = made_verdict(session, study, created_at=opened.database.now())
        tell(session, verdict, deliveries_of(opened.config.receivers), opened.database.now())


def states(opened: OpenedService, target: str = "his") -> list[str]:
    with opened.database.reading() as session:
        return list(session.scalars(select(OutboxRow.state).where(OutboxRow.target == target).order_by(OutboxRow.id)))


def drain(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        while lane.step():
            pass


def test_a_receiver_that_was_away_for_an_hour_gets_everything_verifiable(
    make_service: Callable[..., Service], listen: Callable[[], Listening], clock: Clock, hand: Judged
) -> None:
    away, there = listen(), listen()
    opened = with_receivers(make_service, [hook("his", away.url), hook("other", there.url)])
    lanes = make_lanes(opened)
    judge(opened, hand, deliveries_of(opened.config.receivers))
    away.status = 503
    for minute in range(60):
        if minute % 5 == 1:
            tell_of(opened, minute)
        drain(lanes)
        clock.seconds += 60
    assert len(there.requests) == 1 + NUM_VERDICTS  # the other one has them all
    assert states(opened) == ["waiting"] * (1 + NUM_VERDICTS)
    assert 5 <= len(away.requests) <= 30  # it was asked now and then, not for every message and minute
    away.requests.clear()
    away.status = 204
    clock.seconds += 3600
    drain(lanes)
    assert states(opened) == ["sent"] * (1 + NUM_VERDICTS)

    (key,) = keys_of(KEY, "KEY")
    bodies = []
    for path, headers, body in away.requests:
        assert path == "/hook"
        verify(key, headers, body, clock())
        bodies.append(json.loads(body)["data"])
    assert len({headers["webhook-id"] for _, headers, _ in away.requests}) == 1 + NUM_VERDICTS
    uids = {hand.report.study_instance_uid, *(f"1.2.{minute}" for minute in range(1, 60, 5))}
    assert {body["study_instance_uid"] for body in bodies} == uids
    keys = signing_keys(opened)
    assert keys is not None
    tokens = [item["token"] for body in bodies for item in body["items"] if item["token"]]
    assert [verify_token(token, keys.public(), clock()).item for token in tokens] == ["XR-HAND"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_receiver_that_keeps_us_waiting_holds_up_nobody_else(
    make_service: Callable[..., Service], listen: Callable[[], Listening], clock: Clock
) -> None:
    slow, quick = listen(), listen()
    slow.waits = threading.Event()
    opened = with_receivers(make_service, [hook("slow", slow.url), hook("quick", quick.url)])
    tell_of(opened, 1)
    held_up, free = make_lanes(opened)
    thread = threading.Thread(target=held_up.step)
    thread.start()
    assert free.step()
    assert states(opened, "quick") == ["sent"]
    slow.waits.set()
    thread.join()
    assert states(opened, "slow") == ["sent"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_message_that_is_refused_does_not_stop_the_next(
    make_service: Callable[..., Service], listen: Callable[[], Listening], clock: Clock
) -> None:
    his = listen()
    opened = with_receivers(make_service, [hook("his", his.url)])
    (lane,) = make_lanes(opened)
    tell_of(opened, 1)
    his.status = 422
    with capture_logs() as logs:
        assert lane.step()
    his.status = 200
    tell_of(opened, 2)
    assert lane.step()
    assert states(opened) == ["waiting", "sent"]
    with opened.database.reading() as session:
        (error,) = session.scalars(select(OutboxRow.last_error).where(OutboxRow.state == "waiting"))
    assert error == "the receiver answered 422; see its settings, and the address"
    assert "SECRET" not in repr(logs)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_purged_is_told_no_more(
    make_service: Callable[..., Service], listen: Callable[[], Listening], clock: Clock
) -> None:
    his = listen()
    opened = with_receivers(make_service, [hook("his", his.url)])
    (lane,) = make_lanes(opened)
    tell_of(opened, 1)
    with opened.database.writing() as session:
        session.execute(delete(StudyRow))
    assert lane.step()
    assert states(opened) == ["dead"]
    assert his.requests == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mistake_of_ours_is_told_without_its_words(
    make_service: Callable[..., Service], clock: Clock, listen: Callable[[], Listening]
) -> None:
    class Broken:
        def send(self, taken: object, told: object, now: datetime) -> None:
            raise KeyError("SECRET")

    opened = with_receivers(make_service, [hook("his", listen().url)])
    tell_of(opened, 1)
    lane = Lane("webhook", "his", Broken(), opened.database, opened.config.outbox, load_policy())
    with capture_logs() as logs:
        lane.step()
    assert states(opened) == ["waiting"]
    assert logs[0]["reason"].startswith("KeyError at test_lanes.py")
    assert "SECRET" not in repr(logs)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_tells_receivers_beside_its_other_work(
    make_service: Callable[..., Service], listen: Callable[[], Listening], hospitals: tuple[str, str]
) -> None:
    his = listen()
    opened = with_receivers(make_service, [hook("his", his.url)])
    tell_of(opened, 1)
    stop = threading.Event()
    worker = threading.Thread(target=make_worker(opened).run, args=(stop,))
    worker.start()
    for _ in range(3000):
        if states(opened) == ["sent"]:
            break
        stop.wait(0.01)
    stop.set()
    worker.join()
    assert states(opened) == ["sent"]
    assert len(his.requests) == 1


def test_who_relied_on_an_erased_study_hears_that_it_is_no_more(
    make_service: Callable[..., Service], listen: Callable[[], Listening], clock: Clock, hand: Judged
) -> None:
    his = listen()
    opened = with_receivers(make_service, [hook("his", his.url)])
    deliveries = deliveries_of(opened.config.receivers)
    lanes = make_lanes(opened)
    told = judge(opened, hand, deliveries)
    drain(lanes)
    assert Purge(opened.database, opened.archive, Retention(), deliveries).erase(told.study.id, "asked for", "command")
    drain(lanes)
    assert states(opened) == ["sent"]
    (_, first, _), (_, last, body) = his.requests
    verify(keys_of(KEY, "KEY")[0], last, body, clock())
    assert first["webhook-id"] != last["webhook-id"]
    said = json.loads(body)
    assert said["type"] == "verdict.erased"
    assert said["data"] == {
        "study_instance_uid": told.study.uid,
        "hospital": "city",
        "verdict_id": told.verdict.id,
        "current": False,
    }
