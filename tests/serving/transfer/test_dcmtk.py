"""The tools of dcmtk, and the objects that readers choke on: what is acknowledged is kept as it was sent, what is not says why."""

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from benchmarks.dicom_peers import DCMTK, ENVIRONMENT, has_dcmtk, storescp
from qc_models.dicom.header import NotDicomError, read_header
from serving.transfer.dimse import Receiver
from serving.transfer.refusals import STATUSES
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service, Web
from tests.serving.transfer.raw_association import data_set

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
FILES = sorted(path for folder in ("codecs", "oddities") for path in (DATA / folder).glob("*"))
PROPOSED = {
    ImplicitVRLittleEndian: "-xi",
    ExplicitVRLittleEndian: "-xe",
    ExplicitVRBigEndian: "-xb",
    DeflatedExplicitVRLittleEndian: "-xd",
    JPEGLosslessSV1: "-xs",
    JPEGBaseline8Bit: "-xy",
    JPEGExtended12Bit: "-xx",
    JPEG2000Lossless: "-xv",
    JPEG2000: "-xw",
    JPEGLSLossless: "-xt",
    JPEGLSNearLossless: "-xu",
    RLELossless: "-xr",
}
ANSWER = re.compile(r"Received Store Response \((.*)\)")

pytestmark = pytest.mark.skipif(not has_dcmtk(), reason="dcmtk is not installed")
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # which nothing here asks about
needs_data = pytest.mark.skipif(not FILES, reason="the codecs and oddities are not there")


def call(tool: str, *arguments: object) -> str:
    """What a tool prints."""
    command = [str(DCMTK / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def syntax_of(path: Path) -> str:
    """The transfer syntax that a file names, implicit where it has no file meta information."""
    try:
        return read_header(path).transfer_syntax_uid or ImplicitVRLittleEndian
    except NotDicomError:
        return ""


@needs_data
@on_sqlite
def test_storescu_sends_what_readers_choke_on(service: Service, receive: Receiver, tmp_path: Path) -> None:
    """Another receiver, which writes the very bytes that it gets, says what was sent."""
    answers: Counter[str] = Counter()
    with storescp(tmp_path) as (witness, kept):
        for path in FILES:
            known, broken = len(service.instances), sum(row.times for row in service.quarantined)
            option = PROPOSED.get(syntax_of(path), "-xe")
            sent = ("-v", "-R", option, "-aet", "CITY_CT", "-aec", "TOUCHSTONE")
            answer = ANSWER.search(printed := call("storescu", *sent, *receive.address, path))
            answers[answer[1] if answer else "not sent"] += 1
            rows = service.instances[known:]
            if answer is None:
                assert (len(rows), sum(row.times for row in service.quarantined)) == (0, broken), printed
            elif answer[1] == "Success":
                call("storescu", *sent, "127.0.0.1", witness, path)
                (copy,) = kept.iterdir()
                assert held(service, copy) == data_set(copy.read_bytes()), path.name
                copy.unlink()
            else:
                assert (len(rows), sum(row.times for row in service.quarantined)) == (0, broken + 1), printed
    assert all(row.reason for row in service.quarantined)
    assert answers["Success"] > 85
    assert answers["Error: CannotUnderstand"] == 2


def held(service: Service, copy: Path) -> bytes:
    """The data set of the newest object of the archive that has the UID of another one."""
    uid = read_header(copy).text("SOPInstanceUID")
    row = [row for row in service.instances if row.sop_instance_uid == uid][-1]
    with service.opened.archive.local(row.archive_key) as path:
        return data_set(path.read_bytes())


@needs_data
@on_sqlite
def test_the_same_files_by_stow_are_kept_in_their_very_bytes(service: Service, web: Web) -> None:
    client = web.client()
    codes: Counter[int] = Counter()
    for path in FILES:
        broken = sum(row.times for row in service.quarantined)
        response = client.post(
            "/dicom-web/studies",
            content=b"--b\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n--b--\r\n",
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'},
        )
        codes[response.status_code] += 1
        content = response.json()
        if response.status_code == 200:
            (item,) = content["00081199"]["Value"]
            uid = item["00081155"]["Value"][0]
            contents = [service.content(row) for row in service.instances if row.sop_instance_uid == uid]
            assert path.read_bytes() in contents, path.name
        else:
            (item,) = (content.get("00081198") or content["0008119A"])["Value"]
            assert item["00081197"]["Value"][0] in STATUSES.values()
            assert item["00000902"]["Value"][0]
            assert sum(row.times for row in service.quarantined) == broken + 1, path.name
    assert codes[200] > 85
    assert set(codes) == {200, 400}


def test_echo_and_store_over_tls(make_service: Callable[..., Service], certificates: Path, tmp_path: Path) -> None:
    names = {"certificate": "service.pem", "key": "service.key", "authority": "ca.pem"}
    tls = {name: str(certificates / file) for name, file in names.items()}
    service = make_service(dimse={"tls": tls})
    file = tmp_path / "1.dcm"
    file.write_bytes(object_bytes(InstanceNumber=1))
    receiver = Receiver(service.opened)
    titles = ("-v", "-aet", "CITY_CT", "-aec", "TOUCHSTONE")
    known = ("+tls", certificates / "device.key", certificates / "device.pem", "+cf", certificates / "ca.pem")
    try:
        assert "Received Echo Response (Success)" in call("echoscu", *titles, *known, *receiver.address)
        assert "Received Store Response (Success)" in call("storescu", *titles, *known, *receiver.address, file)
        assert "Association Request Failed" in call("echoscu", *titles, *receiver.address)
        assert "Association Request Failed" in call("echoscu", *titles, "+tla", "-ic", *receiver.address)
    finally:
        receiver.close()
    assert [row.came_by for row in service.instances] == ["dimse"]
