"""Writes below an association what nobody should: fragments, whole requests without waiting, lengths that are none."""

import socket
import struct
import threading
from io import BytesIO
from typing import cast

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import P_DATA_TF

from qc_models.dicom.header import read_header

CT = "1.2.840.10008.5.1.4.1.1.2"


def data_set(content: bytes) -> bytes:
    """What of a file is sent: all behind the file meta information."""
    if content[128:132] != b"DICM":
        return content
    return content[144 + struct.unpack("<I", content[140:144])[0] :]


def pdu(kind: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBL", kind, 0, length) + body


def connection_of(association: Association) -> socket.socket:
    """The socket below an association, to write what nobody should."""
    assert association.dul.socket is not None
    assert association.dul.socket.socket is not None
    return association.dul.socket.socket


def fragment(association: Association, header: int, data: bytes) -> bytes:
    (context,) = association.accepted_contexts
    body = struct.pack(">LBB", len(data) + 2, cast(int, context.context_id), header) + data
    return pdu(4, len(body), body)


def store_request(association: Association, content: bytes) -> bytes:
    """A whole C-STORE request as it goes over the wire."""
    header = read_header(content)
    message, request = C_STORE(), C_STORE_RQ()
    message.MessageID, message.Priority, message.DataSet = 1, 2, BytesIO(data_set(content))
    message.AffectedSOPClassUID, message.AffectedSOPInstanceUID = UID(CT), UID(header.text("SOPInstanceUID") or "")
    request.primitive_to_message(message)
    return _encoded(association, request)


def echo_request(association: Association) -> bytes:
    """A C-ECHO request as it goes over the wire."""
    message, request = C_ECHO(), C_ECHO_RQ()
    message.MessageID, message.AffectedSOPClassUID = 1, UID("1.2.840.10008.1.1")
    request.primitive_to_message(message)
    return _encoded(association, request)


def _encoded(association: Association, request: C_STORE_RQ | C_ECHO_RQ) -> bytes:
    (context,) = association.accepted_contexts
    pieces = []
    for piece in request.encode_msg(cast(int, context.context_id), 16384):
        encoded = P_DATA_TF()
        encoded.from_primitive(piece)
        pieces.append(encoded.encode())
    return b"".join(pieces)


def send_all(connection: socket.socket, pieces: list[bytes], pause_s: float = 0.0) -> None:
    for piece in pieces:
        connection.sendall(piece)
        threading.Event().wait(pause_s)
