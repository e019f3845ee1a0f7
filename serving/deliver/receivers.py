"""Who is told of verdicts: the section `receivers` of the configuration, and the secrets that belong to each of them."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from configs.strict import Strict
from qc_models.vocabulary import Verdict
from serving.addresses import AeTitle, Port, Url
from serving.outcome import Delivery

WEBHOOK, SR, KO, FHIR = "webhook", "sr", "ko", "fhir"
Document = Literal["sr", "ko"]


class Webhook(Strict):
    """JSON by HTTP; TOUCHSTONE_RECEIVER_<NAME>_KEY holds the key that signs it."""

    url: Url


class PeerTls(Strict):
    """Files in PEM: who signed the peer's certificate, and our own certificate where the peer asks for one."""

    authority: str
    certificate: str = ""
    key: str = ""


class DicomPeer(Strict):
    """A PACS that takes documents by C-STORE."""

    host: str = Field(min_length=1)
    port: Port = 104
    title: AeTitle
    calling: AeTitle = "TOUCHSTONE"
    tls: PeerTls | None = None
    documents: tuple[Document, ...] = Field(default=("sr", "ko"), min_length=1)


class DicomWeb(Strict):
    """A PACS that takes documents by STOW-RS at `url`/studies."""

    url: Url
    documents: tuple[Document, ...] = Field(default=("sr", "ko"), min_length=1)


class Fhir(Strict):
    """A FHIR R4 server, at its base URL; `patient_systems` are the URIs by which it knows issuers of patient ids."""

    url: Url
    patient_systems: dict[str, str] = Field(default_factory=dict)


class Receiver(Strict):
    """Somebody who is told, and of what: of which hospitals' studies (none: all) and verdicts; first looks by webhook alone.

    A bearer token for its HTTP addresses stands in TOUCHSTONE_RECEIVER_<NAME>_TOKEN.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    hospitals: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = Field(default=("pass", "review", "reject"), min_length=1)
    first_looks: bool = False
    webhook: Webhook | None = None
    dicom: DicomPeer | None = None
    dicomweb: DicomWeb | None = None
    fhir: Fhir | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> "Receiver":
        if not self.kinds:
            raise ValueError("has no address; write webhook, dicom, dicomweb or fhir")
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("takes one document by dicom and by dicomweb; divide `documents` between them")
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of messages that it takes."""
        return (
            *((WEBHOOK,) if self.webhook is not None else ()),
            *(self.dicom.documents if self.dicom is not None else ()),
            *(self.dicomweb.documents if self.dicomweb is not None else ()),
            *((FHIR,) if self.fhir is not None else ()),
        )

    def secret(self, what: Literal["KEY", "TOKEN"], secrets: Mapping[str, str]) -> str:
        """A secret of this receiver, of the environment's TOUCHSTONE_… variables; empty where there is none."""
        return secrets.get(self.variable(what), "")

    def variable(self, what: Literal["KEY", "TOKEN"]) -> str:
        """The name of the variable that holds a secret of this receiver."""
        return f"TOUCHSTONE_RECEIVER_{self.name.upper().replace('-', '_')}_{what}"


def deliveries_of(receivers: Sequence[Receiver]) -> tuple[Delivery, ...]:
    """What is put in the outbox for each verdict: a message of each kind that a receiver takes.

    A document of the quality issue (KO) names rejected images, so that only a rejection makes one.
    """
    return tuple(
        Delivery(
            kind,
            receiver.name,
            hospitals=frozenset(receiver.hospitals),
            verdicts=frozenset(receiver.verdicts) & ({"reject"} if kind == KO else {"pass", "review", "reject"}),
            first_looks=receiver.first_looks and kind == WEBHOOK,
        )
        for receiver in receivers
        for kind in receiver.kinds
    )
