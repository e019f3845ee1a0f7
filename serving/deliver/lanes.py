"""Lanes out of the outbox: one for each kind of message to each receiver, so that one who is away holds up nobody else."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import structlog

from qc_models.errors import QcError
from qc_models.policy import Policy
from serving.database.sessions import Database
from serving.deliver import outbox
from serving.deliver.http_sending import ReceiverAwayError, RefusedError
from serving.deliver.told_verdict import ToldVerdict, told_verdict
from serving.jobs import reason_of
from serving.observing import metrics, tracing

log = structlog.get_logger(__name__)


class Channel(Protocol):
    """A way to tell one receiver."""

    def send(self, taken: outbox.Taken, told: ToldVerdict, now: datetime) -> None:
        """Tells it; returns once it has kept what it was told. ReceiverAwayError or RefusedError where it did not."""


@runtime_checkable
class TellsErasure(Protocol):
    """A way that can tell of a study that is no more."""

    def send_erased(self, taken: outbox.Taken, erased: Mapping[str, Any], now: datetime) -> None:
        """Tells that nobody may rely on it any more; raises as `send` does."""


class Lane:
    """Sends the messages of one kind to one receiver, one after the other; pauses while the receiver is away."""

    def __init__(
        self,
        kind: str,
        target: str,
        channel: Channel,
        database: Database,
        delivering: outbox.Delivering,
        policy: Policy,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.kind = kind
        self.target = target
        self._channel = channel
        self._database = database
        self._delivering = delivering
        self._policy = policy
        self._draw = draw
        self._away = 0  # attempts in a row that found nobody
        self._paused_until: datetime | None = None

    def step(self) -> bool:
        """Sends what is due first; whether it arrived. False also while the receiver is left alone."""
        now = self._database.now()
        if self._paused_until is not None and now < self._paused_until:
            return False
        with self._database.reading() as session:
            if not outbox.is_due(session, self.kind, self.target, now):
                return False
        with self._database.writing() as session:
            taken = outbox.take(session, self.kind, self.target, now, self._delivering)
        if taken is None:
            return False
        bound = log.bind(message=taken.id, kind=self.kind, receiver=self.target, attempt=taken.attempt)
        try:
            with self._database.reading() as session:
                told = told_verdict(session, taken.verdict_id, self._policy)
            if told is not None:
                self._channel.send(taken, told, self._database.now())
            elif taken.erased is not None and isinstance(self._channel, TellsErasure):
                self._channel.send_erased(taken, taken.erased, self._database.now())
            else:
                raise RefusedError("the study was purged, and its verdict with it", ever=False)
        except Exception as error:
            self._put_back(taken, error, bound)
            return not isinstance(error, ReceiverAwayError)
        with self._database.writing() as session:
            outbox.sent(session, taken, self._database.now())
        self._away, self._paused_until = 0, None
        metrics.DELIVERIES.labels(self.kind, self.target, "sent").inc()
        if told is not None:
            said: tracing.Attributes = {"kind": self.kind, "receiver": self.target, "attempt": taken.attempt}
            tracing.delivered(told.study.id, told.verdict.generation, now, self._database.now(), said)
        bound.info("message sent")
        return True

    def _put_back(self, taken: outbox.Taken, error: Exception, bound: structlog.typing.FilteringBoundLogger) -> None:
        now = self._database.now()
        if isinstance(error, ReceiverAwayError):
            self._away += 1
            self._paused_until = now + outbox.back_off(self._away, self._delivering, self._draw())
        ever = error.ever if isinstance(error, RefusedError) else True
        reason = reason_of(error)
        with self._database.writing() as session:
            again = outbox.failed(session, taken, reason, now, self._delivering, self._draw(), ever=ever)
        metrics.DELIVERIES.labels(self.kind, self.target, "retried" if again else "dead").inc()
        if isinstance(error, QcError):
            bound.warning("message not sent", reason=reason, again=again)
        else:
            bound.error("message not sent", reason=reason, again=again)
