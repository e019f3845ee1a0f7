"""Other people's servers of DICOM, started for a while beside ours: Orthanc with DICOMweb, and dcmtk's storescp.

dcmtk waits for small packets unless TCP_NODELAY=1 stands in the environment, which costs 40 ms an object: it is set for all.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from qc_models.errors import ServiceError

ORTHANC = Path("/usr/sbin/Orthanc")
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
DCMTK = Path("/usr/bin")  # pynetdicom installs tools of the same names
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
START_S = 60.0


def has_orthanc() -> bool:
    """Whether Orthanc and its DICOMweb plug-in are installed."""
    return ORTHANC.exists() and DICOMWEB_PLUGIN.exists()


def has_dcmtk() -> bool:
    """Whether dcmtk is installed."""
    return (DCMTK / "storescu").exists()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Orthanc:
    """An Orthanc that runs: its REST API, and where devices connect to it."""

    def __init__(self, client: httpx.Client, dicom_port: int, title: str) -> None:
        self.client = client
        self.dicom_port = dicom_port
        self.title = title

    def add(self, content: bytes) -> str:
        """Puts a file into it; its id of the instance."""
        answer = self.client.post("/instances", content=content)
        answer.raise_for_status()
        return str(answer.json()["ID"])

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Has it do something, and waits for the end; what it says of it."""
        answer = self.client.post(path, json=body)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said


@contextmanager
def orthanc(
    folder: Path,
    *,
    title: str = "ORTHANC",
    modalities: Mapping[str, Sequence[Any]] | None = None,
    servers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Orthanc]:
    """Runs an Orthanc in an empty folder, with other devices (title, host, port) and DICOMweb servers that it knows by name."""
    http_port, dicom_port = free_port(), free_port()
    settings = {
        "Name": "peer",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": title,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "UnknownSopClassAccepted": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "TranscodeDicomProtocol": False,
        "StableAge": 3600,
        "Plugins": [str(DICOMWEB_PLUGIN)],
        "DicomModalities": dict(modalities or {}),
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": dict(servers or {})},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    with (
        running([str(ORTHANC), str(path)], folder, lambda: _answers(http_port, dicom_port)),
        httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=600) as client,
    ):
        yield Orthanc(client, dicom_port, title)


@contextmanager
def storescp(folder: Path) -> Iterator[tuple[int, Path]]:
    """Runs a storescp that writes what it gets as it came, several associations at once; its port, and where it writes."""
    port = free_port()
    kept = folder / "storescp"
    kept.mkdir()
    options = ("--fork", "+xa", "--bit-preserving", "--output-directory", str(kept))
    with running([str(DCMTK / "storescp"), *options, str(port)], folder, lambda: _listens(port)):
        yield port, kept


@contextmanager
def running(command: Sequence[str], folder: Path, ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program until the end of the context; ServiceError where it is not ready in time."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=ENVIRONMENT, cwd=folder)
    try:
        until = time.monotonic() + START_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise ServiceError(f"{Path(command[0]).name} did not start: {log.read_text('utf-8', 'replace')[-500:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def empty(folder: Path) -> None:
    """Removes all that stands in a folder."""
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _answers(http_port: int, dicom_port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{http_port}/system", timeout=5).is_success and _listens(dicom_port)
    except httpx.HTTPError:
        return False
