"""Orthanc forwards real studies to the service by C-STORE and again by STOW-RS: every object is kept, once, with equal content.

Some studies are sent; all of them where TOUCHSTONE_ALL_STUDIES is set.
"""

import os
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from benchmarks.dicom_peers import has_orthanc, orthanc
from tests.serving.transfer.conftest import Receiver, Service, Web

STUDIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "studies"
SOME = ("brain-mr-pd", "lspine-mr-lowfield", "head-ct")

pytestmark = [
    pytest.mark.skipif(not has_orthanc(), reason="Orthanc with its DICOMweb plug-in is not installed"),
    pytest.mark.skipif(not STUDIES.is_dir(), reason="the real studies are not there"),
]


def contents(dataset: Dataset) -> dict[int, object]:
    """Values by their tags, without group lengths, which whoever encodes a data set writes anew or leaves out."""
    return {
        int(element.tag): [contents(item) for item in element.value] if element.VR == "SQ" else element.value
        for element in dataset
        if element.tag.element != 0
    }


def test_every_instance_is_kept_once_whichever_way_it_comes(
    service: Service, receive: Receiver, web: Web, tmp_path: Path
) -> None:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    key = web.client().headers["Authorization"]
    files = sorted(
        path
        for study in sorted(STUDIES.iterdir())
        if study.is_dir() and (study.name in SOME or os.environ.get("TOUCHSTONE_ALL_STUDIES"))
        for path in study.rglob("*.dcm")
    )
    with orthanc(
        folder,
        title="CITY_CT",
        modalities={"touchstone": ["TOUCHSTONE", *receive.address]},
        servers={"touchstone": {"Url": f"{web.url}/dicom-web/", "HttpHeaders": {"Authorization": key}}},
    ) as peer:
        ids = [peer.add(path.read_bytes()) for path in files]
        said = peer.post("/modalities/touchstone/store", {"Resources": ids, "Synchronous": True})
        assert said["FailedInstancesCount"] == 0
        assert sorted(row.came_by for row in service.instances) == ["dimse"] * len(files)
        peer.post("/dicom-web/servers/touchstone/stow", {"Resources": ids, "Synchronous": True})
    rows = service.instances
    assert [row.came_by for row in rows if row.conflicting] == []
    sent = {str(dataset.SOPInstanceUID): dataset for dataset in map(dcmread, files)}
    assert {row.sop_instance_uid for row in rows} == set(sent)
    assert len(rows) == len(files)
    for row in rows:
        dataset = sent[row.sop_instance_uid]
        kept = dcmread(BytesIO(service.content(row)))
        assert kept.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
        assert contents(kept) == contents(dataset)
