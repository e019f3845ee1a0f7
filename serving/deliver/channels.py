"""The lanes out of the outbox that a configuration describes, each with its channel: the address, the secrets, the form."""

import logging

from qc_models.errors import ConfigError
from serving.deliver.dicom_sending import Make, StoreChannel, StowChannel
from serving.deliver.fhir_bundle import FhirChannel
from serving.deliver.http_sending import HttpSender
from serving.deliver.lanes import Channel, Lane
from serving.deliver.outbox import cancel_unknown
from serving.deliver.quality_issue import quality_issue
from serving.deliver.quality_report import quality_report
from serving.deliver.receivers import FHIR, KO, SR, WEBHOOK, Receiver
from serving.deliver.verdict_token import VerdictTokens
from serving.deliver.webhook import WebhookChannel, keys_of
from serving.opened_service import OpenedService
from serving.service_policy import policy_at

_DOCUMENTS: dict[str, Make] = {SR: quality_report, KO: quality_issue}


def make_lanes(service: OpenedService) -> list[Lane]:
    """A lane for each kind of message to each receiver; what waits for one that is named no more is given up.

    ConfigError where a secret is missing or an address is not to be used.
    """
    for library in ("pynetdicom", "pydicom", "highdicom"):  # they quote what was sent
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    policy = policy_at(service.config.policy)
    lanes = [
        Lane(kind, receiver.name, _channel(service, receiver, kind), service.database, service.config.outbox, policy)
        for receiver in service.config.receivers
        for kind in receiver.kinds
    ]
    with service.database.writing() as session:
        cancel_unknown(session, [(lane.kind, lane.target) for lane in lanes], service.database.now())
    return lanes


def _channel(service: OpenedService, receiver: Receiver, kind: str) -> Channel:
    config, secrets = service.config, service.secrets.others
    timeout_s = config.outbox.timeout_s

    def sender(url: str) -> HttpSender:
        if config.mode == "production" and not url.startswith("https:"):
            raise ConfigError(f"receivers: {receiver.name} must be reached by https in production")
        return HttpSender(url, timeout_s, receiver.secret("TOKEN", secrets))

    if kind == WEBHOOK and receiver.webhook is not None:
        keys = keys_of(receiver.secret("KEY", secrets), receiver.variable("KEY"))
        return WebhookChannel(sender(receiver.webhook.url), keys, config.web.url, VerdictTokens(service))
    if kind == FHIR and receiver.fhir is not None:
        return FhirChannel(sender(receiver.fhir.url), receiver.fhir, config.web.url)
    if kind in _DOCUMENTS:
        make = _DOCUMENTS[kind]
        if receiver.dicom is not None and kind in receiver.dicom.documents:
            return StoreChannel(receiver.dicom, make, service.archive, timeout_s)
        if receiver.dicomweb is not None:
            return StowChannel(sender(f"{receiver.dicomweb.url.rstrip('/')}/studies"), make, service.archive)
    raise ConfigError(f"receivers: {receiver.name} has no address for {kind}")
