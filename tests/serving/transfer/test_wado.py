"""Objects go out as they came, headers as JSON, frames as they are stored or as plain values, and pictures to look at."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_data import decode_frames
from serving.intake import Refused
from serving.recording import Sender
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Web

STUDY, SERIES, INSTANCE = "1.2.826.1", "1.2.826.1.1", "1.2.826.1.1.1"
PATH = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
EXPLICIT = "1.2.840.10008.1.2.1"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def take(web: Web, content: bytes, hospital: str = "city") -> str:
    """Takes an object; where it is found."""
    receipt = web.service.opened.intake.take(content, Sender(hospital, "stow", "x"))
    uids = (receipt.study_uid, receipt.series_uid, receipt.sop_instance_uid)
    return "/dicom-web/studies/{}/series/{}/instances/{}".format(*uids)


def image(**keywords: Any) -> bytes:
    named = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, "SOPInstanceUID": INSTANCE, "InstanceNumber": 1}
    return object_bytes(**named | keywords)


def parts(response: httpx.Response) -> list[tuple[str, bytes]]:
    """The content type and the bytes of each part."""
    assert response.status_code == 200, response.text
    kind, boundary = re.fullmatch(
        r'multipart/related; type="(.*)"; boundary=(\w+)', response.headers["content-type"]
    ).groups()  # type: ignore[union-attr]
    assert response.content.endswith(f"\r\n--{boundary}--".encode())
    found = []
    for part in response.content.removesuffix(f"\r\n--{boundary}--".encode()).split(f"--{boundary}\r\n".encode())[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        content_type = head.decode().removeprefix("Content-Type: ")
        assert content_type.startswith(kind)
        found.append((content_type, content.removesuffix(b"\r\n")))
    return found


def test_a_study_a_series_and_an_instance_come_as_they_were_kept(web: Web) -> None:
    contents = [image(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number) for number in (1, 2)]
    contents.append(image(SeriesInstanceUID=f"{STUDY}.2", SOPInstanceUID=f"{STUDY}.2.1"))
    for content in contents:
        take(web, content)
    client = web.client()
    kind = f"application/dicom; transfer-syntax={EXPLICIT}"
    study = client.get(f"/dicom-web/studies/{STUDY}")
    assert parts(study) == [(kind, content) for content in contents]
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    assert parts(client.get(f"/dicom-web/studies/{STUDY}/series/{SERIES}", headers=accept)) == [
        (kind, content) for content in contents[:2]
    ]
    assert parts(client.get(PATH)) == [(kind, contents[0])]
    alone = client.get(PATH, headers={"Accept": "application/dicom"})
    assert (alone.headers["content-type"], alone.content) == ("application/dicom", contents[0])


def test_what_another_hospital_owns_does_not_exist(web: Web) -> None:
    take(web, image())
    for path in ("", "/metadata", "/frames/1", "/rendered", "/frames/1/rendered"):
        assert web.client("county", "doctor").get(PATH + path).status_code == 404
        assert web.stranger().get(PATH + path).status_code == 401
        assert web.client(None, "reviewer").get(PATH + path).status_code == 200
        assert web.client("city", "doctor").get(PATH + path).status_code == 200
    assert web.client().get("/dicom-web/studies/1.2.3").status_code == 404
    assert web.client().get("/dicom-web/studies/1.2.3';--").status_code == 400


@on_sqlite
def test_another_transfer_syntax_is_refused(web: Web) -> None:
    take(web, image())
    client = web.client()
    for accept, code in (
        (f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}', 200),
        ('multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90', 406),
        ('multipart/related; type="image/jpeg"', 406),
        ("text/html", 406),
        ("application/dicom;q=0", 406),
        ("text/html, application/*;q=0.5", 200),
    ):
        assert client.get(PATH, headers={"Accept": accept}).status_code == code, accept


def test_headers_come_as_json_without_pixels_and_bulk(web: Web) -> None:
    referenced = [{"ReferencedSOPInstanceUID": "1.2.3", "EncapsulatedDocument": b"x" * 10_000}]
    content = image(ReferencedImageSequence=referenced, ICCProfile=b"x" * 10_000, RescaleSlope="2.5", Rows=16)
    take(web, content)
    take(web, image(SOPInstanceUID=f"{SERIES}.2", InstanceNumber=2))
    client = web.client()
    response = client.get(f"/dicom-web/studies/{STUDY}/metadata", headers={"Accept": "application/dicom+json"})
    first, second = response.json()
    assert response.headers["content-type"] == "application/dicom+json"
    assert first["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "张^三"}]}
    assert first["00281053"] == {"vr": "DS", "Value": [2.5]}
    assert first["00081140"] == {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}]}
    assert not {"7FE00010", "00282000"} & first.keys()
    assert second["00200013"]["Value"] == [2]
    assert len(client.get(f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata").json()) == 2
    assert client.get(f"{PATH}/metadata").json() == [first]
    assert client.get(f"{PATH}/metadata", headers={"Accept": "application/dicom+xml"}).status_code == 406


@on_sqlite
def test_a_header_that_cannot_be_read_is_told_as_far_as_it_is_known(web: Web) -> None:
    take(web, image(ICCProfile=b"x" * (17 << 20)))  # longer than any header
    (answer,) = web.client().get(f"{PATH}/metadata").json()
    assert answer["00080018"]["Value"] == [INSTANCE]
    assert answer["0020000D"]["Value"] == [STUDY]
    assert "00100010" not in answer


RAMP = np.arange(3 * 16 * 16, dtype=np.int16).reshape(3, 16, 16)


def multiframe(**keywords: Any) -> bytes:
    return image(NumberOfFrames=3, Rows=16, Columns=16, pixels=RAMP, RescaleSlope=1, RescaleIntercept=0, **keywords)


def values(content: bytes) -> NDArray[np.int16]:
    return np.frombuffer(content, "<i2").reshape(16, 16)


def test_frames_of_an_object_that_is_not_compressed(web: Web) -> None:
    take(web, multiframe())
    client = web.client()
    for accept in (
        "*/*",
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        "application/octet-stream",
    ):
        found = parts(client.get(f"{PATH}/frames/3,1", headers={"Accept": accept}))
        assert [kind for kind, _ in found] == [f"application/octet-stream; transfer-syntax={EXPLICIT}"] * 2
        assert [values(content).tolist() for _, content in found] == [RAMP[2].tolist(), RAMP[0].tolist()]
    for numbers, code in (("4", 404), ("0", 404), ("x", 400), ("1,,2", 400), ("9" * 12, 400)):
        assert client.get(f"{PATH}/frames/{numbers}").status_code == code, numbers
    assert client.get(f"{PATH}/frames/1", headers={"Accept": "image/jls"}).status_code == 406


@on_sqlite
def test_frames_that_are_not_there_are_told(web: Web) -> None:
    take(web, image(NumberOfFrames=3))  # and holds one
    response = web.client().get(f"{PATH}/frames/3")
    assert response.status_code == 422
    assert "frame 3" in response.json()["detail"]


def test_a_picture_shows_the_window_of_the_header_or_that_asked_for(web: Web) -> None:
    take(web, multiframe(WindowCenter=128, WindowWidth=256))
    client = web.client()

    def grey(path: str, **query: Any) -> NDArray[np.uint8]:
        response = client.get(PATH + path, params=query, headers={"Accept": "image/png"})
        assert response.headers["content-type"] == "image/png"
        return np.asarray(Image.open(BytesIO(response.content)))

    assert grey("/rendered").ravel()[[0, 128, 255]].tolist() == [0, 128, 255]
    assert grey("/frames/2/rendered", window="384,256").ravel()[[0, 255]].tolist() == [0, 255]
    assert grey("/frames/3/rendered", window="384,256").ravel().tolist() == [255] * 256
    assert grey("/rendered", viewport="8,4").shape == (4, 4)
    jpeg = client.get(f"{PATH}/rendered", params={"quality": 50})
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(jpeg.content)).size == (16, 16)
    for query in ({"window": "1"}, {"window": "a,b"}, {"viewport": "0,0"}, {"quality": "0"}, {"viewport": "1,"}):
        assert client.get(f"{PATH}/rendered", params=query).status_code == 400, query
    assert client.get(f"{PATH}/frames/1,2/rendered").status_code == 400
    assert client.get(f"{PATH}/rendered", headers={"Accept": "image/gif"}).status_code == 406


@on_sqlite
def test_a_picture_that_would_take_all_memory_is_not_made(web: Web) -> None:
    take(web, image(Rows=60_000, Columns=60_000, pixels=np.zeros((4, 4))))
    response = web.client().get(f"{PATH}/rendered")
    assert response.status_code == 422
    assert "million pixels" in response.json()["detail"]


@on_sqlite
def test_an_object_that_the_archive_lost_is_503(web: Web) -> None:
    take(web, image())
    (row,) = web.service.instances
    web.service.opened.archive.delete(row.archive_key)
    for path in ("", "/metadata", "/frames/1", "/rendered"):
        assert web.client().get(PATH + path).status_code == 503


@on_sqlite
def test_real_objects_of_every_syntax_come_out_again(shared_data: Path, web: Web) -> None:
    client = web.client()
    octets = {"Accept": 'multipart/related; type="application/octet-stream"'}
    seen: dict[str, str] = {}
    for path in sorted((shared_data / "codecs").iterdir()):
        content = path.read_bytes()
        header = read_header(content)
        try:
            at = take(web, content)
        except Refused:
            continue
        if web.service.instances[-1].conflicting:
            continue  # another file of the same UID came before
        assert client.get(at, headers={"Accept": "application/dicom"}).content == content
        (metadata,) = client.get(f"{at}/metadata").json()
        assert metadata["00080018"]["Value"] == [header.text("SOPInstanceUID")]
        if header.pixel_data is None:
            continue
        ((kind, stored),) = parts(client.get(f"{at}/frames/1"))
        ((_, plain),) = parts(client.get(f"{at}/frames/1", headers=octets))
        (expected,) = decode_frames(path, header, (0,))
        if header.pixel_data.encapsulated:
            assert plain == expected.tobytes(), path.name
        else:
            assert len(plain) in (expected.nbytes, expected.nbytes * 2 // 3), path.name  # colours may share a pixel
        assert client.get(f"{at}/rendered").status_code == 200, path.name
        seen[kind.partition(";")[0]] = kind.rpartition("=")[2]
        if header.pixel_data.encapsulated:
            assert stored[:64] in content, path.name  # the rest may lie in several fragments
    assert {"image/jpeg", "image/jls", "image/jp2", "image/dicom-rle", "application/octet-stream"} <= seen.keys()


@on_sqlite
def test_stored_frames_decode_to_the_same_values(shared_data: Path, web: Web) -> None:
    """pydicom reads a frame out of the compressed stream that is sent."""
    path = next((shared_data / "codecs").glob("*-MR_small_jp2klossless.dcm"))
    at = take(web, path.read_bytes())
    ((kind, stored),) = parts(
        web.client().get(f"{at}/frames/1", headers={"Accept": "multipart/related; type=image/jp2"})
    )
    assert kind == "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90"
    import imagecodecs

    assert np.array_equal(imagecodecs.jpeg2k_decode(stored), dcmread(path).pixel_array)
