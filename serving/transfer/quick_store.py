"""The short way of C-STORE: its request and its answer are a handful of elements, which a few lines read and write at once.

pynetdicom makes several data sets of pydicom of every message, which takes longer than to keep an object.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct, error, unpack_from

STORE_REQUEST, STORE_RESPONSE = 0x0001, 0x8001
_NO_DATA_SET = 0x0101
_MEDIUM = 0
_ELEMENT, _NUMBER = Struct("<HHI"), Struct("<H")
_CLASS, _FIELD, _ID, _ANSWERED_ID, _PRIORITY = 0x0002, 0x0100, 0x0110, 0x0120, 0x0700
_HAS_DATA_SET, _STATUS, _COMMENT, _INSTANCE = 0x0800, 0x0900, 0x0902, 0x1000
_PDU, _P_DATA_TF = Struct(">BxLLBB"), 0x04
_LAST_OF_COMMAND = 0x03  # message control header (PS3.8 E.2)


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a C-STORE request says beside its data set."""

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    priority: int


def store_request(command: bytes) -> StoreRequest | None:
    """The request that an encoded command set is; None for another one, or one without a data set."""
    try:
        values = dict(_elements(command))
        if _number(values[_FIELD]) != STORE_REQUEST:
            return None
        if _number(values[_HAS_DATA_SET]) == _NO_DATA_SET:
            return None
        priority = _number(values[_PRIORITY]) if _PRIORITY in values else _MEDIUM  # required, and some leave it out
        return StoreRequest(_number(values[_ID]), _uid(values[_CLASS]), _uid(values[_INSTANCE]), priority)
    except (error, KeyError, ValueError, TypeError):
        return None


def store_response(request: StoreRequest, status: int, comment: str) -> bytes:
    """The encoded command set of an answer."""
    elements = [
        (_CLASS, _even(request.sop_class_uid.encode(), b"\0")),
        (_FIELD, _NUMBER.pack(STORE_RESPONSE)),
        (_ANSWERED_ID, _NUMBER.pack(request.message_id)),
        (_HAS_DATA_SET, _NUMBER.pack(_NO_DATA_SET)),
        (_STATUS, _NUMBER.pack(status)),
    ]
    if comment:
        elements.append((_COMMENT, _even(comment.encode("ascii", "replace"), b" ")))
    elements.append((_INSTANCE, _even(request.sop_instance_uid.encode(), b"\0")))
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in elements)
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def command_pdu(context_id: int, command: bytes) -> bytes:
    """The P-DATA-TF PDU of a whole command set (PS3.8 9.3.5)."""
    length = len(command) + 2
    return _PDU.pack(_P_DATA_TF, length + 4, length, context_id, _LAST_OF_COMMAND) + command


def fragments(body: bytearray) -> Iterator[tuple[int, int, memoryview]]:
    """Context, message control header and data of each fragment of a P-DATA-TF PDU (PS3.8 9.3.5); ValueError where it is broken."""
    view, at = memoryview(body), 0
    while at < len(body):
        if at + 6 > len(body):
            raise ValueError("a fragment is cut short")
        length, context, control = unpack_from(">IBB", body, at)
        if length < 2 or at + 4 + length > len(body):
            raise ValueError("a fragment is longer than its PDU")
        yield context, control, view[at + 6 : at + 4 + length]
        at += 4 + length


def _elements(command: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(command):
        group, element, length = _ELEMENT.unpack_from(command, at)
        at += _ELEMENT.size + length
        if group or at > len(command):
            raise ValueError("it is no command set")
        yield element, command[at - length : at]


def _number(value: bytes) -> int:
    (number,) = _NUMBER.unpack(value)
    return int(number)


def _uid(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("ascii")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding * (len(value) % 2)
