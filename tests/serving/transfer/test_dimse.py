"""Real devices connect, and whatever they send is kept in the bytes that they sent, or refused with a status and a reason."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from structlog.testing import capture_logs

from qc_models.dicom.header import NotDicomError, read_header
from qc_models.errors import ConfigError, ServiceError
from serving.archive import FolderArchive
from serving.intake import Intake, Limits
from serving.service_config import Tls
from serving.transfer.dimse import Receiver, _comment, server_tls
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service
from tests.serving.transfer.raw_association import (
    CT,
    connection_of,
    data_set,
    echo_request,
    fragment,
    pdu,
    send_all,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
VERIFICATION = "1.2.840.10008.1.1"
REJECTED_PERMANENTLY, REJECTED_NOW = 1, 2
NODELAY = {"TCP_NODELAY": "1"}  # else dcmtk waits for small packets
# how storescu is told to propose a transfer syntax
DCMTK_OPTIONS = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.5": "-xr",
}
Connect = Callable[..., Association]
# where it makes no difference which database it is
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# pydicom warns of what devices send; the service does not listen to it
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}:UserWarning") for text in ("Invalid value for VR", "The value length")
]


def send(association: Association, content: bytes, **request: Any) -> tuple[int, str]:
    """Sends the data set of a file as it is, and says what was answered; `request` differs from what the file says."""
    header = read_header(content)
    message = C_STORE()
    message.MessageID = 1
    message.AffectedSOPClassUID = UID(request.get("sop_class") or header.text("SOPClassUID") or "1.2.3")
    message.AffectedSOPInstanceUID = UID(request.get("sop_instance") or header.text("SOPInstanceUID") or "1.2.3")
    message.Priority = request.get("priority", 2)
    message.DataSet = BytesIO(data_set(content))
    syntax = header.transfer_syntax_uid or ImplicitVRLittleEndian
    contexts = {(one.abstract_syntax, one.transfer_syntax[0]): one for one in association.accepted_contexts}
    context = contexts.get((message.AffectedSOPClassUID, UID(syntax)), association.accepted_contexts[0])
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(message, cast(int, context.context_id))
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert isinstance(answer, C_STORE), "the association was aborted"
    return cast(int, answer.Status), answer.ErrorComment or ""


@on_sqlite
def test_echo_is_answered(receive: Receiver, connect: Connect) -> None:
    association = connect(receive, (VERIFICATION, [ImplicitVRLittleEndian]))
    assert association.send_c_echo().Status == 0x0000


def test_an_object_is_kept_in_the_bytes_that_were_sent(service: Service, receive: Receiver, connect: Connect) -> None:
    content = object_bytes(InstanceNumber=7)
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    assert send(association, content, priority=1) == (0x0000, "")
    (row,) = service.instances
    kept = service.content(row)
    assert data_set(kept) == data_set(content)
    meta = dcmread(BytesIO(kept)).file_meta
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert meta.MediaStorageSOPClassUID == CT
    assert meta.MediaStorageSOPInstanceUID == row.sop_instance_uid
    assert (row.came_by, row.sender, row.instance_number) == ("dimse", "CITY_CT", 7)
    assert [study.urgent for study in service.studies] == [True]


def test_again_is_the_same_and_each_hospital_has_its_own(service: Service, receive: Receiver, connect: Connect) -> None:
    content = object_bytes()
    for title in ("CITY_CT", "CITY_CT", "COUNTY_CT"):
        assert send(connect(receive, (CT, [ExplicitVRLittleEndian]), title=title), content) == (0x0000, "")
    assert [row.conflicting for row in service.instances] == [False, False]
    assert [study.hospital_id for study in service.studies] == ["city", "county"]


@on_sqlite
@pytest.mark.parametrize(("title", "called"), [("STRANGER", "TOUCHSTONE"), ("CITY_CT", "ANOTHER")])
def test_who_is_not_known_or_means_another_is_rejected(
    receive: Receiver, connect: Connect, title: str, called: str
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]), title=title, called=called)
    assert association.is_rejected
    assert association.acceptor.primitive is not None
    assert association.acceptor.primitive.result == REJECTED_PERMANENTLY


@on_sqlite
def test_there_are_so_many_associations_and_no_more(make_service: Callable[..., Service], connect: Connect) -> None:
    receiver = Receiver(make_service(dimse={"associations": 2}).opened)
    try:
        context = (VERIFICATION, [ImplicitVRLittleEndian])
        first, second, third = (connect(receiver, context) for _ in range(3))
        assert (first.is_established, second.is_established, third.is_rejected) == (True, True, True)
        assert third.acceptor.primitive is not None
        assert third.acceptor.primitive.result == REJECTED_NOW
        first.release()
        while len(receiver._server.active_associations) > 1:
            pass
        assert connect(receiver, context).is_established
    finally:
        second.abort()
        receiver.close()


def test_what_is_refused_names_its_reason_and_no_patient(service: Service, receive: Receiver, connect: Connect) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    nameless = object_bytes(StudyInstanceUID=None, PatientName="SECRET^NAME", PatientID="SECRET-ID")
    with capture_logs() as logs:
        answers = [
            send(association, nameless),
            send(association, object_bytes(PatientName="SECRET^NAME")[:-100]),
            send(association, object_bytes(), sop_instance="1.2.3"),
            send(association, object_bytes(), sop_class=MR),
            send(association, object_bytes(), sop_instance="../../../../etc/passwd"),
            send(association, object_bytes(), sop_instance="1." * 33),
        ]
    assert answers == [
        (0xC002, "the object has no StudyInstanceUID; send the original object"),
        (0xC001, answers[1][1]),
        (0xA900, "SOPInstanceUID of the object is another one than the request"),
        (0x0122, "the SOP class is not the one negotiated for this context"),
        (0xC001, "SOP class, SOP instance or transfer syntax of the request is no"),
        (0xC001, "SOP class, SOP instance or transfer syntax of the request is no"),
    ]
    assert "cut short" in answers[1][1]
    assert "SECRET" not in repr((answers, logs))
    assert service.instances == []
    assert len(service.quarantined) == 2
    assert send(association, object_bytes()) == (0x0000, "")  # and it goes on


@on_sqlite
def test_an_object_of_another_class_than_was_said_is_kept_with_a_warning(
    service: Service, receive: Receiver, connect: Connect
) -> None:
    association = connect(receive, (MR, [ExplicitVRLittleEndian]))
    status, comment = send(association, object_bytes(), sop_class=MR)
    assert (status, comment) == (0xB007, "stored; its data set names another SOP class than the request")
    assert [row.sop_class_uid for row in service.instances] == [CT]


@on_sqlite
def test_a_full_disk_is_told(service: Service, connect: Connect) -> None:
    opened = service.opened
    full = FolderArchive(opened.config.archive_folder, reserve=1 << 60)
    object.__setattr__(opened, "intake", Intake(opened.database, full, Limits()))
    receiver = Receiver(opened)
    try:
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        status, comment = send(association, object_bytes())
        assert status == 0xA701
        assert comment.startswith("the archive is full")
    finally:
        association.release()
        receiver.close()


@on_sqlite
def test_what_is_too_large_is_refused_and_the_association_goes_on(
    make_service: Callable[..., Service], connect: Connect
) -> None:
    service = make_service(intake={"largest_mib": 1})
    receiver = Receiver(service.opened)
    try:
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        large = object_bytes(Rows=1024, Columns=1024, pixels=np.zeros((1024, 1024)))
        assert send(association, large) == (0xA704, "the object is larger than 1 MiB, the most taken here")
        assert send(association, object_bytes()) == (0x0000, "")
        association.release()
    finally:
        receiver.close()
    assert len(service.instances) == 1


@on_sqlite
def test_a_large_object_is_kept_whole(service: Service, receive: Receiver, connect: Connect) -> None:
    content = object_bytes(Rows=2048, Columns=1536, pixels=np.arange(2048 * 1536).reshape(2048, 1536))  # 6 MiB
    assert send(connect(receive, (CT, [ExplicitVRLittleEndian])), content) == (0x0000, "")
    (row,) = service.instances
    assert data_set(service.content(row)) == data_set(content)


@on_sqlite
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(pdu(1, 0xFFFFFFF0, b"x" * 1000), id="an association request of 4 GB"),
        pytest.param(pdu(4, 100, b"x" * 100), id="data before an association"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="another protocol"),
        pytest.param(pdu(1, 500, b"x" * 20), id="a request that never ends"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_connection_that_makes_no_sense_ends(
    make_service: Callable[..., Service], connect: Connect, sent: bytes
) -> None:
    receiver = Receiver(make_service(dimse={"timeout_s": 1}).opened)
    try:
        with socket.create_connection(receiver.address, timeout=30) as connection:
            connection.sendall(sent)
            with suppress(ConnectionResetError):
                while connection.recv(1000):  # at most an abort
                    pass
        association = connect(receiver, (VERIFICATION, [ImplicitVRLittleEndian]))
        assert association.send_c_echo().Status == 0x0000
        association.release()
    finally:
        receiver.close()


@on_sqlite
@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(lambda association: fragment(association, 1, bytes(1 << 16)), id="of a command that never ends"),
        pytest.param(lambda association: fragment(association, 0, bytes(1 << 19)), id="of data without a command"),
        pytest.param(lambda association: echo_request(association), id="before others were answered"),
        pytest.param(lambda association: pdu(4, 0xFFFFFFF0, bytes(1000)), id="of 4 GB"),
    ],
)
def test_a_device_that_sends_without_end_is_cut_off(
    receive: Receiver, connect: Connect, piece: Callable[[Association], bytes]
) -> None:
    association = connect(receive, (CT, [ExplicitVRLittleEndian]))
    connection, sent = connection_of(association), piece(association)
    with pytest.raises(OSError, match=r"."):
        send_all(connection, [sent] * 5000)


@on_sqlite
def test_a_message_that_comes_too_slowly_is_cut_off(make_service: Callable[..., Service], connect: Connect) -> None:
    receiver = Receiver(make_service(dimse={"timeout_s": 1}).opened)
    try:
        association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
        connection, sent = connection_of(association), fragment(association, 1, b"\0")
        with pytest.raises(OSError, match=r"."):
            send_all(connection, [sent] * 200, pause_s=0.1)
    finally:
        receiver.close()


@on_sqlite
@pytest.mark.parametrize("folder", ["codecs", "oddities"])
def test_every_real_file_is_kept_as_it_was_or_refused_with_a_reason(
    shared_data: Path, service: Service, receive: Receiver, connect: Connect, folder: str
) -> None:
    contents = {path.name: path.read_bytes() for path in sorted((shared_data / folder).iterdir())}
    contexts = {}
    for name, content in list(contents.items()):
        try:
            header = read_header(content)
        except NotDicomError:  # there is nothing to be sent
            del contents[name]
            continue
        syntax = header.transfer_syntax_uid or ImplicitVRLittleEndian
        contexts[header.text("SOPClassUID") or "1.2.3", syntax] = None
    association = connect(receive, *((sop_class, [syntax]) for sop_class, syntax in contexts))
    sent, refused = set(), {}
    for name, content in contents.items():
        status, comment = send(association, content)
        if status == 0x0000:
            sent.add((read_header(content).text("SOPInstanceUID"), data_set(content)))
        else:
            refused[name] = (status, comment)
    kept = {(row.sop_instance_uid, data_set(service.content(row))) for row in service.instances}
    assert kept == sent
    assert all(status in (0xC001, 0xC002) and comment for status, comment in refused.values()), refused
    assert len(sent) >= {"codecs": 68, "oddities": 20}[folder], refused


@on_sqlite
def test_tls_asks_for_a_certificate_and_nobody_keeps_others_waiting(
    make_service: Callable[..., Service], connect: Connect, certificates: Path
) -> None:
    names = {"certificate": "service.pem", "key": "service.key", "authority": "ca.pem"}
    tls = {name: str(certificates / file) for name, file in names.items()}
    receiver = Receiver(make_service(dimse={"timeout_s": 5, "tls": tls}).opened)
    try:
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        echo = (VERIFICATION, [ImplicitVRLittleEndian])
        with socket.create_connection(receiver.address):  # says nothing
            assert not connect(receiver, echo, tls_args=(context, "127.0.0.1")).is_established  # shows no certificate
            context.load_cert_chain(certificates / "device.pem", certificates / "device.key")
            association = connect(receiver, echo, tls_args=(context, "127.0.0.1"))
            assert association.send_c_echo().Status == 0x0000
            association.release()
            assert not connect(receiver, echo).is_established  # speaks no TLS
    finally:
        receiver.close()


def test_a_wrong_certificate_file_is_told() -> None:
    with pytest.raises(ConfigError, match="certificate, key or authority cannot be used"):
        server_tls(Tls(certificate="absent.pem", key="absent.key"))


@on_sqlite
def test_a_port_that_is_taken_is_told(make_service: Callable[..., Service]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = make_service(dimse={"port": taken.getsockname()[1]})
        with pytest.raises(ServiceError, match="cannot be listened at"):
            Receiver(service.opened)


def test_a_comment_holds_whole_words_and_no_more_than_64_characters() -> None:
    assert _comment("x" * 70) == "x" * 64
    assert _comment("w " * 40) == ("w " * 32).strip()
    assert _comment("\u8bf7 send again\n") == "? send again"


@on_sqlite
def test_what_is_answered_before_the_end_is_kept_after_it(service: Service, connect: Connect) -> None:
    receiver = Receiver(service.opened)
    association = connect(receiver, (CT, [ExplicitVRLittleEndian]))
    assert send(association, object_bytes()) == (0x0000, "")
    receiver.close()
    assert len(service.instances) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(receiver.address)


@on_sqlite
def test_who_connects_and_says_nothing_takes_no_place_and_does_not_delay_the_end(
    make_service: Callable[..., Service], connect: Connect
) -> None:
    receiver = Receiver(make_service(dimse={"timeout_s": 600, "associations": 1}).opened)
    for _ in range(20):  # as whatever looks whether the port is open
        socket.create_connection(receiver.address).close()
    for _ in range(200):
        association = connect(receiver, (VERIFICATION, [ImplicitVRLittleEndian]))
        if association.is_established:
            break
        threading.Event().wait(0.05)
    assert association.send_c_echo().Status == 0x0000
    with socket.create_connection(receiver.address):
        receiver.close()
