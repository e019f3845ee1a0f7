"""Sends files as devices and gateways do, by C-STORE and by STOW-RS, in the bytes that stand in them: for trials of a service.

Whoever sends for real does so from elsewhere; reports of ours go out by `serving/deliver`.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydicom.dataset import Dataset
from pynetdicom import AE, _config
from pynetdicom.association import Association

from qc_models.dicom.header import Header, read_header
from qc_models.errors import InputError, ServiceError

SUCCESS = 0x0000
_UNKNOWN = 0x0110  # the other side's mistake
_WARNINGS = 0xB000  # and above it to BFFF: stored all the same
_FAILURE_REASON, _COMMENT = "00081197", "00000902"
_SOP_INSTANCE, _REFERENCED, _FAILED, _OTHERS = "00081155", "00081199", "00081198", "0008119A"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said of a file; `code` is the status or the failure reason, 0 where it took it."""

    path: Path
    code: int
    reason: str = ""

    @property
    def taken(self) -> bool:
        """Whether the object was acknowledged."""
        return self.code == SUCCESS or self.code >> 12 == _WARNINGS >> 12


class Device:
    """A device that stores files over one association; ServiceError where it gets none, or loses it."""

    def __init__(self, title: str, host: str, port: int, called: str, files: Sequence[Path]) -> None:
        _config.STORE_SEND_CHUNKED_DATASET = True  # a file's bytes, as they stand in it
        ae = AE(title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 60
        for sop_class, syntax in sorted({_context(path) for path in files}):
            ae.add_requested_context(sop_class, syntax)
        self._association: Association = ae.associate(host, port, ae_title=called, max_pdu=0)
        connection = self._association.dul.socket
        self._socket = connection.socket if connection is not None else None
        if not self._association.is_established or self._socket is None:
            self.close()
            raise ServiceError(f"no association with {called} at {host}:{port}; is the service there?")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def store(self, path: Path) -> Answer:
        """Stores one file and waits for its answer."""
        status = self._association.send_c_store(path) if self._association.is_established else Dataset()
        if "Status" not in status:
            raise ServiceError("the association ended before an answer came; send again")
        return Answer(path, status.Status, str(status.get("ErrorComment", "")))

    def close(self) -> None:
        """Ends the association, also one that the other side has left."""
        if self._association.is_established:
            self._association.release()
        else:
            self._association._kill = True  # `kill` may wait for ever
            self._association.dul.kill_dul()
        if self._socket is not None:  # one that the other side has closed is left open
            self._socket.close()


def store_all(title: str, host: str, port: int, called: str, files: Sequence[Path]) -> Iterator[Answer]:
    """Stores files over one association, one answer each."""
    device = Device(title, host, port, called, files)
    try:
        for path in files:
            yield device.store(path)
    finally:
        device.close()


def stow(client: httpx.Client, files: Sequence[Path]) -> list[Answer]:
    """Sends files in one request of a client that shows a key; ServiceError where there is no answer that names them."""
    boundary = "touchstone-part"
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()

    def body() -> Iterator[bytes]:
        for path in files:
            yield head
            yield path.read_bytes()
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()

    headers = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'}
    try:
        response = client.post("/dicom-web/studies", content=body(), headers=headers)
        content: dict[str, Any] = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ServiceError(f"no answer to a STOW-RS request ({type(error).__name__}); send again") from error
    if _REFERENCED not in content and _FAILED not in content and _OTHERS not in content:
        raise ServiceError(f"STOW-RS: {response.status_code} {content.get('detail', '')}")
    taken = {_value(item, _SOP_INSTANCE) for item in _items(content, _REFERENCED)}
    failed = {_value(item, _SOP_INSTANCE): item for item in _items(content, _FAILED)}
    others = iter(_items(content, _OTHERS))
    answers = []
    for path in files:
        uid = _header(path).text("SOPInstanceUID") or ""
        if uid in taken:
            answers.append(Answer(path, SUCCESS))
        else:
            item = failed.get(uid) or next(others, {})
            answers.append(Answer(path, int(_value(item, _FAILURE_REASON) or _UNKNOWN), _value(item, _COMMENT)))
    return answers


def _items(content: dict[str, Any], sequence: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = content.get(sequence, {}).get("Value", [])
    return found


def _value(item: dict[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value", [])
    return str(values[0]) if values else ""


def _header(path: Path) -> Header:
    return read_header(path, path.name)


def _context(path: Path) -> tuple[str, str]:
    header = _header(path)
    sop_class, syntax = header.text("SOPClassUID"), header.transfer_syntax_uid
    if not sop_class or not syntax:
        raise InputError(f"{path.name}: does not say its SOP class and transfer syntax, without which nothing is sent")
    return sop_class, syntax
