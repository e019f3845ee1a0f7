"""Storage commitment: a device asks whether what it sent is kept, and is told for each object, on its association or on a new one.

A question is a row of the outbox before it is acknowledged, so that its answer outlives any process. Whoever answers takes the
row for a while first; of several receivers one answers, and an answer that was not taken is given again later.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from ssl import SSLContext
from typing import cast

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION
from pynetdicom.events import Event
from sqlalchemy import select

from qc_models.errors import ServiceError
from serving.archive import Archive, Stored
from serving.database.sessions import Database
from serving.database.tables import InstanceRow, OutboxRow, StudyRow
from serving.jobs import reason_of
from serving.service_config import Peer, ServiceConfig
from serving.transfer.association import Messages

STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
_INSTANCE = UID("1.2.840.10008.1.20.1.1")  # the one there is
_CLASS = UID(STORAGE_COMMITMENT)
KIND = "commitment"
_REQUEST, _ALL_KEPT, _SOME_FAILED = 1, 1, 2  # action and event types
_UID = re.compile(r"[0-9.]{1,64}")
SUCCESS, NO_SUCH_ACTION, INVALID_ARGUMENT, PROCESSING_FAILURE = 0x0000, 0x0123, 0x0115, 0x0110
NO_SUCH_OBJECT, OTHER_CLASS = 0x0112, 0x0119  # failure reasons (PS3.3 C.14.1.1)
MOST_OBJECTS = 20_000
_LOOKED_UP_AT_ONCE = 500
_TAKEN_FOR = timedelta(seconds=120)
_OWN_TURN = timedelta(seconds=15)  # in which nobody else answers what a receiver was just asked
_LOOK_EVERY_S = 5.0
_ATTEMPTS = 12
_BACK_OFF_S = 15

log = structlog.get_logger(__name__)

Reference = tuple[str, str]  # SOP class and instance


@dataclass(frozen=True, slots=True)
class _Question:
    """A row of the outbox in the hands of this process."""

    id: int
    title: str
    transaction_uid: str
    references: Sequence[Reference]
    attempts: int


class Commitments:
    """Takes questions from associations and answers them from a thread of its own."""

    def __init__(
        self, database: Database, archive: Archive, config: ServiceConfig, tls: SSLContext | None = None
    ) -> None:
        self._database = database
        self._archive = archive
        self._config = config
        self._tls = tls
        self._peers = {peer.title: peer for hospital in config.hospitals for peer in hospital.peers}
        self._open: dict[int, Association] = {}  # on which a question was asked, by its row
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="commitment", daemon=True)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def asked(self, event: Event) -> tuple[int, None]:
        """Takes a question (N-ACTION); the answer follows as an event report."""
        title = event.assoc.requestor.ae_title
        if cast(N_ACTION, event.request).ActionTypeID != _REQUEST:
            return NO_SUCH_ACTION, None
        try:
            transaction_uid, references = _parsed(event.action_information)
        except Exception as error:  # whatever a device can send
            log.info("commitment not understood", sender=title, reason=type(error).__name__)
            return INVALID_ARGUMENT, None
        try:
            row_id = self._keep(title, transaction_uid, references)
        except ServiceError as error:
            log.warning("commitment not taken", sender=title, reason=str(error))
            return PROCESSING_FAILURE, None
        self._open[row_id] = event.assoc
        self._wake.set()
        return SUCCESS, None

    def close(self) -> None:
        """Ends the thread; what is not answered yet is answered by whoever runs next."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _keep(self, title: str, transaction_uid: str, references: Sequence[Reference]) -> int:
        """Writes the question down; the same transaction asked again is answered again."""
        now = self._database.now()
        subject = f"transaction:{transaction_uid}"
        with self._database.writing() as session:
            row = session.scalar(
                select(OutboxRow)
                .where(OutboxRow.kind == KIND, OutboxRow.target == title, OutboxRow.subject == subject)
                .with_for_update()
            )
            if row is None:
                row = OutboxRow(kind=KIND, target=title, subject=subject, created_at=now)
                session.add(row)
            row.body = {"transaction": transaction_uid, "references": [list(reference) for reference in references]}
            row.state, row.attempts, row.next_at = "waiting", 0, now + _OWN_TURN
            session.flush()
            return row.id

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(_LOOK_EVERY_S)
            self._wake.clear()
            try:
                for row_id in [*self._open, *self._due()]:
                    if not self._closed:
                        self._answer(row_id)
            except ServiceError as error:
                log.warning("commitments wait", reason=str(error))
            except Exception as error:  # the thread goes on
                log.exception("commitment not answered", reason=reason_of(error), exc_info=False)

    def _due(self) -> list[int]:
        with self._database.reading() as session:
            waiting = select(OutboxRow.id).where(OutboxRow.kind == KIND, OutboxRow.state == "waiting")
            return list(session.scalars(waiting.where(OutboxRow.next_at <= self._database.now()).limit(100)))

    def _answer(self, row_id: int) -> None:
        association = self._open.pop(row_id, None)
        question = self._taken(row_id, own=association is not None)
        if question is None:
            return
        kept, failed = self._looked_up(question)
        information = _information(question.transaction_uid, kept, failed)
        event_type = _SOME_FAILED if failed else _ALL_KEPT
        answered = association is not None and _on(association, event_type, information)
        peer = self._peers.get(question.title)
        if not answered and peer is not None and peer.host:
            answered = self._on_new(peer, event_type, information)
        self._note(question, answered, can_be_reached=peer is not None and bool(peer.host))

    def _taken(self, row_id: int, *, own: bool) -> _Question | None:
        """Takes a question that is due, or was just asked here; the others leave it alone for a while."""
        now = self._database.now()
        with self._database.writing() as session:
            row = session.get(OutboxRow, row_id, with_for_update=True, populate_existing=True)
            if row is None or row.state != "waiting" or not (own or row.next_at <= now):
                return None
            row.next_at, row.attempts = now + _TAKEN_FOR, row.attempts + 1
            references = [(sop_class, sop_instance) for sop_class, sop_instance in row.body["references"]]
            return _Question(row.id, row.target, row.body["transaction"], references, row.attempts)

    def _looked_up(self, question: _Question) -> tuple[list[Reference], list[tuple[Reference, int]]]:
        """Which objects are recorded for the hospital of the device and lie in the archive; of the others, why not."""
        hospital_id = self._config.hospital_of(question.title) or ""
        here: dict[str, list[tuple[str, Stored]]] = {}
        uids = sorted({uid for _, uid in question.references})
        for at in range(0, len(uids), _LOOKED_UP_AT_ONCE):
            query = (
                select(InstanceRow)
                .join(StudyRow)
                .where(
                    StudyRow.hospital_id == hospital_id,
                    InstanceRow.sop_instance_uid.in_(uids[at : at + _LOOKED_UP_AT_ONCE]),
                )
            )
            with self._database.reading() as session:
                for row in session.scalars(query):
                    stored = Stored(row.archive_key, row.digest, row.size_bytes)
                    here.setdefault(row.sop_instance_uid, []).append((row.sop_class_uid, stored))
        kept: list[Reference] = []
        failed: list[tuple[Reference, int]] = []
        for sop_class, uid in question.references:
            found = [stored for known_class, stored in here.get(uid, ()) if known_class == sop_class]
            if any(self._archive.holds(stored) for stored in found):
                kept.append((sop_class, uid))
            else:
                failed.append(((sop_class, uid), OTHER_CLASS if uid in here and not found else NO_SUCH_OBJECT))
        return kept, failed

    def _on_new(self, peer: Peer, event_type: int, information: Dataset) -> bool:
        """Answers on an association of ours; whether the device took it."""
        section = self._config.dimse
        ae = AE(section.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = section.timeout_s
        ae.add_requested_context(_CLASS)
        association = ae.associate(
            peer.host,
            peer.port,
            ae_title=peer.title,
            ext_neg=[build_role(_CLASS, scp_role=True)],
            tls_args=(self._tls, peer.host) if self._tls is not None else None,
        )
        if not association.is_established:
            return False
        try:
            status, _ = association.send_n_event_report(information, event_type, _CLASS, _INSTANCE)
            return "Status" in status and status.Status == SUCCESS
        except ValueError:  # the device takes no commitment on this association
            return False
        finally:
            association.release()

    def _note(self, question: _Question, answered: bool, *, can_be_reached: bool) -> None:
        now = self._database.now()
        with self._database.writing() as session:
            row = session.get_one(OutboxRow, question.id, with_for_update=True, populate_existing=True)
            if answered:
                row.state, row.sent_at, row.last_error = "sent", now, ""
                return
            row.last_error = "the device did not take the answer" if can_be_reached else "the device has no address"
            if not can_be_reached or question.attempts >= _ATTEMPTS:
                row.state = "dead"
            row.next_at = now + timedelta(seconds=_BACK_OFF_S * 2**question.attempts)
        log.warning("commitment not answered", sender=question.title, reason=row.last_error, again=row.state != "dead")


def _on(association: Association, event_type: int, information: Dataset) -> bool:
    """Answers on the association that the question came by; whether the device took it."""
    messages = association.dimse
    if not association.is_established or not isinstance(messages, Messages):
        return False
    return messages.report(event_type, information, _CLASS, _INSTANCE) == SUCCESS


def _parsed(information: Dataset) -> tuple[str, list[Reference]]:
    """The transaction and the objects that a question names; ValueError where it is none."""
    items = information.ReferencedSOPSequence
    if not 0 < len(items) <= MOST_OBJECTS:
        raise ValueError("no objects, or too many")
    references = [(str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)) for item in items]
    for uid in (str(information.TransactionUID), *chain.from_iterable(references)):
        if not _UID.fullmatch(uid):
            raise ValueError("no UID")
    return str(information.TransactionUID), references


def _information(transaction_uid: str, kept: Sequence[Reference], failed: Sequence[tuple[Reference, int]]) -> Dataset:
    """The event information of an answer (PS3.4 table J.3-2)."""
    information = Dataset()
    information.TransactionUID = transaction_uid
    if kept:
        information.ReferencedSOPSequence = [_item(reference) for reference in kept]
    if failed:
        information.FailedSOPSequence = [_item(reference) for reference, _ in failed]
        for item, (_, reason) in zip(information.FailedSOPSequence, failed, strict=True):
            item.FailureReason = reason
    return information


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference
    return item
