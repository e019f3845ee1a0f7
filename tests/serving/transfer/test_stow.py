"""Objects come in by STOW-RS, many in one request, and the answer says of each whether it was taken, and why not."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import HTTPException
from pydicom.uid import generate_uid
from sqlalchemy import select

from qc_models.dicom.header import read_header
from serving.archive import FolderArchive
from serving.database.tables import ApiKey
from serving.intake import Intake, Limits
from serving.transfer import stow
from serving.transfer.stow import MOST_REQUESTS, Uploads
from tests.serving.conftest import object_bytes
from tests.serving.transfer.conftest import Service, Web

BOUNDARY = "the boundary"
TYPE = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def body(*objects: bytes) -> bytes:
    parts = [
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content + b"\r\n" for content in objects
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def store(client: httpx.Client, content: Any, path: str = "/dicom-web/studies", **headers: str) -> httpx.Response:
    return client.post(path, content=content, headers={"Content-Type": TYPE, **headers})


def told(response: httpx.Response, keyword: str) -> list[tuple[str, int, str]]:
    """SOP instance, failure reason and comment of each item of a sequence."""
    tag = {"taken": "00081199", "failed": "00081198", "other": "0008119A"}[keyword]
    return [
        (
            item.get("00081155", {}).get("Value", [""])[0],
            item.get("00081197", {}).get("Value", [0])[0],
            item.get("00000902", {}).get("Value", [""])[0],
        )
        for item in response.json().get(tag, {}).get("Value", [])
    ]


def test_several_objects_are_kept_as_they_were_sent(web: Web) -> None:
    contents = [object_bytes(InstanceNumber=number) for number in range(1, 8)]
    response = store(web.client(), body(*contents))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+json"
    rows = web.service.instances
    assert {web.service.content(row) for row in rows} == set(contents)
    assert [uid for uid, _, _ in told(response, "taken")] == [
        read_header(one).text("SOPInstanceUID") for one in contents
    ]
    (study,) = web.service.studies
    address = f"{web.url}/dicom-web/studies/{study.uid}"
    assert response.json()["00081190"] == {"vr": "UR", "Value": [address]}
    first = response.json()["00081199"]["Value"][0]
    assert first["00081190"]["Value"][0].startswith(f"{address}/series/{rows[0].series_instance_uid}/instances/")
    with web.service.opened.database.reading() as session:
        key = session.scalars(select(ApiKey)).one()
    assert {(row.came_by, row.sender) for row in rows} == {("stow", f"key:{key.id}")}


def test_of_some_that_are_refused_each_has_its_reason(web: Web) -> None:
    good = object_bytes(InstanceNumber=1)
    cut = object_bytes(InstanceNumber=2)[:-100]
    response = store(web.client(), body(b"no dicom", good, cut, object_bytes(StudyInstanceUID=None, InstanceNumber=3)))
    assert response.status_code == 202
    assert [uid for uid, _, _ in told(response, "taken")] == [read_header(good).text("SOPInstanceUID")]
    failed = told(response, "failed")
    assert [(code, "cut short" in reason) for _, code, reason in failed] == [(0xC001, True), (0xC002, False)]
    assert failed[1][2] == "the object has no StudyInstanceUID; send the original object again"
    ((uid, code, reason),) = told(response, "other")
    assert (uid, code) == ("", 0xC000)
    assert reason
    assert len(web.service.quarantined) == 3


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        ([b"no dicom"], 400),
        ([object_bytes()[:-100], b""], 400),
        ([], 400),
    ],
)
@on_sqlite
def test_a_request_of_which_nothing_is_taken_says_so(web: Web, objects: Sequence[bytes], code: int) -> None:
    response = store(web.client(), body(*objects))
    assert response.status_code == code
    assert len(told(response, "other") + told(response, "failed")) == len(objects)


def test_a_study_takes_its_own_objects_only(web: Web) -> None:
    content = object_bytes()
    uid = read_header(content).text("StudyInstanceUID")
    assert store(web.client(), body(content), "/dicom-web/studies/1.2.3").status_code == 409
    assert web.service.instances == []
    assert store(web.client(), body(content), f"/dicom-web/studies/{uid}").status_code == 200


def test_again_is_the_same_and_another_content_is_kept_beside_it(web: Web) -> None:
    client, uid = web.client(), generate_uid()
    first, other = (object_bytes(SOPInstanceUID=uid, InstanceNumber=number) for number in (1, 2))
    assert [store(client, body(content)).status_code for content in (first, first, other)] == [200, 200, 200]
    assert [row.conflicting for row in web.service.instances] == [False, True]


@on_sqlite
def test_who_may_send(web: Web) -> None:
    content = body(object_bytes())
    assert store(web.stranger(), content).status_code == 401
    assert store(web.stranger(Authorization="Bearer x"), content).status_code == 401
    assert store(web.client(role="doctor"), content).status_code == 403
    assert store(web.client(hospital_id=None), content).status_code == 403
    assert web.service.instances == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=x'}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, 400),
        ({"Content-Type": f'multipart/related; type="application/dicom"; boundary={"x" * 300}'}, 400),
        ({"Accept": "application/dicom+xml"}, 406),
        ({"Content-Type": TYPE, "Accept": "text/html, */*;q=0.1"}, 200),
    ],
)
@on_sqlite
def test_what_is_sent_and_what_is_accepted(web: Web, headers: dict[str, str], code: int) -> None:
    assert store(web.client(), body(object_bytes()), **headers).status_code == code


@pytest.mark.parametrize(
    ("sent", "code", "taken"),
    [
        pytest.param(body(object_bytes())[:-30], 400, 0, id="cut in its only part"),
        pytest.param(body(object_bytes())[: -len(BOUNDARY) - 4], 400, 0, id="without its end"),
        pytest.param(body(object_bytes(), object_bytes(InstanceNumber=2))[:-30], 202, 1, id="cut in its last part"),
        pytest.param(object_bytes(), 400, 0, id="of no parts"),
        pytest.param(b"", 400, 0, id="empty"),
        pytest.param(f"--{BOUNDARY}\r\n".encode() + b"X" * 100_000, 400, 0, id="a header without end"),
        pytest.param(f"--{BOUNDARY}\r\nX y: z\r\n\r\n".encode(), 400, 0, id="a header that is none"),
        pytest.param(b"\r\n" + body(object_bytes()) + b"the end", 200, 1, id="with lines before and after"),
    ],
)
@on_sqlite
def test_a_broken_body_takes_what_was_whole_and_no_more(web: Web, sent: bytes, code: int, taken: int) -> None:
    response = store(web.client(), sent)
    assert response.status_code == code
    assert len(told(response, "taken")) == len(web.service.instances) == taken
    assert bool(told(response, "other")) is (code != 200)


@on_sqlite
def test_a_body_in_small_pieces_is_read_like_one(web: Web) -> None:
    sent = body(object_bytes(InstanceNumber=1), object_bytes(InstanceNumber=2))

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(sent), 17):
            yield sent[at : at + 17]

    assert store(web.client(), pieces()).status_code == 200
    assert len(web.service.instances) == 2


@on_sqlite
def test_a_large_object_streams_through_and_a_too_large_one_is_refused(
    make_service: Callable[..., Service], serve_web: Callable[[Service], Web], tmp_path: Path
) -> None:
    web = serve_web(make_service(intake={"largest_mib": 8}))
    small, large = object_bytes(), object_bytes(Rows=2048, Columns=1536, pixels=[[0] * 1536] * 2048)
    endless = (b"x" * (1 << 20) for _ in range(40))

    def sent() -> Iterator[bytes]:
        yield body(small, large).removesuffix(f"--{BOUNDARY}--\r\n".encode())
        yield f"--{BOUNDARY}\r\n\r\n".encode()
        yield from endless
        yield f"\r\n--{BOUNDARY}--".encode()

    response = store(web.client(), sent())
    assert response.status_code == 202
    assert {web.service.content(row) for row in web.service.instances} == {small, large}
    assert told(response, "other") == [("", 0xA704, "the object is larger than 8 MiB, the most taken here")]


@on_sqlite
def test_a_request_holds_as_many_objects_as_it_may(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stow, "MOST_OBJECTS", 2)
    first, second, third = (object_bytes(InstanceNumber=number) for number in (1, 2, 3))
    assert store(web.client(), body(first, second)).status_code == 200
    response = store(web.client(), body(first, second, third))
    assert (response.status_code, len(told(response, "taken"))) == (202, 2)
    assert told(response, "other")[0][1:] == (
        0xA704,
        "2 objects are as many as one request may hold; send others by themselves",
    )
    assert len(web.service.instances) == 2


def test_nobody_holds_all_places() -> None:
    uploads = Uploads()

    def take(caller: str) -> None:
        held.enter_context(uploads.place(caller))

    with ExitStack() as held:
        for caller in ("key:1", "key:2"):
            for _ in range(MOST_REQUESTS // 2):
                take(caller)
            with pytest.raises(HTTPException) as raised:
                take(caller)
            assert raised.value.status_code == 503
        with pytest.raises(HTTPException):
            take("key:3")
    with uploads.place("key:1"):
        assert uploads._in_work == {"key:1": 1}


@on_sqlite
def test_a_claim_of_2_gb_without_them_costs_nothing(web: Web) -> None:
    client = web.client()
    host, port = web.url.removeprefix("http://").split(":")
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: 2147483648\r\n"
        f"Authorization: {client.headers['Authorization']}\r\n\r\n--{BOUNDARY}\r\n\r\nDICM"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
    assert store(client, body(object_bytes())).status_code == 200
    assert len(web.service.instances) == 1


@on_sqlite
def test_a_full_disk_is_507_and_a_busy_intake_503(service: Service, serve_web: Callable[[Service], Web]) -> None:
    opened = service.opened
    full = FolderArchive(opened.config.archive_folder, reserve=1 << 60)
    object.__setattr__(opened, "intake", Intake(opened.database, full, Limits()))
    web = serve_web(service)
    response = store(web.client(), body(object_bytes()))
    assert response.status_code == 507
    assert told(response, "other")[0][1] == 0xA701
    intake = Intake(opened.database, opened.archive, Limits(at_once=1, wait_s=0))
    object.__setattr__(opened, "intake", intake)
    with intake._place():
        response = store(web.client(), body(object_bytes()))
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert store(web.client(), body(object_bytes())).status_code == 200


@pytest.mark.filterwarnings("ignore:Invalid value for VR:UserWarning")
@on_sqlite
def test_uids_that_lead_elsewhere_lead_nowhere(web: Web, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_dir()}
    hostile = object_bytes(StudyInstanceUID="../../../../etc/1", InstanceNumber=1)
    assert store(web.client(), body(hostile)).status_code == 400
    assert store(web.client(), body(object_bytes()), "/dicom-web/studies/..%2f..%2fetc").status_code in (400, 404)
    after = {path for path in tmp_path.rglob("*") if path.is_dir()} - before
    assert all("quarantine" in str(path) for path in after)


@pytest.mark.parametrize("folder", ["codecs", "oddities"])
@on_sqlite
def test_every_real_file_is_kept_as_it_is_or_refused_with_a_reason(shared_data: Path, web: Web, folder: str) -> None:
    contents = [path.read_bytes() for path in sorted((shared_data / folder).iterdir())]
    client = web.client()
    taken: set[bytes] = set()
    for content in contents:
        response = store(client, body(content))
        if response.status_code == 200:
            taken.add(content)
        else:
            ((_, code, reason),) = told(response, "failed") + told(response, "other")
            assert code in (0xC000, 0xC001, 0xC002)
            assert reason
    assert {web.service.content(row) for row in web.service.instances} == taken
    assert len(taken) >= {"codecs": 67, "oddities": 20}[folder]
