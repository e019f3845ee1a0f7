"""Seconds from a study's last object to its verdict, at a steady pace of small studies judged by their headers.

Studies close after the shortest quiet that the configuration allows here, which is taken off: what is left is closing, queue,
reading, judging and writing. The web process is asked for the worklist all the while.
"""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from benchmarks.dicom_peers import free_port
from benchmarks.tiny_studies import write_studies
from qc_models.errors import ServiceError
from serving.auth.roles import LEAD
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import Job, StudyRow, VerdictRow
from serving.outcome import SCORED
from serving.started_service import make_key, started
from serving.transfer.sending import Device

OBJECTS = 10  # of a study
QUIET_S = 1.0
_SETTLE_S = 300.0
_QUEUE_EVERY_S = 5.0
_ASK_EVERY_S = 0.5


def run(
    folder: Path,
    *,
    minutes: float,
    per_s: float,
    workers: int,
    database_url: str = "",
    tell: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Sends studies by C-STORE for so long, each at its time; figures of an empty folder's service on SQLite or PostgreSQL."""
    studies = max(1, round(minutes * 60 * per_s))
    files = write_studies(folder / "objects", studies, OBJECTS)
    if database_url:
        upgraded = open_database(database_url)
        schema.upgrade(upgraded)
        upgraded.close()
    with started(_content(workers, database_url), folder / "state") as service:
        service.wait_until_ready()
        database = service.open_database()
        over = threading.Event()
        web = _Asked(service.url, make_key(database, "latency", LEAD), over)
        queue = _Watched(database, over)
        late = _send(service.config.dimse.port, files, per_s, tell)
        sent_s = time.monotonic()
        while _num_scored(database) < studies and time.monotonic() - sent_s < _SETTLE_S:
            time.sleep(0.2)
        over.set()
        web.join()
        queue.join()
        seconds = _seconds(database)
        database.close()
    if len(seconds) < studies:
        raise ServiceError(f"{studies - len(seconds)} of {studies} studies got no verdict; see {service.log}")
    half = len(queue.lengths) // 2
    return {
        "studies": studies,
        "objects_a_study": OBJECTS,
        "studies_per_s": per_s,
        "database": "postgresql" if database_url else "sqlite",
        "workers": workers,
        "quiet_s": QUIET_S,
        "latest_start_s": round(late, 2),
        "last_object_to_verdict_s": _percentiles(seconds),
        "without_the_quiet_s": _percentiles([one - QUIET_S for one in seconds]),
        "queue_in_first_and_second_half": [_mean(queue.lengths[:half]), _mean(queue.lengths[half:])],
        "web_s": _percentiles(web.seconds),
        "web_failures": web.failures,
    }


def _content(workers: int, database_url: str) -> dict[str, Any]:
    return {
        "database": {"url": database_url},
        "hospitals": [{"id": "city", "name": "City", "level": "tertiary_a", "peers": ["CITY_CT"]}],
        "dimse": {"port": free_port()},
        "web": {"port": free_port()},
        "archive": {"reserve_mib": 0},
        # one quiet alone closes a study, whether its item is known or not
        "closing": {"quiet_s": QUIET_S, "settle_s": QUIET_S, "longest_s": QUIET_S, "confidence": 0.2},
        "worker": {"pixels": False, "models": False, "processes": workers},
        "metrics": {"port": None},
    }


class _Asked(threading.Thread):
    """Asks the web process for the worklist, again and again."""

    def __init__(self, url: str, key: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self.failures = 0
        self._url, self._key, self._over = url, key, over
        self.start()

    def run(self) -> None:
        """Until it is over."""
        with httpx.Client(base_url=self._url, headers={"Authorization": f"Bearer {self._key}"}, timeout=60) as client:
            while not self._over.wait(_ASK_EVERY_S):
                begun = time.perf_counter()
                self.failures += client.get("/api/studies").status_code != httpx.codes.OK
                self.seconds.append(time.perf_counter() - begun)


class _Watched(threading.Thread):
    """Counts the jobs that wait, again and again."""

    def __init__(self, database: Database, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.lengths: list[int] = []
        self._database, self._over = database, over
        self.start()

    def run(self) -> None:
        """Until it is over."""
        while not self._over.wait(_QUEUE_EVERY_S):
            with self._database.reading() as session:
                waiting = session.scalar(select(func.count()).select_from(Job).where(Job.state == "ready"))
            self.lengths.append(waiting or 0)


def _send(port: int, files: Sequence[Path], per_s: float, tell: Callable[[str], object]) -> float:
    """Sends each study at its time; by how many seconds the latest began too late."""
    device = Device("CITY_CT", "127.0.0.1", port, "TOUCHSTONE", files[:1])
    begun, latest = time.monotonic(), 0.0
    for number, at in enumerate(range(0, len(files), OBJECTS)):
        ahead = begun + number / per_s - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        latest = max(latest, -ahead)
        for path in files[at : at + OBJECTS]:
            if not device.store(path).taken:
                raise ServiceError("an object was refused")
        if number % 60 == 0:
            tell(f"study {number} of {len(files) // OBJECTS}")
    device.close()
    return latest


def _num_scored(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(StudyRow).where(StudyRow.state == SCORED)) or 0


def _seconds(database: Database) -> list[float]:
    """From the last object of each study to its verdict."""
    with database.reading() as session:
        rows = session.execute(
            select(StudyRow.last_instance_at, VerdictRow.created_at).join(
                VerdictRow, VerdictRow.id == StudyRow.verdict_id
            )
        ).all()
    return [(said - last) / timedelta(seconds=1) for last, said in rows]


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    hundredths = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [*seconds] * 99
    return {f"p{place}": round(hundredths[place - 1], 3) for place in (50, 95, 99)}


def _mean(lengths: Sequence[int]) -> float:
    return round(statistics.fmean(lengths), 2) if lengths else 0.0
