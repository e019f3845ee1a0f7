"""Objects a second that a receiver takes by C-STORE: ours, Orthanc and dcmtk's storescp side by side, in turn, in one run.

dcmtk's storescu sends CT images of half a megabyte, over one association and over four. Ours answers when the file, its folder and
the row in the database are synced. Orthanc syncs the file (SyncStorageArea, as it is by default) and leaves its index to the
system. storescp syncs nothing. TCP_NODELAY=1 stands in the environment of all of them.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.dicom_peers import DCMTK, ENVIRONMENT, empty, free_port, has_dcmtk, has_orthanc, orthanc, storescp
from benchmarks.tiny_studies import write_studies
from qc_models.errors import ServiceError
from serving.database.sessions import open_database
from serving.database.tables import InstanceRow
from serving.started_service import Prepared, prepare

SIDE = 512
ASSOCIATIONS = (1, 4)
OURS, ORTHANC, STORESCP = "touchstone", "orthanc", "storescp"
SYNCS = {
    OURS: "file, folder, database, before the answer",
    ORTHANC: "file (SyncStorageArea); the index by the system",
    STORESCP: "nothing",
}
_START_S = 120.0


def run(
    folder: Path, objects: int, rounds: int, processes: int, tell: Callable[[str], object] = lambda _: None
) -> dict[str, Any]:
    """Rates of `rounds` rounds of so many objects each, in an empty folder; an Orthanc that is absent is left out."""
    if not has_dcmtk():
        raise ServiceError("dcmtk is not installed, whose storescu sends; install it")
    rates: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        prepared = prepare(_content(), folder / "state")
        for _ in range(processes):
            process = prepared.start(folder / "service.log", "receive")
            stack.callback(process.wait)
            stack.callback(process.terminate)
        _wait(prepared, process)
        ports = {OURS: prepared.config.dimse.port}
        if has_orthanc():
            (folder / "orthanc").mkdir()
            ports[ORTHANC] = stack.enter_context(orthanc(folder / "orthanc")).dicom_port
        ports[STORESCP], written = stack.enter_context(storescp(folder))
        sent = 0
        for number in range(rounds):
            for associations in ASSOCIATIONS:
                parts = _parts(folder / "objects", sent, associations, objects)
                sent += associations
                for name in _turn(list(ports), number):
                    rates.setdefault((name, associations), []).append(objects / _seconds(parts, ports[name]))
                    tell(f"{name}, {associations}: {rates[name, associations][-1]:.0f}/s")
                empty(written)
                empty(folder / "objects")
        kept = _kept(prepared)
    if kept != rounds * len(ASSOCIATIONS) * objects:
        raise ServiceError(f"{kept} objects were kept, of {rounds * len(ASSOCIATIONS) * objects}")
    return {
        "objects": objects,
        "bytes": 2 * SIDE * SIDE,
        "rounds": rounds,
        "receive_processes": processes,
        "syncs": {name: SYNCS[name] for name in ports},
        "per_s": {
            f"{associations} associations": {name: _spread(rates[name, associations]) for name in ports}
            for associations in ASSOCIATIONS
        },
        "ratio_to": {
            f"{associations} associations": {
                name: round(_ratio(rates[OURS, associations], rates[name, associations]), 2)
                for name in ports
                if name != OURS
            }
            for associations in ASSOCIATIONS
        },
    }


def _content() -> dict[str, Any]:
    return {
        "hospitals": [{"id": "city", "name": "City", "level": "tertiary_a", "peers": ["STORESCU"]}],
        "dimse": {"port": free_port()},
        "web": {"port": free_port()},
        "archive": {"reserve_mib": 0},
    }


def _wait(prepared: Prepared, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_S
    call: list[str | Path] = [
        DCMTK / "echoscu",
        "-aet",
        "STORESCU",
        "-aec",
        "TOUCHSTONE",
        "127.0.0.1",
        str(prepared.config.dimse.port),
    ]
    while subprocess.run(call, capture_output=True).returncode:
        if time.monotonic() > until or process.poll() is not None:
            raise ServiceError("ours did not start")
        time.sleep(0.2)


def _parts(folder: Path, first: int, associations: int, objects: int) -> list[Path]:
    """A folder for each association, with a study of its own, whose objects nobody has seen."""
    parts = [folder / str(number) for number in range(associations)]
    for number, part in enumerate(parts):
        write_studies(part, 1, objects // associations, first=first + number, side=SIDE)
    return parts


def _turn(names: list[str], number: int) -> list[str]:
    """Another one begins each round."""
    start = number % len(names)
    return [*names[start:], *names[:start]]


def _seconds(parts: Sequence[Path], port: int) -> float:
    os.sync()  # nobody waits for what another left to the system
    begun = time.perf_counter()
    options = ("-R", "-xe", "-aet", "STORESCU", "-aec", "TOUCHSTONE", "+sd")
    command: list[str | Path] = [DCMTK / "storescu", *options, "127.0.0.1", str(port)]
    senders = [subprocess.Popen([*command, part], env=ENVIRONMENT, stderr=subprocess.PIPE) for part in parts]
    failed = [sender.communicate()[1] for sender in senders if sender.wait()]
    if failed:
        raise ServiceError(f"storescu: {failed[0].decode('utf-8', 'replace')[:300]}")
    return time.perf_counter() - begun


def _kept(prepared: Prepared) -> int:
    database = open_database(prepared.config.database_url())
    with database.reading() as session:
        kept = session.scalar(select(func.count()).select_from(InstanceRow)) or 0
    database.close()
    return kept


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 1), "min": round(min(values), 1), "max": round(max(values), 1)}


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
