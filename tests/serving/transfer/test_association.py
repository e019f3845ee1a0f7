"""One object at a time is taken of an association, however its messages come, and none is lost or answered twice."""

import struct
import threading
import time
from collections.abc import Callable
from typing import cast

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from serving.intake import Limits
from serving.transfer.dimse import Receiver
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service
from tests.serving.transfer.raw_association import CT, connection_of, data_set, fragment, store_request

Connect = Callable[..., Association]
# where it makes no difference which database it is
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def answers_to(association: Association, sent: bytes, count: int) -> list[C_STORE]:
    """Writes bytes below an association, and waits for so many answers."""
    association._reactor_checkpoint.clear()
    connection_of(association).sendall(sent)
    answers = [association.dimse.get_msg(block=True)[1] for _ in range(count)]
    association._reactor_checkpoint.set()
    assert all(isinstance(answer, C_STORE) for answer in answers), "the association was aborted"
    return [cast(C_STORE, answer) for answer in answers]


@on_sqlite
def test_objects_that_are_sent_without_waiting_are_taken_in_turn(
    service: Service, receive: Receiver, connect: Connect
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    sent = [store_request(association, object_bytes(InstanceNumber=number)) for number in range(9)]
    assert [answer.Status for answer in answers_to(association, b"".join(sent), 9)] == [0x0000] * 9
    assert sorted(row.instance_number or 0 for row in service.instances) == list(range(9))


@on_sqlite
def test_an_object_that_waits_for_its_turn_does_not_end_its_association(
    make_service: Callable[..., Service], connect: Connect
) -> None:
    service = make_service(dimse={"timeout_s": 1})
    receiver = Receiver(service.opened)
    try:
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        association.network_timeout = 60
        places, count = service.opened.intake._places, Limits().at_once
        for _ in range(count):
            places.acquire()
        threading.Timer(1.5, places.release, (count,)).start()
        for number in (1, 2):
            (answer,) = answers_to(association, store_request(association, object_bytes(InstanceNumber=number)), 1)
            assert answer.Status == 0x0000
        association.release()
        assert association.is_released
    finally:
        receiver.close()


@on_sqlite
def test_a_request_in_two_fragments_is_taken_too(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    content = object_bytes(InstanceNumber=7)
    sent = store_request(association, content)
    end = 6 + struct.unpack_from(">I", sent, 2)[0]  # of the PDU with the command, which begins behind two heads
    pieces = (fragment(association, 1, sent[12:50]), fragment(association, 3, sent[50:end]), sent[end:])
    (answer,) = answers_to(association, b"".join(pieces), 1)
    assert answer.Status == 0x0000
    assert [data_set(service.content(row)) for row in service.instances] == [data_set(content)]


@on_sqlite
def test_an_object_in_a_context_that_was_not_agreed_on_ends_the_association(
    service: Service, receive: Receiver, connect: Connect
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    sent = bytearray(store_request(association, object_bytes()))
    at = 0
    while at < len(sent):  # each PDU holds one fragment, whose context stands behind two lengths
        sent[at + 10] = 77
        at += 6 + struct.unpack_from(">I", sent, at + 2)[0]
    connection_of(association).sendall(sent)
    while not association.is_aborted:
        threading.Event().wait(0.01)
    assert service.instances == []


@on_sqlite
def test_a_part_in_another_context_than_its_request_ends_the_association(
    service: Service, receive: Receiver, connect: Connect
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    sent = bytearray(store_request(association, object_bytes()))
    sent[6 + struct.unpack_from(">L", sent, 2)[0] + 10] = 77  # of the second PDU, the first of the data set
    connection_of(association).sendall(sent)
    while not association.is_aborted:
        threading.Event().wait(0.01)
    assert service.instances == []


@on_sqlite
@pytest.mark.parametrize("data_pdus", [0, 1])
def test_a_device_that_falls_silent_between_two_pdus_is_let_go(
    make_service: Callable[..., Service], connect: Connect, data_pdus: int
) -> None:
    receiver = Receiver(make_service(dimse={"timeout_s": 1}).opened)
    try:
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        sent = store_request(association, object_bytes(PixelData=bytes(65536)))
        end = 0
        for _ in range(1 + data_pdus):
            end += 6 + struct.unpack_from(">L", sent, end + 2)[0]
        assert end < len(sent)
        connection_of(association).sendall(sent[:end])
        until = time.monotonic() + 20
        while receiver._server.active_associations and time.monotonic() < until:
            time.sleep(0.01)
        assert receiver._server.active_associations == []
    finally:
        receiver.close()


def _without(command: bytes, element: int) -> bytes:
    """A command PDU without one element; the lengths before it are those that are left."""
    head, at, kept = command[:12], 12, b""
    while at < len(command):
        number, length = struct.unpack_from("<HI", command, at + 2)
        kept += command[at : at + 8 + length] if number != element else b""
        at += 8 + length
    kept = kept[:8] + struct.pack("<I", len(kept) - 12) + kept[12:]
    return struct.pack(">BBLL", 4, 0, len(kept) + 6, len(kept) + 2) + head[10:12] + kept


@on_sqlite
def test_a_request_without_priority_is_taken_and_one_without_an_object_is_refused_in_words(
    service: Service, receive: Receiver, connect: Connect
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    sent = store_request(association, object_bytes(InstanceNumber=3))
    end = 6 + struct.unpack_from(">L", sent, 2)[0]
    (answer,) = answers_to(association, _without(sent[:end], 0x0700) + sent[end:], 1)
    assert answer.Status == 0x0000
    without_data = sent[:end].replace(struct.pack("<HHIH", 0, 0x0800, 2, 1), struct.pack("<HHIH", 0, 0x0800, 2, 0x0101))
    assert without_data != sent[:end]
    (answer,) = answers_to(association, without_data, 1)
    assert (answer.Status, answer.ErrorComment) == (0xC001, "the request to store cannot be read")
    assert [row.instance_number for row in service.instances] == [3]


@on_sqlite
def test_many_who_stop_in_the_middle_keep_nobody_waiting(
    make_service: Callable[..., Service], connect: Connect
) -> None:
    receiver = Receiver(make_service().opened)
    try:
        stopped = [connect(receiver, (CT, [ExplicitVRLittleEndian])) for _ in range(Limits().at_once)]
        for number, one in enumerate(stopped):
            connection_of(one).sendall(store_request(one, object_bytes(InstanceNumber=number))[:-100])
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        (answer,) = answers_to(association, store_request(association, object_bytes(InstanceNumber=9)), 1)
        assert answer.Status == 0x0000
        for one in (association, *stopped):
            one.abort()
    finally:
        receiver.close()
