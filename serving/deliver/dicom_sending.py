"""Sends a DICOM document to a PACS, by C-STORE or by STOW-RS; what the PACS has already, it takes again."""

import ssl
from collections.abc import Callable
from datetime import datetime
from io import BytesIO

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from qc_models.errors import ConfigError
from serving.archive import Archive
from serving.deliver.http_sending import HttpSender, ReceiverAwayError, RefusedError
from serving.deliver.outbox import Taken
from serving.deliver.receivers import DicomPeer, PeerTls
from serving.deliver.told_verdict import ToldVerdict

Make = Callable[[ToldVerdict, Archive], Dataset]
_BOUNDARY = b"touchstone-document"
_STORED = (200,)  # 202: stored in part, so not what was sent
_FULL = range(0xA700, 0xA800)  # PS3.4 B.2.3: out of resources


class StoreChannel:
    """Sends documents by C-STORE, each in an association of its own."""

    def __init__(self, peer: DicomPeer, make: Make, archive: Archive, timeout_s: float) -> None:
        self._peer = peer
        self._make = make
        self._archive = archive
        self._timeout_s = timeout_s
        self._tls = _client_tls(peer.tls) if peer.tls is not None else None

    def send(self, taken: Taken, told: ToldVerdict, now: datetime) -> None:
        """Sends the document of a verdict."""
        document = self._make(told, self._archive)
        association = self._associated(document)
        try:
            answer = association.send_c_store(document)
        except (ValueError, RuntimeError) as error:
            raise RefusedError(f"the receiver takes no such document ({type(error).__name__})") from error
        finally:
            if association.is_established:
                association.release()
        if "Status" not in answer:
            raise ReceiverAwayError("the connection ended before the receiver said that it has the document")
        if answer.Status in _FULL:
            raise ReceiverAwayError(f"the receiver has no room (status {answer.Status:04X})")
        if answer.Status != 0 and not 0xB000 <= answer.Status < 0xC000:  # a warning: it is stored
            raise RefusedError(f"the receiver does not take the document (status {answer.Status:04X})")

    def _associated(self, document: Dataset) -> Association:
        ae = AE(self._peer.calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = self._timeout_s
        ae.add_requested_context(document.SOPClassUID, [document.file_meta.TransferSyntaxUID])
        peer = self._peer
        tls = (self._tls, peer.host) if self._tls is not None else None
        association = ae.associate(peer.host, peer.port, ae_title=peer.title, tls_args=tls)
        if association.is_established:
            return association
        if association.is_rejected:
            raise RefusedError("the receiver does not know us; see the AE titles")
        if association.acceptor.primitive is not None:  # it answered, and takes no such document
            raise RefusedError("the receiver takes no documents of this kind")
        raise ReceiverAwayError("the receiver cannot be reached, or ended the connection")


class StowChannel:
    """Sends documents by STOW-RS."""

    def __init__(self, sender: HttpSender, make: Make, archive: Archive) -> None:
        self._sender = sender
        self._make = make
        self._archive = archive

    def send(self, taken: Taken, told: ToldVerdict, now: datetime) -> None:
        """Sends the document of a verdict."""
        stream = BytesIO()
        self._make(told, self._archive).save_as(stream, enforce_file_format=True)
        head = b"--" + _BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
        headers = {
            "content-type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY.decode()}',
            "accept": "application/dicom+json",
        }
        self._sender.post(head + stream.getvalue() + b"\r\n--" + _BOUNDARY + b"--\r\n", headers, _STORED)


def _client_tls(tls: PeerTls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.authority)
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key or None)
    except OSError as error:
        raise ConfigError(
            f"receivers: the files of tls cannot be used ({error.strerror or type(error).__name__})"
        ) from error
    return context
