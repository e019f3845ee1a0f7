"""Documents reach a real PACS by C-STORE and by STOW-RS, which shows them beside the images, and again without a second one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ComprehensiveSRStorage, Verification  # type: ignore[attr-defined]

from serving.deliver.channels import make_lanes
from serving.deliver.dicom_sending import StoreChannel
from serving.deliver.document_subject import document_uids
from serving.deliver.http_sending import ReceiverAwayError, RefusedError
from serving.deliver.lanes import Channel
from serving.deliver.outbox import Taken
from serving.deliver.quality_report import quality_report
from serving.deliver.receivers import DicomPeer
from serving.deliver.told_verdict import ToldVerdict
from serving.opened_service import OpenedService
from tests.serving.deliver.conftest import Listening, Orthanc
from tests.serving.deliver.judged_studies import START, Judged, judge
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service, free_port

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def send(channel: Channel, told: ToldVerdict, kind: str = "sr") -> None:
    channel.send(Taken(1, kind, "pacs", "verdict:1", told.verdict.id, START, 1), told, START)


def channels(opened: OpenedService) -> dict[str, Channel]:
    return {lane.kind: lane._channel for lane in make_lanes(opened)}


@pytest.mark.parametrize("way", ["dicom", "dicomweb"])
def test_a_real_pacs_stores_and_shows_both(
    way: str, make_service: Callable[..., Service], clock: Clock, small_hand: Judged, orthanc: Orthanc
) -> None:
    address = {
        "dicom": {"host": "127.0.0.1", "port": orthanc.dicom_port, "title": "CITY_PACS"},
        "dicomweb": {"url": f"{orthanc.url}/dicom-web"},
    }[way]
    opened = make_service(receivers=[{"name": "pacs", way: address}]).opened
    told = judge(opened, small_hand)
    for path in small_hand.files:
        orthanc.http.post("/instances", content=path.read_bytes()).raise_for_status()
    for kind, channel in channels(opened).items():
        send(channel, told, kind)
        send(channel, told, kind)  # as after a crash

    wanted = {"Level": "Study", "Query": {"StudyInstanceUID": told.study.uid}}
    (study,) = orthanc.http.post("/tools/find", json=wanted).json()
    held = [orthanc.http.get(f"/instances/{one['ID']}/simplified-tags").json() for one in _instances(orthanc, study)]
    by_modality = {one["Modality"]: one for one in held}
    assert sorted(one["Modality"] for one in held) == ["DX", "DX", "KO", "SR"]
    assert {one["PatientID"] for one in held} == {told.study.patient_id}
    assert {one["PatientName"] for one in held} == {by_modality["DX"]["PatientName"]}
    for kind, modality in (("sr", "SR"), ("ko", "KO")):
        assert by_modality[modality]["SOPInstanceUID"] == document_uids(told, kind)[1]
        shown = orthanc.http.get(f"/dicom-web/studies/{told.study.uid}/series", params={"Modality": modality}).json()
        assert [one["0020000E"]["Value"] for one in shown] == [[document_uids(told, kind)[0]]]
    orthanc.http.delete(f"/studies/{study}").raise_for_status()


def _instances(orthanc: Orthanc, study: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orthanc.http.get(f"/studies/{study}/instances").json()
    return found


@pytest.fixture
def answering() -> Iterator[Callable[..., DicomPeer]]:
    """A function from a status to the peer that answers every document with it; None: it ends the connection instead."""
    servers: list[Any] = []

    def start(status: int | None, sop_class: str = ComprehensiveSRStorage, **needs: Any) -> DicomPeer:
        def stored(event: evt.Event) -> int:
            if status is None:
                event.assoc.abort()
            return status or 0

        ae = AE("PACS")
        ae.require_called_aet = needs.get("known", False)
        ae.add_supported_context(sop_class)
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)])
        servers.append(server)
        title = "OTHER" if needs.get("known") else "PACS"
        return DicomPeer(host="127.0.0.1", port=server.socket.getsockname()[1], title=title)

    yield start
    for server in servers:
        server.shutdown()


def one_document(_: ToldVerdict, __: object) -> Dataset:
    """A document as small as can be."""
    document = Dataset()
    document.SOPClassUID, document.SOPInstanceUID = ComprehensiveSRStorage, "1.2.3"
    document.ensure_file_meta()
    document.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    document.file_meta.MediaStorageSOPClassUID = ComprehensiveSRStorage
    document.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    return document


def store(peer: DicomPeer, service: Service) -> None:
    told = ToldVerdict.__new__(ToldVerdict)  # `one_document` asks nothing of it
    channel = StoreChannel(peer, one_document, service.opened.archive, 2)
    channel.send(Taken(1, "sr", "pacs", "verdict:1", 1, START, 1), told, START)


def test_a_warning_counts_as_stored(answering: Callable[..., DicomPeer], service: Service) -> None:
    store(answering(0x0000), service)
    store(answering(0xB000), service)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # pynetdicom leaves dead sockets to Python
def test_what_a_peer_does_not_take_is_refused_or_tried_later(
    answering: Callable[..., DicomPeer], service: Service
) -> None:
    for status in (0xA900, 0xC000, 0x0122, 0x0124):
        with pytest.raises(RefusedError, match=f"{status:04X}"):
            store(answering(status), service)
    with pytest.raises(RefusedError, match="no documents of this kind"):
        store(answering(0, Verification), service)
    with pytest.raises(RefusedError, match="AE titles"):
        store(answering(0, known=True), service)
    with pytest.raises(ReceiverAwayError, match="A700"):
        store(answering(0xA700), service)
    with pytest.raises(ReceiverAwayError, match="connection ended"):
        store(answering(None), service)
    with pytest.raises(ReceiverAwayError, match="cannot be reached"):
        store(DicomPeer(host="127.0.0.1", port=free_port(), title="PACS"), service)


def test_a_document_stored_in_part_is_not_stored(
    make_service: Callable[..., Service], clock: Clock, small_hand: Judged, listen: Callable[[], Listening]
) -> None:
    pacs = listen()
    web = {"url": pacs.url + "/", "documents": ["sr"]}
    opened = make_service(receivers=[{"name": "pacs", "dicomweb": web}]).opened
    told = judge(opened, small_hand)
    send(channels(opened)["sr"], told)
    ((path, headers, body),) = pacs.requests
    assert path == "/hook/studies"
    assert headers["content-type"].startswith("multipart/related")
    document = quality_report(told, opened.archive)
    assert document.SOPInstanceUID.encode() in body
    pacs.status = 202
    with pytest.raises(RefusedError, match="202"):
        send(channels(opened)["sr"], told)
