"""Receives studies by DIMSE: C-ECHO, and C-STORE of every storage class and transfer syntax, in the bytes that were sent.

A device is known by its AE title, which belongs to a hospital. An object is acknowledged once the intake has it; whatever is
refused is answered with a status, and the reason in its ErrorComment. Commitment and procedure steps have files of their own.
"""

import logging
import re
import ssl
import threading
import time
from itertools import chain

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.presentation import PresentationContextTuple, build_context

from qc_models.errors import ConfigError, ServiceError
from serving.intake import Refused
from serving.jobs import reason_of
from serving.observing import metrics
from serving.opened_service import OpenedService
from serving.recording import Sender
from serving.service_config import Tls
from serving.transfer.association import PDU_LENGTH, Messages, PatientSocket, Server
from serving.transfer.commitment import STORAGE_COMMITMENT, Commitments
from serving.transfer.file_meta import file_meta
from serving.transfer.mpps import PERFORMED_STEP, PerformedSteps
from serving.transfer.quick_store import StoreRequest
from serving.transfer.refusals import PROCESSING_FAILURE, STATUSES
from serving.transfer.spool import Spool

VERIFICATION = "1.2.840.10008.1.1"
SUCCESS = 0x0000
CLASS_NOT_SUPPORTED = 0x0122
OTHER_CLASS = 0xB007  # a warning: it was stored, and is of another class than was said
COMMENT_LENGTH = 64
GRACE_S = 10.0
_UID = re.compile(r"[0-9.]{1,64}")
_HIGH_PRIORITY = 1

log = structlog.get_logger(__name__)


class Receiver:
    """Listens for the devices of the configuration, from the moment it is made."""

    def __init__(self, service: OpenedService) -> None:
        self._config = service.config
        self._intake = service.intake
        self._steps = PerformedSteps(service.database, service.config)
        self._commitments = Commitments(service.database, service.archive, service.config)
        self._server = self._listen()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="dimse", daemon=True)
        self._thread.start()
        self._commitments.start()
        metrics.OPEN_ASSOCIATIONS.set_function(lambda: len(self._server.active_associations))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._server.server_address[0], self._server.server_address[1]

    def close(self) -> None:
        """Takes no further association, and ends those that go on once each has its answer, or after some seconds."""
        self._server.shutdown()
        until = time.monotonic() + GRACE_S
        while open_ones := self._server.active_associations:
            for association in open_ones:
                messages, connection = association.dimse, association.dul.socket
                if association.requestor.primitive is None and isinstance(connection, PatientSocket):
                    connection.hang_up()  # it has not asked for anything yet
                elif time.monotonic() > until or (isinstance(messages, Messages) and messages.idle):
                    association.abort()
            time.sleep(0.05)
        self._commitments.close()

    def _listen(self) -> Server:
        _config.UNRESTRICTED_STORAGE_SERVICE = True  # whatever is no other known service is an object to be stored
        _config.LOG_HANDLER_LEVEL = "none"
        _config.VALIDATORS["UI"] = lambda _: (True, "")  # what is no UID is refused in words, not by an abort
        for library in ("pynetdicom", "pydicom"):  # they quote what was sent
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        section = self._config.dimse
        ae = AE(section.ae_title)
        ae.require_calling_aet = [peer.title for hospital in self._config.hospitals for peer in hospital.peers]
        if not ae.require_calling_aet:
            raise ConfigError("hospitals: none has peers, so that no device may connect; name their AE titles")
        ae.require_called_aet = True
        ae.maximum_associations = section.associations
        ae.maximum_pdu_size = PDU_LENGTH
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = section.timeout_s
        try:
            return Server(
                ae,
                (section.host, section.port),
                section.ae_title,
                [build_context(uid) for uid in (VERIFICATION, STORAGE_COMMITMENT, PERFORMED_STEP)],
                server_tls(section.tls) if section.tls else None,
                [
                    (evt.EVT_ACCEPTED, lambda _: metrics.ASSOCIATIONS.labels("accepted").inc()),
                    (evt.EVT_REJECTED, lambda _: metrics.ASSOCIATIONS.labels("rejected").inc()),
                    (evt.EVT_C_STORE, _not_understood),
                    (evt.EVT_N_ACTION, self._commitments.asked),
                    (evt.EVT_N_CREATE, self._steps.begun),
                    (evt.EVT_N_SET, self._steps.changed),
                ],
                store=self._store,
                largest=self._config.intake.largest_mib << 20,
                spool=self._config.state_folder,
            )
        except OSError as error:
            place = f"{section.host}:{section.port}"
            raise ServiceError(
                f"dimse: {place} cannot be listened at ({error.strerror}); choose another port"
            ) from error

    def _store(
        self, title: str, context: PresentationContextTuple, request: StoreRequest, data: Spool
    ) -> tuple[int, str]:
        """Keeps an object; status and ErrorComment of the answer."""
        try:
            return self._stored(title, context, request, data)
        except Refused as refused:
            log.info("object refused", came_by="dimse", sender=title, kind=refused.kind, reason=refused.reason)
            return STATUSES[refused.kind], _comment(refused.reason)
        except Exception as error:  # the device hears that we failed, and sends it again
            log.exception("object not taken", came_by="dimse", sender=title, reason=reason_of(error), exc_info=False)
            return PROCESSING_FAILURE, "our mistake; send it again later"
        finally:
            data.close()

    def _stored(
        self, title: str, context: PresentationContextTuple, request: StoreRequest, data: Spool
    ) -> tuple[int, str]:
        uids = (request.sop_class_uid, request.sop_instance_uid, str(context.transfer_syntax))
        if request.sop_class_uid != context.abstract_syntax:
            return CLASS_NOT_SUPPORTED, "the SOP class is not the one negotiated for this context"
        if not all(_UID.fullmatch(uid) for uid in uids):
            raise Refused("corrupt", "SOP class, SOP instance or transfer syntax of the request is no UID")
        receipt = self._intake.take(
            chain((file_meta(*uids),), data.pieces()),
            Sender(self._config.hospital_of(title) or "", "dimse", title),
            sop_instance_uid=request.sop_instance_uid,
            urgent=request.priority == _HIGH_PRIORITY,
        )
        if receipt.sop_class_uid != request.sop_class_uid:
            return OTHER_CLASS, _comment("stored; its data set names another SOP class than the request")
        return SUCCESS, ""


def _not_understood(_: evt.Event) -> Dataset:
    """The answer to a request to store that `quick_store` could not read."""
    log.info("object refused", came_by="dimse", kind="corrupt", reason="the request cannot be read")
    answer = Dataset()
    answer.Status = STATUSES["corrupt"]
    answer.ErrorComment = "the request to store cannot be read"
    return answer


def _comment(reason: str) -> str:
    """Of a reason as many whole words as an ErrorComment holds."""
    text = " ".join(reason.encode("ascii", "replace").decode().split())
    if len(text) > COMMENT_LENGTH:
        text = text[: COMMENT_LENGTH + 1].rpartition(" ")[0][:COMMENT_LENGTH] or text[:COMMENT_LENGTH]
    return text


def server_tls(tls: Tls) -> ssl.SSLContext:
    """TLS as the side that is connected to; ConfigError where a file does not serve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tls.authority)
    except OSError as error:
        raise ConfigError(
            f"tls: certificate, key or authority cannot be used ({error.strerror or type(error).__name__})"
        ) from error
    return context
