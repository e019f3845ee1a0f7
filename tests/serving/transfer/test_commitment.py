"""A device asks whether what it sent is kept, and hears of each object, on its association or on a new one, sooner or later."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from sqlalchemy import select

from serving.database.sessions import utc_now
from serving.database.tables import OutboxRow
from serving.transfer.commitment import STORAGE_COMMITMENT, Commitments
from serving.transfer.dimse import Receiver
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service, free_port

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
ALL_KEPT, SOME_FAILED = 1, 2
NO_SUCH_OBJECT, OTHER_CLASS = 0x0112, 0x0119
INSTANCE = "1.2.840.10008.1.20.1.1"
CONTEXTS = ((STORAGE_COMMITMENT, [ImplicitVRLittleEndian]), (CT, [ExplicitVRLittleEndian]))
Connect = Callable[..., Association]


class Answers:
    """What a device hears: takes event reports, answering `status`."""

    def __init__(self) -> None:
        self.status = 0x0000
        self.heard: list[tuple[int, Dataset]] = []
        self._came = threading.Semaphore(0)

    def take(self, event: Event) -> tuple[int, None]:
        self.heard.append((event.event_type or 0, event.event_information))
        self._came.release()
        return self.status, None

    def next(self) -> tuple[int, Dataset]:
        assert self._came.acquire(timeout=60), "no answer came"
        return self.heard[-1]


@pytest.fixture
def answers() -> Answers:
    """What the device hears."""
    return Answers()


@pytest.fixture
def device(answers: Answers) -> Iterator[dict[str, Any]]:
    """A device that listens, as the configuration names it."""
    ae = AE("CITY_CT")
    ae.add_supported_context(STORAGE_COMMITMENT, scu_role=True, scp_role=True)
    port = free_port()
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, answers.take)])
    assert server is not None
    yield {"title": "CITY_CT", "host": "127.0.0.1", "port": port}
    server.shutdown()


def question(*references: tuple[str, str], transaction: str = "1.2.3.4") -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = transaction
    dataset.ReferencedSOPSequence = []
    for sop_class, sop_instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
        dataset.ReferencedSOPSequence.append(item)
    return dataset


def transaction_alone() -> Dataset:
    dataset = Dataset()
    dataset.TransactionUID = "1.2.3.4"
    return dataset


def ask(association: Association, asked: Dataset, action: int = 1) -> int:
    status, _ = association.send_n_action(asked, action, STORAGE_COMMITMENT, INSTANCE)
    code: int = status.Status
    return code


def sent(association: Association, **keywords: Any) -> str:
    """Sends one object; its SOP instance UID."""
    dataset = dcmread(BytesIO(object_bytes(**keywords)))
    assert association.send_c_store(dataset).Status == 0x0000
    uid: str = dataset.SOPInstanceUID
    return uid


def rows(service: Service) -> list[OutboxRow]:
    with service.opened.database.reading() as session:
        return list(session.scalars(select(OutboxRow)))


def settled(service: Service) -> OutboxRow:
    """The one question, once it waits no more."""
    for _ in range(600):
        (row,) = rows(service)
        if row.state != "waiting":
            return row
        threading.Event().wait(0.1)
    raise AssertionError("the question still waits")


def test_a_device_hears_on_its_association_that_all_is_kept(
    service: Service, receive: Receiver, connect: Connect, answers: Answers
) -> None:
    association = connect(receive, *CONTEXTS, evt_handlers=[(evt.EVT_N_EVENT_REPORT, answers.take)])
    uids = [sent(association, InstanceNumber=number) for number in (1, 2)]
    assert ask(association, question(*((CT, uid) for uid in uids))) == 0x0000
    event_type, information = answers.next()
    assert event_type == ALL_KEPT
    assert information.TransactionUID == "1.2.3.4"
    assert [item.ReferencedSOPInstanceUID for item in information.ReferencedSOPSequence] == uids
    assert "FailedSOPSequence" not in information
    assert settled(service).state == "sent"
    assert association.is_established


def test_of_each_object_that_is_not_kept_it_hears_why(
    service: Service, receive: Receiver, connect: Connect, answers: Answers
) -> None:
    elsewhere = sent(connect(receive, *CONTEXTS, title="COUNTY_CT"), InstanceNumber=1)
    association = connect(receive, *CONTEXTS, evt_handlers=[(evt.EVT_N_EVENT_REPORT, answers.take)])
    kept, lost = (sent(association, InstanceNumber=number) for number in (2, 3))
    (lost_row,) = [row for row in service.instances if row.sop_instance_uid == lost]
    service.opened.archive.delete(lost_row.archive_key)
    asked = question((CT, kept), (CT, lost), (CT, "1.2.3"), (MR, kept), (CT, elsewhere))
    assert ask(association, asked) == 0x0000
    event_type, information = answers.next()
    assert event_type == SOME_FAILED
    assert [item.ReferencedSOPInstanceUID for item in information.ReferencedSOPSequence] == [kept]
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in information.FailedSOPSequence] == [
        (lost, NO_SUCH_OBJECT),
        ("1.2.3", NO_SUCH_OBJECT),
        (kept, OTHER_CLASS),
        (elsewhere, NO_SUCH_OBJECT),
    ]


def test_a_device_that_went_away_is_called(
    make_service: Callable[..., Service], connect: Connect, answers: Answers, device: dict[str, Any]
) -> None:
    hospital = {"id": "city", "name": "city", "level": "tertiary_a", "peers": [device]}
    service = make_service(hospitals=[hospital])
    receiver = Receiver(service.opened)
    try:
        association = connect(receiver, *CONTEXTS)
        uid = sent(association)
        ask(association, question((CT, uid)))
        association.abort()
        event_type, information = answers.next()
        assert event_type == ALL_KEPT
        assert information.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid
        assert settled(service).state == "sent"
    finally:
        receiver.close()


def test_an_answer_that_is_not_taken_is_given_again_by_whoever_runs(
    make_service: Callable[..., Service], answers: Answers, device: dict[str, Any]
) -> None:
    hospital = {"id": "city", "name": "city", "level": "tertiary_a", "peers": [device]}
    service = make_service(hospitals=[hospital])
    opened, now = service.opened, utc_now()
    opened.database.now = lambda: now
    waiting = {"transaction": "1.2", "references": [[CT, "1.2.3"]]}
    row = OutboxRow(kind="commitment", target="CITY_CT", subject="transaction:1.2", body=waiting, state="waiting")
    row.next_at = row.created_at = now
    with opened.database.writing() as session:
        session.add(row)
    answers.status = 0x0110
    first = Commitments(opened.database, opened.archive, opened.config)
    first.start()
    first._wake.set()
    assert answers.next()[0] == SOME_FAILED
    first.close()
    (row,) = rows(service)
    assert (row.state, row.last_error) == ("waiting", "the device did not take the answer")
    assert row.next_at == now + timedelta(seconds=30)
    now += timedelta(seconds=30)
    answers.status = 0x0000
    second = Commitments(opened.database, opened.archive, opened.config)
    second.start()
    second._wake.set()
    answers.next()
    assert settled(service).attempts == 2
    second.close()


def test_a_device_that_cannot_be_reached_is_given_up(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, *CONTEXTS)
    ask(association, question((CT, "1.2.3")))
    association.abort()
    row = settled(service)
    assert row.state in ("dead", "sent")  # it may have taken the answer before it went away
    assert row.last_error in ("the device has no address", "")


@pytest.mark.parametrize(
    ("asked", "action", "status"),
    [
        (question((CT, "1.2.3")), 2, 0x0123),
        (question(), 1, 0x0115),
        (question((CT, "1.2.3"), transaction=""), 1, 0x0115),
        (transaction_alone(), 1, 0x0115),
    ],
)
def test_what_is_no_question_is_refused(
    service: Service, receive: Receiver, connect: Connect, asked: Dataset, action: int, status: int
) -> None:
    assert ask(connect(receive, *CONTEXTS), asked, action) == status
    assert rows(service) == []


def test_the_same_question_again_is_one_question(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, *CONTEXTS)
    for _ in range(2):
        assert ask(association, question((CT, "1.2.3"))) == 0x0000
    assert len(rows(service)) == 1
