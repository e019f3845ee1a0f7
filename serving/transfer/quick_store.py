"""The short way of C-STORE: its request and its answer are a handful of elements, which a few lines read and write at once.

pynetdicom makes several data sets of pydicom of every message, which takes longer than to keep an object. What is no plain C-STORE
goes its way.
"""

from collections.abc import Iterator
from struct import Struct, error, unpack_from

from pynetdicom.dimse_primitives import C_STORE

STORE_REQUEST, STORE_RESPONSE = 0x0001, 0x8001
_NO_DATA_SET = 0x0101
_ELEMENT, _NUMBER = Struct("<HHI"), Struct("<H")
_CLASS, _FIELD, _ID, _ANSWERED_ID, _PRIORITY = 0x0002, 0x0100, 0x0110, 0x0120, 0x0700
_HAS_DATA_SET, _STATUS, _COMMENT, _INSTANCE = 0x0800, 0x0900, 0x0902, 0x1000
_KNOWN = frozenset((0, _CLASS, _FIELD, _ID, _PRIORITY, _HAS_DATA_SET, _INSTANCE))


def store_request(command: bytes) -> C_STORE | None:
    """The request that an encoded command set is, without its data set; None for another one, or one that says more."""
    try:
        values = dict(_elements(command))
        if not values.keys() <= _KNOWN or _number(values[_FIELD]) != STORE_REQUEST:
            return None
        if _number(values[_HAS_DATA_SET]) == _NO_DATA_SET:
            return None
        request = C_STORE()
        request.AffectedSOPClassUID = _uid(values[_CLASS])
        request.AffectedSOPInstanceUID = _uid(values[_INSTANCE])
        request.MessageID = _number(values[_ID])
        request.Priority = _number(values[_PRIORITY])
    except (error, KeyError, ValueError, TypeError):
        return None
    return request


def store_response(response: C_STORE) -> bytes:
    """The encoded command set of an answer."""
    elements = [
        (_CLASS, _even(str(response.AffectedSOPClassUID or "").encode(), b"\0")),
        (_FIELD, _NUMBER.pack(STORE_RESPONSE)),
        (_ANSWERED_ID, _NUMBER.pack(response.MessageIDBeingRespondedTo or 0)),
        (_HAS_DATA_SET, _NUMBER.pack(_NO_DATA_SET)),
        (_STATUS, _NUMBER.pack(response.Status or 0)),
    ]
    if response.ErrorComment:
        elements.append((_COMMENT, _even(str(response.ErrorComment).encode("ascii", "replace"), b" ")))
    elements.append((_INSTANCE, _even(str(response.AffectedSOPInstanceUID or "").encode(), b"\0")))
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in elements)
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


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
