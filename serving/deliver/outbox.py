"""The outbox: messages that were written with what they tell, taken by one sender at a time, and tried until they arrive.

A message that is being sent is leased until a time: who dies in the middle lets it run out, and another sends it again. So a
receiver gets each at least once. What cannot be delivered in time is kept as dead, with its reason, until somebody sends it again.
Every function works in the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from configs.strict import Strict
from qc_models.errors import InputError
from serving import audit
from serving.database.tables import OutboxRow

WAITING, SENDING, SENT, DEAD = "waiting", "sending", "sent", "dead"
REASON_LENGTH = 500


class Delivering(Strict):
    """How messages are sent and tried again; a message is given up after so many attempts or days."""

    timeout_s: float = Field(default=15, gt=0)  # for a connection, and for each piece of an answer
    lease_s: float = Field(default=300, gt=0)  # that a message may be on its way before another sender takes it
    back_off_s: float = Field(default=10, gt=0)  # doubled each time
    longest_back_off_s: float = Field(default=3600, gt=0)
    attempts: int = Field(default=100, ge=1)
    days: float = Field(default=7, gt=0)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message in the hands of one sender; `attempt` tells its lease from later ones.

    `erased` is what is left to tell of a study that is no more.
    """

    id: int
    kind: str
    target: str
    subject: str
    verdict_id: int
    created_at: datetime
    attempt: int
    erased: Mapping[str, Any] | None = None


def back_off(attempts: int, delivering: Delivering, drawn: float) -> timedelta:
    """How long to wait after so many failed attempts; `drawn` of [0, 1) spreads what would come back all at once."""
    longest = min(delivering.back_off_s * 2.0 ** min(attempts - 1, 40), delivering.longest_back_off_s)
    return timedelta(seconds=longest * (0.75 + 0.5 * drawn))


def is_due(session: Session, kind: str, target: str, now: datetime) -> bool:
    """Whether a look at the outbox is worth a transaction that writes."""
    return session.scalar(select(OutboxRow.id).where(_due(kind, target, now)).limit(1)) is not None


def take(session: Session, kind: str, target: str, now: datetime, delivering: Delivering) -> Taken | None:
    """Leases the message of a receiver that is due first; None where none is, or others hold all of them."""
    row = session.scalar(
        select(OutboxRow)
        .where(_due(kind, target, now))
        .order_by(OutboxRow.next_at, OutboxRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.state, row.attempts = SENDING, row.attempts + 1
    row.next_at = now + timedelta(seconds=delivering.lease_s)
    verdict_id, erased = int(row.body["verdict"]), row.body.get("erased")
    return Taken(row.id, row.kind, row.target, row.subject, verdict_id, row.created_at, row.attempts, erased)


def sent(session: Session, taken: Taken, now: datetime) -> None:
    """Notes that a message arrived, whoever has its lease by now."""
    row = session.get(OutboxRow, taken.id, with_for_update=True, populate_existing=True)
    if row is not None and row.state != SENT:
        row.state, row.sent_at, row.last_error = SENT, now, ""


def failed(
    session: Session,
    taken: Taken,
    reason: str,
    now: datetime,
    delivering: Delivering,
    drawn: float,
    *,
    ever: bool = True,
) -> bool:
    """Puts a message back, to be tried later, or among the dead; whether it will be tried again.

    `ever` is False for what no further attempt can mend. Nothing changes where another sender has the lease.
    """
    row = session.get(OutboxRow, taken.id, with_for_update=True, populate_existing=True)
    if row is None or row.state != SENDING or row.attempts != taken.attempt:
        return True
    row.last_error = reason[:REASON_LENGTH]
    again = now + back_off(row.attempts, delivering, drawn)
    too_late = now - row.created_at >= timedelta(days=delivering.days)
    if not ever or too_late or row.attempts >= delivering.attempts:
        row.state = DEAD
        detail = {"kind": row.kind, "receiver": row.target, "attempts": row.attempts, "reason": row.last_error}
        audit.append(session, "service", "message given up", f"outbox:{row.id}", detail, at=now)
        return False
    row.state, row.next_at = WAITING, again
    return True


def resend(session: Session, ids: Sequence[int], actor: str, now: datetime) -> None:
    """Lets messages that were given up be tried again, as if they were new; InputError where one of them was not."""
    for id_ in ids:
        row = session.get(OutboxRow, id_, with_for_update=True, populate_existing=True)
        if row is None or row.state != DEAD:
            raise InputError(f"message {id_}: is not among those given up; look at the list again")
        row.state, row.attempts, row.next_at, row.created_at = WAITING, 0, now, now
        detail = {"kind": row.kind, "receiver": row.target}
        audit.append(session, actor, "message sent again", f"outbox:{row.id}", detail, at=now)


def cancel_unknown(session: Session, known: Sequence[tuple[str, str]], now: datetime) -> int:
    """Gives up what waits for a receiver that the configuration names no more; how many messages that were."""
    pairs = session.execute(select(OutboxRow.kind, OutboxRow.target).where(OutboxRow.state != SENT).distinct()).all()
    given_up = 0
    for kind, target in pairs:
        if (kind, target) in known:
            continue
        done = session.execute(
            update(OutboxRow)
            .where(OutboxRow.kind == kind, OutboxRow.target == target, OutboxRow.state.in_((WAITING, SENDING)))
            .values(state=DEAD, last_error="the configuration names no such receiver")
            .returning(OutboxRow.id)
        ).all()
        given_up += len(done)
    if given_up:
        audit.append(session, "service", "messages given up", "outbox:unknown", {"number": given_up}, at=now)
    return given_up


def messages(session: Session, state: str, most: int) -> Sequence[OutboxRow]:
    """Messages in a state, oldest first."""
    return session.scalars(select(OutboxRow).where(OutboxRow.state == state).order_by(OutboxRow.id).limit(most)).all()


def _due(kind: str, target: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        OutboxRow.state.in_((WAITING, SENDING)),
        OutboxRow.next_at <= now,
        OutboxRow.kind == kind,
        OutboxRow.target == target,
    )
