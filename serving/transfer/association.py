"""Associations of DICOM devices, bounded in every way that a device may abuse: connections, time, sizes, messages not yet answered.

pynetdicom speaks the protocol; here it learns to doubt the other side, and not to wait for small packets (TCP_NODELAY).
"""

import os
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import N_EVENT_REPORT, DimsePrimitiveType
from pynetdicom.dsutils import encode
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContextTuple
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from serving.transfer.quick_store import StoreRequest, command_pdu, fragments, store_request, store_response
from serving.transfer.spool import Spool

PDU_LENGTH = 1 << 17  # that we ask for; longer ones come from association requests alone
LONGEST_PDU = 1 << 20
LARGEST_COMMAND = 1 << 16
LARGEST_OTHER = 16 << 20  # data set of a message that is no C-STORE
MOST_WAITING = 2  # messages sent before the one before them was answered: nobody negotiated more than one
SLOWEST_PER_S = 4096  # bytes, from a sender that is still at work
_LOOK_EVERY_S = 0.1  # for what no queue tells, such as a time that is over
_IDLE_S = 0.001
P_DATA_TF, TRANSFERRING = 0x04, "Sta6"
_HEAD = Struct(">BBL")  # of a PDU: type, nothing, length
_COMMAND, _LAST = 1, 2  # bits of a message control header (PS3.8 E.2)
STRANGERS = 16  # connections beyond the associations that are allowed, to be told that there are too many

# Keeps the object of a C-STORE that a device of this AE title sent, and says its status and ErrorComment.
Store = Callable[[str, PresentationContextTuple, StoreRequest, Spool], tuple[int, str]]

log = structlog.get_logger(__name__)


class Server(ThreadedAssociationServer):
    """Listens; several processes may listen at one port side by side, and no device keeps the others waiting."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any, store: Store, largest: int, spool: Path, **options: Any) -> None:
        self.store = store
        self.largest = largest
        self.spool = spool
        super().__init__(*arguments, **options, request_handler=Handler)  # type: ignore[misc]
        self.ae._servers.append(self)  # which `shutdown` takes it out of

    def server_bind(self) -> None:
        """Binds the port."""
        assert self.socket is not None
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepts a connection; what its sender has to do for TLS waits until it has a thread of its own."""
        assert self.socket is not None
        connection, address = self.socket.accept()
        connection.settimeout(self.ae.network_timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is place for one more thread."""
        return len(self.active_associations) < self.ae.maximum_associations + STRANGERS

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Begins an association."""
        if isinstance(request, ssl.SSLSocket):
            try:
                request.do_handshake()
            except OSError as error:  # what it says of the other side's certificate is not quoted
                log.warning("no TLS with a device", reason=type(error).__name__)
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says that a connection came to nothing."""
        log.exception("connection failed", exc_info=False)


class Handler(RequestHandler):
    """Makes associations of our kind."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        server, dul = self.server, association.dul
        assert isinstance(server, Server)
        assert isinstance(self.request, socket.socket)
        association.dimse = messages = Messages(association, server.store, server.largest, server.spool)
        dul.socket = None  # and the event by which the first one announced the connection
        dul.event_queue.get_nowait()
        connection = PatientSocket(association, client_socket=self.request)
        association.set_socket(connection)
        # Both threads of an association sleep between looks. Ours wait for what they look at, and are woken by it.
        dul._run_loop_delay = 0
        is_idle = dul.idle_timer_expired
        dul.idle_timer_expired = lambda: not messages.is_keeping and is_idle()  # type: ignore[method-assign]
        dul.to_provider_queue = _Waking(connection.wake)
        dul.to_user_queue = _Waking(messages.wake)
        dul._read_pdu_data = _Reader(association, connection, messages).read  # type: ignore[method-assign]
        return association


class _Reader:
    """Reads what comes: data straight into the messages of an association, everything else as pynetdicom does."""

    def __init__(self, association: Association, connection: "PatientSocket", messages: "Messages") -> None:
        self._dul = association.dul
        self._connection = connection
        self._messages = messages
        self._otherwise = association.dul._read_pdu_data

    def read(self) -> None:
        """Reads one PDU, and those behind it that belong to the same object while there is nothing to be sent."""
        self._read()
        while (
            self._messages.is_storing
            and self._dul.to_provider_queue.empty()
            and self._dul.event_queue.empty()
            and self._connection.ready
        ):
            self._read()

    def _read(self) -> None:
        try:
            head = self._connection.recv(_HEAD.size)
            if len(head) < _HEAD.size or head[0] != P_DATA_TF or self._dul.state_machine.current_state != TRANSFERRING:
                self._connection.give_back(head)
                self._otherwise()
                return
            _, _, length = _HEAD.unpack(head)
            body = self._connection.recv(length)
        except OSError:
            body, length = bytearray(), 1
        if len(body) < length:
            self._dul.event_queue.put("Evt17")  # the connection is closed
        else:
            self._messages.receive_data(body)


class _Waking(queue.Queue[Any]):
    """A queue that tells somebody of what is put into it."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Adds an item."""
        super().put(item, block, timeout)
        self._tell()


class PatientSocket(AssociationSocket):
    """A connection that is read in large pieces, up to a length, and for so long."""

    def __init__(self, association: Association, client_socket: socket.socket) -> None:
        super().__init__(association, client_socket)
        self._given_back = bytearray()
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(client_socket, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    def __del__(self) -> None:
        os.close(self._woken)

    def _shutdown_socket(self) -> None:
        """Closes the connection, also where the other side was faster."""
        if self.socket is not None:
            self.hang_up()
            self.socket.close()
        if self.assoc.requestor.primitive is None:  # whoever waits for its request need wait no more
            self.assoc.dul.to_user_queue.put(None)

    def hang_up(self) -> None:
        """Ends the connection; whoever reads from it hears of that."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)

    def wake(self) -> None:
        """Ends the wait for the other side: there is something to be sent to it."""
        os.eventfd_write(self._woken, 1)

    @property
    def ready(self) -> bool:
        """Whether there is something to be read, once there is, or something else is to do."""
        connection = self.socket
        if connection is None or not self._is_connected:
            time.sleep(_IDLE_S)
            return False
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        wait_s = _LOOK_EVERY_S if self.event_queue.empty() else 0
        ready = [descriptor for descriptor, _ in self._poll.poll(1000 * wait_s)]
        if self._woken in ready:
            os.eventfd_read(self._woken)
        return any(descriptor != self._woken for descriptor in ready)

    def give_back(self, received: bytearray) -> None:
        """Has the next `recv`, which must ask for as many, return these bytes."""
        self._given_back = received

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly so many bytes, fewer where the other side went away; OSError where they are too many or take too long."""
        if self._given_back:
            given_back, self._given_back = self._given_back, bytearray()
            return given_back
        if nr_bytes > LONGEST_PDU:
            raise OSError("a PDU is too long")
        if self.assoc.dimse.msg_queue.qsize() > MOST_WAITING:
            raise OSError("messages come before others were answered")
        assert self.socket is not None
        timeout = self.assoc.network_timeout
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        received = bytearray(nr_bytes)
        view, at = memoryview(received), 0
        while at < nr_bytes:
            count = self.socket.recv_into(view[at:])
            if not count:
                break
            at += count
            if time.monotonic() > until:
                raise TimeoutError
        view.release()
        del received[at:]
        return received


class Messages(DIMSEServiceProvider):
    """Messages of an association: objects go to a spool, whatever else is said stays small, and nothing takes for ever."""

    def __init__(self, association: Association, store: Store, largest: int, spool: Path) -> None:
        super().__init__(association)
        self._store = store
        self._largest = largest
        self._spool = spool
        self._began = 0.0
        self._received = 0
        self._waits = False
        self._command = bytearray()  # that is not complete
        self._storing: tuple[int, StoreRequest, Spool] | None = None  # whose data set is coming, or is being kept
        self.is_keeping = False  # an object that is whole: the other side waits for us
        self._sending = threading.Lock()
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way in, and nothing waits for an answer."""
        nothing_comes = self.message is None and self._storing is None and not self._command
        return self._waits and nothing_comes and self.msg_queue.empty()

    @property
    def is_storing(self) -> bool:
        """Whether an object is on its way in, and has no answer yet."""
        return self._storing is not None

    def receive_data(self, body: bytearray) -> None:
        """Takes what one PDU holds."""
        try:
            for context_id, control, data in fragments(body):
                self._receive(context_id, control, data)
        except Exception as error:  # whatever a device can send
            log.warning("message not understood", reason=type(error).__name__)
            self._storing = None
            self.dul.event_queue.put("Evt19")  # an invalid PDU: the state machine aborts

    def _receive(self, context_id: int, control: int, data: memoryview) -> None:
        """Takes a fragment: those of a C-STORE go to its spool, others are pynetdicom's, with their command in one piece."""
        if self._storing is not None:
            if control & _COMMAND or context_id != self._storing[0]:
                raise ValueError("a command, or a part of something else, stands within a data set")
            self._add(self._storing, data, bool(control & _LAST))
        elif control & _COMMAND:
            if not self._command:
                self._began, self._received = time.monotonic(), 0
            self._command += data
            if len(self._command) > LARGEST_COMMAND or not self._in_time:
                raise ValueError("a command is too long, or takes too long")
            if control & _LAST:
                command, self._command = bytes(self._command), bytearray()
                self._begin(context_id, command)
        else:
            self._pass_on(context_id, control, bytes(data))

    def _begin(self, context_id: int, command: bytes) -> None:
        request = store_request(command)
        if request is None or self.message is not None:
            self._pass_on(context_id, _COMMAND | _LAST, command)
        else:
            self._storing = context_id, request, Spool(self._largest, self._spool)
            self._began, self._received = time.monotonic(), 0

    def _pass_on(self, context_id: int, control: int, data: bytes) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((context_id, bytes([control]) + data))
        self.receive_primitive(primitive)

    def _add(self, storing: tuple[int, StoreRequest, Spool], data: memoryview, is_last: bool) -> None:
        """Adds to the object that comes."""
        storing[2].write(data)
        self._received += len(data)
        self.dul._idle_timer.restart()
        if is_last:
            self._keep(*storing)
            self._storing = None
        elif not self._in_time:
            raise TimeoutError

    def _keep(self, context_id: int, request: StoreRequest, spool: Spool) -> None:
        """Has an object kept, and answers, all in the thread that read it: the next one waits on the other side meanwhile."""
        context = self.assoc._accepted_cx[context_id].as_tuple
        self.is_keeping = True
        response = store_response(request, *self._store(self.assoc.requestor.ae_title, context, request, spool))
        with self._sending:
            if self.dul.to_provider_queue.empty():
                assert self.dul.socket is not None
                self.dul.socket.send(command_pdu(context_id, response))
            else:  # behind a message that is being sent
                answer = P_DATA()
                answer.presentation_data_value_list.append((context_id, bytes([_COMMAND | _LAST]) + response))
                self.dul.send_pdu(answer)
        self.dul._idle_timer.restart()
        self.is_keeping = False

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Takes a piece of a message; what nobody can make sense of, or what is too long or too slow, ends the association."""
        if self.message is None:
            self._began, self._received = time.monotonic(), 0
        self._received += sum(len(data) for _, data in primitive.presentation_data_value_list)
        try:
            super().receive_primitive(primitive)
            sound = self.message is None or self._bounded(self.message)
        except Exception as error:  # whatever a device can send
            log.warning("message not understood", reason=type(error).__name__)
            sound = False
        if not sound:
            self.dul.event_queue.put("Evt19")  # an invalid PDU: the state machine aborts

    def _bounded(self, message: DIMSEMessage) -> bool:
        """Whether a message that is not complete may go on."""
        data = message.data_set
        if data is not None and data.tell() > LARGEST_OTHER:
            return False
        if message.encoded_command_set.tell() > LARGEST_COMMAND:
            return False
        return self._in_time

    @property
    def _in_time(self) -> bool:
        """Whether a message does not take too long."""
        patience = (self.assoc.network_timeout or 0) + self._received / SLOWEST_PER_S
        return time.monotonic() - self._began < patience

    def wake(self) -> None:
        """Ends the wait for the next message: something else came from the other side."""
        self.msg_queue.put((None, None))

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Sends a message, whole, from any thread."""
        with self._sending:
            super().send_msg(primitive, context_id)

    def get_msg(self, block: bool = False) -> Any:
        """The next message, None where none comes soon; an answer to a report of ours goes to whoever waits for it."""
        self._waits = True
        try:
            context_id, message = self.msg_queue.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return None, None
        finally:
            self._waits = False
        if isinstance(message, N_EVENT_REPORT) and message.MessageIDBeingRespondedTo is not None:
            self._answers.put(message.Status or 0)
            return None, None
        return context_id, message

    def report(self, event_type: int, information: Dataset, class_uid: UID, instance_uid: UID) -> int | None:
        """Sends an N-EVENT-REPORT to the device whose association this is; its status, None where no answer came in time."""
        context = next((one for one in self.assoc.accepted_contexts if one.abstract_syntax == class_uid), None)
        if context is None or context.context_id is None:
            return None
        syntax = context.transfer_syntax[0]
        content = encode(information, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        request = N_EVENT_REPORT()
        request.MessageID = 1
        request.AffectedSOPClassUID = class_uid
        request.AffectedSOPInstanceUID = instance_uid
        request.EventTypeID = event_type
        request.EventInformation = BytesIO(content or b"")
        self.send_msg(request, context.context_id)
        until = time.monotonic() + (self.assoc.network_timeout or 0)
        while self.assoc.is_established and time.monotonic() < until:
            with suppress(queue.Empty):
                return self._answers.get(timeout=1)
        return None
