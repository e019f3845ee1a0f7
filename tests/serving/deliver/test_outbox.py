"""The outbox: one sender at a time, later attempts, the dead and their return; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from serving.database.sessions import Database
from serving.database.tables import AuditLine, OutboxRow
from serving.deliver import outbox
from serving.deliver.outbox import Delivering
from tests.serving.made_rows import NOW

DELIVERING = Delivering(attempts=3, back_off_s=10, longest_back_off_s=60, lease_s=300, days=7)


def message(session: Session, number: int, target: str = "his") -> OutboxRow:
    row = OutboxRow(
        kind="webhook",
        target=target,
        subject=f"verdict:{number}",
        body={"verdict": number},
        state="waiting",
        next_at=NOW,
        created_at=NOW,
    )
    session.add(row)
    session.flush()
    return row


def take(session: Session, seconds: float = 0, target: str = "his") -> outbox.Taken | None:
    return outbox.take(session, "webhook", target, NOW + timedelta(seconds=seconds), DELIVERING)


def row_of(database: Database, id_: int) -> OutboxRow:
    with database.reading() as session:
        return session.get_one(OutboxRow, id_)


@pytest.mark.parametrize(
    ("attempts", "drawn", "seconds"),
    [(1, 0.5, 10), (2, 0.5, 20), (3, 0.5, 40), (4, 0.5, 60), (1, 0.0, 7.5), (99, 1, 75)],
)
def test_it_waits_longer_each_time_and_never_all_at_once(attempts: int, drawn: float, seconds: float) -> None:
    assert outbox.back_off(attempts, DELIVERING, drawn) == timedelta(seconds=seconds)


def test_a_message_is_in_one_hand_until_its_lease_runs_out(database: Database) -> None:
    with database.writing() as session:
        first, second = message(session, 1), message(session, 2)
        message(session, 3, "other")
    with database.writing() as session:
        assert outbox.is_due(session, "webhook", "his", NOW)
        assert not outbox.is_due(session, "sr", "his", NOW)
        taken = [take(session) for _ in range(3)]
        assert [one and (one.id, one.verdict_id, one.attempt) for one in taken] == [
            (first.id, 1, 1),
            (second.id, 2, 1),
            None,
        ]
    with database.writing() as session:
        assert take(session, 299) is None
        again = take(session, 300)  # the first sender died
        assert again is not None
        assert (again.id, again.attempt) == (first.id, 2)
        assert taken[0] is not None
        assert outbox.failed(session, taken[0], "late", NOW, DELIVERING, 0.5)  # the first one lives: it has no say
        assert session.get_one(OutboxRow, first.id).state == "sending"
        outbox.sent(session, taken[0], NOW)  # but what arrived has arrived
        assert session.get_one(OutboxRow, first.id).state == "sent"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_several_senders_take_different_messages_side_by_side(database: Database) -> None:
    with database.writing() as session:
        ids = [message(session, number).id for number in (1, 2)]
    with database.writing() as one, Session(database.engine) as other:
        first, second = take(one), take(other)
        assert {first and first.id, second and second.id} == set(ids)


def test_what_fails_too_often_is_dead_with_its_reason_and_may_be_sent_again(database: Database) -> None:
    with database.writing() as session:
        id_ = message(session, 1).id
    moment = 0.0
    for attempt in (1, 2, 3):
        with database.writing() as session:
            taken = take(session, moment)
            assert taken is not None
            now = NOW + timedelta(seconds=moment)
            assert outbox.failed(session, taken, "it said 500", now, DELIVERING, 0.5) == (attempt < 3)
        moment += 10 * 2 ** (attempt - 1)
        with database.writing() as session:
            assert take(session, moment - 0.1) is None
    assert (row_of(database, id_).state, row_of(database, id_).last_error) == ("dead", "it said 500")
    with database.reading() as session:
        assert [row.id for row in outbox.messages(session, "dead", 10)] == [id_]
    with database.writing() as session:
        outbox.resend(session, [id_], "account:1", NOW)
    with database.writing() as session:
        taken = take(session)
        assert taken is not None
        assert taken.attempt == 1
        with pytest.raises(InputError, match="look at the list again"):
            outbox.resend(session, [id_], "account:1", NOW)
    with database.reading() as session:
        assert list(session.scalars(select(AuditLine.action).order_by(AuditLine.number))) == [
            "message given up",
            "message sent again",
        ]


def test_what_cannot_be_mended_is_dead_at_once_and_what_is_too_old_too(database: Database) -> None:
    with database.writing() as session:
        hopeless, old = message(session, 1).id, message(session, 2).id
        first, second = take(session), take(session)
        assert first is not None
        assert second is not None
        assert not outbox.failed(session, first, "purged", NOW, DELIVERING, 0.5, ever=False)
        week = NOW + timedelta(days=7)
        assert not outbox.failed(session, second, "away", week, DELIVERING, 0.5)
        assert {row.id for row in outbox.messages(session, "dead", 10)} == {hopeless, old}


def test_nobody_waits_for_a_receiver_that_is_there_no_more(database: Database) -> None:
    with database.writing() as session:
        message(session, 1)
        gone = message(session, 2, "gone").id
        assert outbox.cancel_unknown(session, [("webhook", "his")], NOW) == 1
        assert outbox.cancel_unknown(session, [("webhook", "his")], NOW) == 0
        assert [row.id for row in outbox.messages(session, "dead", 10)] == [gone]
