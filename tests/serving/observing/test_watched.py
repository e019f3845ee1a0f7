"""A marked patient goes the whole way, by every door and with every mistake: no log, metric, trace or error holds a mark."""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from sqlalchemy import select

from serving.auth.accounts import digest_of_key
from serving.database.sessions import open_database, utc_now
from serving.database.tables import ApiKey, InstanceRow, OutboxRow, QuarantineRow, StudyRow, VerdictRow
from tests.serving.conftest import object_bytes
from tests.serving.observing.otlp_collector import Collector, collecting
from tests.serving.test_serve_command import CT, Running, running
from tests.serving.transfer.conftest import free_port

__all__ = ["running"]
MARKED = {
    "PatientName": "MARKNAME^ZW=标记^名",
    "PatientID": "MARKID77",
    "PatientBirthDate": "19370731",
    "AccessionNumber": "MARKACC9",
    "StudyDescription": "MARKDESC",
    "ReferringPhysicianName": "MARKDOCTOR",
}
MARKS = re.compile(r"MARK|标记|19370731|1937-07-31", re.IGNORECASE)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where the service sends its traces and its webhooks."""
    with collecting() as made:
        yield made


@pytest.fixture
def config_file(tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a small centre that is watched in every way, and tells a receiver of its verdicts."""
    monkeypatch.setenv("TOUCHSTONE_RECEIVER_HIS_KEY", "whsec_" + "a2V5" * 11)
    (tmp_path / "gateway").mkdir()
    hospital = {"id": "city", "name": "City", "level": "tertiary_a", "peers": ["CITY_CT"]}
    content = {
        "hospitals": [hospital | {"watched_folders": [str(tmp_path / "gateway")]}],
        "web": {"port": free_port()},
        "dimse": {"port": free_port()},
        "closing": {"quiet_s": 0.5, "settle_s": 0},
        "worker": {"pixels": False, "models": False},
        "tracing": {"endpoint": f"{collector.url}/v1/traces"},
        "receivers": [{"name": "his", "webhook": {"url": f"{collector.url}/told"}}],
    }
    path = tmp_path / "service.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def as_text(content: str) -> str:
    """A log with its escapes undone."""
    return "\n".join(str(json.loads(line)) for line in content.splitlines())


def broken(content: bytes) -> bytes:
    """An object that ends in the middle."""
    return content[: len(content) * 2 // 3]


def stow(client: httpx.Client, content: bytes) -> httpx.Response:
    body = b"--B\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--B--"
    kind = 'multipart/related; type="application/dicom"; boundary=B'
    return client.post("/dicom-web/studies", content=body, headers={"Content-Type": kind})


def store_anything(running: Running, dataset: Any, title: str, sop_instance_uid: str = "") -> None:
    ae = AE(title)
    ae.add_requested_context(CT, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", running.config.dimse.port, ae_title="TOUCHSTONE")
    if association.is_established:
        if sop_instance_uid:
            dataset.file_meta.MediaStorageSOPInstanceUID = sop_instance_uid
        status = association.send_c_store(dataset)
        assert not MARKS.search(str(status))
        association.release()


def errors_of(client: httpx.Client, url: str) -> Iterator[str]:
    """What the service says to requests that it cannot answer, by a key and by nobody."""
    mark = "MARKNAME"
    for path in (
        f"/dicom-web/studies/{mark}",
        f"/dicom-web/studies/{mark}/series/{mark}/instances/{mark}/frames/{mark}",
        f"/dicom-web/studies?PatientBirthDate={mark}&limit={mark}",
        f"/dicom-web/studies?{mark}={mark}",
        f"/{mark}?{mark}={mark}",
    ):
        for asked in (client.get(path), httpx.get(url + path), client.put(path, content=mark.encode())):
            assert asked.status_code >= 400 or "dicom" in asked.headers["content-type"]
            yield asked.text if asked.status_code >= 400 else ""
            yield str(asked.headers)
    for content in (broken(object_bytes(**MARKED, InstanceNumber=8)), b"MARKNAME is no DICOM", mark.encode()):
        yield stow(client, content).text
    yield client.post("/dicom-web/studies", json={mark: mark}).text


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pynetdicom leaves a socket that nobody answered
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_mark_of_a_patient_leaves_the_service(running: Running, tmp_path: Path, collector: Collector) -> None:
    database = open_database(running.config.database_url({}))
    with httpx.Client(base_url=running.url, timeout=60, headers={"Authorization": "Bearer secret"}) as client:
        running.until(lambda: client.get("/ready").status_code == 200)
        with database.writing() as session:
            key = {"digest": digest_of_key("secret"), "role": "sender", "hospital_id": "city"}
            session.add(ApiKey(name="x", created_at=utc_now(), **key))
        running.until(lambda: running.store(object_bytes(**MARKED, InstanceNumber=1)))
        assert stow(client, object_bytes(**MARKED, InstanceNumber=2)).status_code == 200
        gateway = tmp_path / "gateway"
        (gateway / "MARKNAME.part").write_bytes(object_bytes(**MARKED, InstanceNumber=3))
        (gateway / "MARKNAME.part").rename(gateway / "MARKNAME.dcm")
        (gateway / "MARKID77.dcm").write_bytes(broken(object_bytes(**MARKED, InstanceNumber=4)))
        wrong = dcmread(BytesIO(object_bytes(**MARKED, InstanceNumber=5)))
        store_anything(running, wrong, "MARKNAME")  # a device that nobody named
        del wrong.StudyInstanceUID
        store_anything(running, wrong, "CITY_CT")
        said = list(errors_of(client, running.url))

        def all_happened() -> bool:
            with database.reading() as session:
                taken = len(session.scalars(select(InstanceRow.id)).all())
                refused = len(session.scalars(select(QuarantineRow.id)).all())
                judged = session.scalar(select(VerdictRow.id).where(VerdictRow.kind == "full").limit(1))
                told = session.scalar(select(OutboxRow.id).where(OutboxRow.state == "sent").limit(1))
                return taken == 3 and refused >= 3 and judged is not None and told is not None

        running.until(all_happened)
        with database.reading() as session:
            assert session.scalars(select(StudyRow.patient_id)).all() == ["MARKID77"]  # it was there
        log = as_text(running.log.read_text())
        ports = {
            int(port)
            for port in re.findall(r"'metrics served'.*?'port': (\d+)|'port': (\d+)", log)
            for port in port
            if port
        }
        assert len(ports) == 3
        metrics = [httpx.get(f"http://127.0.0.1:{port}/metrics").text for port in sorted(ports)]
        assert 'touchstone_instances_received_total{came_by="stow",hospital="city",outcome="new"} 1.0' in "\n".join(
            metrics
        )
    database.close()
    running.process.terminate()
    printed, _ = running.process.communicate(timeout=120)
    log = as_text(running.log.read_text())
    assert "object refused" in log
    assert "'event': 'request'" in log
    traced = {span.trace_id for span in collector.spans if span.name == "deliver"}
    names = {span.name for span in collector.spans if span.trace_id in traced}
    assert names >= {"receive", "close", "score", "read", "judgement", "study", "deliver"}
    spans = b"".join(collector.bodies).decode("utf-8", "replace")
    for name, text in {
        "traces": spans,
        "log": log,
        "metrics": "\n".join(metrics),
        "answers": "\n".join(said),
        "printed": printed.decode(),
    }.items():
        found = MARKS.search(text)
        assert found is None, f"{name}: {text[max(0, found.start() - 200) : found.end() + 50]}"
