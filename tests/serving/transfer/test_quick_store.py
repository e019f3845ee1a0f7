"""The short way reads and writes what pynetdicom writes and reads, and leaves to it whatever is not as usual."""

from io import BytesIO

import pytest
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import P_DATA_TF

from serving.transfer.quick_store import StoreRequest, command_pdu, fragments, store_request, store_response

CLASS, INSTANCE = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"


def request() -> C_STORE:
    made = C_STORE()
    made.MessageID = 7
    made.AffectedSOPClassUID = CLASS
    made.AffectedSOPInstanceUID = INSTANCE
    made.Priority = 1
    made.DataSet = BytesIO(b"data")
    return made


def encoded(primitive: C_STORE | C_ECHO, message: C_STORE_RQ | C_ECHO_RQ) -> bytes:
    message.primitive_to_message(primitive)
    content = encode(message.command_set, True, True)
    assert content is not None
    return content


def test_a_request_is_read() -> None:
    assert store_request(encoded(request(), C_STORE_RQ())) == StoreRequest(7, CLASS, INSTANCE, 1)


def test_what_else_a_request_says_makes_no_difference() -> None:
    moved = request()
    moved.MoveOriginatorApplicationEntityTitle = "OTHER"
    moved.MoveOriginatorMessageID = 3
    unknown = b"\0\0\x34\x12\2\0\0\0\0\0"
    assert store_request(encoded(moved, C_STORE_RQ()) + unknown) == StoreRequest(7, CLASS, INSTANCE, 1)


def test_what_is_not_as_usual_is_left_to_others() -> None:
    echo = C_ECHO()
    echo.MessageID = 1
    empty = request()
    empty.DataSet = None
    whole = encoded(request(), C_STORE_RQ())
    assert store_request(encoded(echo, C_ECHO_RQ())) is None
    assert store_request(encoded(empty, C_STORE_RQ())) is None
    assert store_request(whole + b"\0\0\x34\x12\2\0\0\0\0") is None
    for cut in range(len(whole)):
        assert store_request(whole[:cut]) is None
    assert store_request(b"\xff" * 200) is None


@pytest.mark.parametrize("comment", ["", "the object is cut short", "odd"])
def test_an_answer_is_what_pynetdicom_would_send(comment: str) -> None:
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo = 7
    answer.AffectedSOPClassUID = CLASS
    answer.AffectedSOPInstanceUID = INSTANCE
    answer.Status = 0xC001 if comment else 0x0000
    if comment:
        answer.ErrorComment = comment
    message = C_STORE_RSP()
    message.primitive_to_message(answer)
    response = store_response(StoreRequest(7, CLASS, INSTANCE, 1), answer.Status, comment)
    assert decode(BytesIO(response), True, True) == decode(
        BytesIO(encode(message.command_set, True, True) or b""), True, True
    )


def test_the_pdu_of_an_answer_is_read_by_pynetdicom() -> None:
    read = P_DATA_TF()
    read.decode(bytearray(command_pdu(3, b"command")))
    (item,) = read.presentation_data_value_items
    assert (item.presentation_context_id, item.presentation_data_value) == (3, b"\3command")


def test_fragments_of_a_pdu() -> None:
    body = bytearray(b"\0\0\0\4\1\3ab" + b"\0\0\0\2\3\2")
    assert [(context, control, bytes(data)) for context, control, data in fragments(body)] == [
        (1, 3, b"ab"),
        (3, 2, b""),
    ]


@pytest.mark.parametrize("body", [b"\0\0\0\5\1\3ab", b"\0\0\0\1\1", b"\0\0\0", b"\xff\xff\xff\xff\1\1"])
def test_a_broken_fragment_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="a fragment"):
        list(fragments(bytearray(body)))
