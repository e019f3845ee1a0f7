"""Whether anything acknowledged is ever lost: processes are killed at random while objects come in, and then everything is counted.

A kill comes each time that a random number of further objects was acknowledged, so that kills fall all along the way; what was
killed is started again at once. At the end every acknowledged object must lie in the archive as it was sent, every study must have
exactly one current verdict, of all its objects, and the audit chain must be whole.
"""

import hashlib
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.dicom_peers import free_port
from benchmarks.killed_processes import Killable, PostgresServer, RayNode, ServiceProcess
from benchmarks.retrying_senders import RetryingSenders
from benchmarks.tiny_studies import write_studies
from qc_models.dicom.header import read_header
from qc_models.errors import ServiceError
from serving import audit
from serving.archive import FolderArchive
from serving.auth.roles import SENDER
from serving.database import schema
from serving.database.sessions import Database, open_database
from serving.database.tables import InstanceRow, Job, StudyRow, VerdictRow
from serving.hospitals import write_hospitals
from serving.outcome import SCORED
from serving.started_service import Prepared, make_key, prepare, wait_until_ready

HOSPITAL = "example-city"
_DEVICES, _GATEWAYS = 2, 2
_LOOK_S = 0.1
_SETTLE_S = 900.0
_READY_S = 300.0
_MARGIN = 20  # objects that may be acknowledged beyond the next kill


def run(
    folder: Path,
    *,
    kills: int,
    studies: int,
    instances: int,
    seed: int,
    database_url: str = "",
    ray: Path | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Figures of one run in an empty folder; `database_url` is PostgreSQL's (an SQLite file otherwise), `ray` Ray's program."""
    files = write_studies(folder / "objects", studies, instances // studies)
    order = random.Random(seed)
    sent = list(files)
    order.shuffle(sent)  # so that every study is arriving nearly all of the time
    with ExitStack() as stack:
        nodes, engine = _cluster(ray, stack)
        prepared = prepare(_content(database_url, engine), folder / "state")
        database = stack.enter_context(_opened(prepared))
        log = folder / "service.log"
        processes = [ServiceProcess(prepared, name, log) for name in ("web", "receive", "worker")]
        for process in processes:
            stack.callback(process.end)
        wait_until_ready(prepared.config, prepared.url, lambda: all(one.lives() for one in processes), log)
        targets: list[Killable] = [*processes, *nodes]
        if database.is_postgres:
            targets.append(PostgresServer(Path(str(database.engine.url.query["host"])) / "data", database))
        begun = time.monotonic()
        senders = RetryingSenders(prepared, sent, make_key(database, "crash", SENDER, HOSPITAL), _DEVICES, _GATEWAYS)
        stack.callback(senders.stop)
        killed = _kill(targets, kills, len(sent), senders, order, tell)
        while senders.at_work or not all(target.is_ready() for target in targets):
            time.sleep(_LOOK_S)
        sending_s = time.monotonic() - begun
        settled = _settled(database, studies)
        return {
            "seed": seed,
            "database": "postgresql" if database.is_postgres else "sqlite",
            "engine": "ray" if ray else "local",
            "kills": dict(sorted(killed.items())),
            "studies": studies,
            "instances": len(sent),
            "acknowledged": len(senders.acknowledged),
            "tried_again": dict(sorted(senders.failures.items())),
            "sending_s": round(sending_s, 1),
            "whole_s": round(time.monotonic() - begun, 1),
            "settled": settled,
            **_counted(database, FolderArchive(prepared.config.archive_folder), sorted(senders.acknowledged), studies),
        }


def is_sound(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, and everything was judged once."""
    wrong = ("lost", "changed", "twice", "without_one_verdict", "judged_without_some", "dead_jobs")
    return figures["settled"] and figures["audit_whole"] and not any(figures[name] for name in wrong)


def _content(database_url: str, engine: dict[str, Any]) -> dict[str, Any]:
    return {
        "database": {"url": database_url},
        "archive": {"reserve_mib": 0},
        "hospitals": [{"id": HOSPITAL, "name": "Crash", "level": "tertiary_a", "peers": ["CITY_CT"]}],
        "web": {"port": free_port()},
        "dimse": {"port": free_port(), "timeout_s": 20},
        "closing": {"quiet_s": 1, "settle_s": 0.5, "longest_s": 20},
        "jobs": {"lease_s": 5, "heartbeat_s": 1, "attempts": 50, "back_off_s": 0.5, "longest_back_off_s": 5},
        "worker": {"pixels": False, "models": False},
        "metrics": {"port": None},
        **({"engine": engine} if engine else {}),
    }


@contextmanager
def _opened(prepared: Prepared) -> Iterator[Database]:
    """The database of the service, with its tables."""
    database = open_database(prepared.config.database_url(), pool_size=2)
    try:
        schema.upgrade(database)
        write_hospitals(database, prepared.config.hospitals)
        yield database
    finally:
        database.close()


def _cluster(ray: Path | None, stack: ExitStack) -> tuple[list[RayNode], dict[str, Any]]:
    """A Ray cluster of a head and a node that may be killed, and the section of the configuration that names it."""
    if ray is None:
        return [], {}
    address = f"127.0.0.1:{free_port()}"
    head = (str(ray), "start", "--head", "--port", address.rpartition(":")[2], "--num-cpus", "1", "--block")
    process = subprocess.Popen(
        (*head, "--include-dashboard=false"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    time.sleep(10)  # until the head is there
    node = RayNode(ray, address, 1)
    stack.callback(node.kill)
    return [node], {"kind": "ray", "address": address, "cpus": 1, "least_examiners": 2, "most_examiners": 2}


def _kill(
    targets: Sequence[Killable],
    kills: int,
    objects: int,
    senders: RetryingSenders,
    order: random.Random,
    tell: Callable[[str], object],
) -> Counter[str]:
    """Kills one of the targets at random after random numbers of objects; how often each was killed.

    What is killed is at work, and so are the senders: they wait meanwhile for what was killed before to be there again.
    """
    killed: Counter[str] = Counter()
    turns: list[Killable] = []
    for number, at in enumerate(sorted(order.sample(range(objects - _MARGIN), kills)), 1):
        turns = turns or order.sample(targets, len(targets))  # each as often as the others
        target = turns.pop()
        until = time.monotonic() + _READY_S
        while not target.is_ready():
            if time.monotonic() > until:
                raise ServiceError(f"{target.name} does not come back")
            time.sleep(_LOOK_S)
        senders.allowed = at + _MARGIN
        while len(senders.acknowledged) < at and senders.at_work:
            time.sleep(0.01)
        time.sleep(order.random() * 0.1)  # not only right behind an acknowledgement
        target.kill()
        killed[target.name] += 1
        tell(f"{number} of {kills}: {target.name} killed at {len(senders.acknowledged)} of {objects}")
        target.start()
    senders.allowed = objects
    return killed


def _settled(database: Database, studies: int) -> bool:
    """Whether every study has its verdict and no job is left, in time."""
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        try:
            with database.reading() as session:
                scored = session.scalar(select(func.count()).select_from(StudyRow).where(StudyRow.state == SCORED))
                left = session.scalar(select(func.count()).select_from(Job).where(Job.state.in_(("ready", "leased"))))
            if scored == studies and not left:
                return True
        except ServiceError:
            pass  # the database was killed a moment ago
        time.sleep(0.5)
    return False


def _counted(database: Database, archive: FolderArchive, acknowledged: Sequence[Path], studies: int) -> dict[str, Any]:
    """What is there, against what was acknowledged."""
    with database.reading() as session:
        rows = session.scalars(select(InstanceRow)).all()
        all_studies = session.scalars(select(StudyRow)).all()
        verdicts = session.scalars(select(VerdictRow).where(VerdictRow.kind == "full")).all()
        dead = session.scalar(select(func.count()).select_from(Job).where(Job.state == "dead"))
        checked = audit.verify(session)
    by_uid: dict[str, list[InstanceRow]] = {}
    for row in rows:
        by_uid.setdefault(row.sop_instance_uid, []).append(row)
    lost = changed = 0
    for path in acknowledged:
        found = by_uid.get(read_header(path, path.name).text("SOPInstanceUID") or "", [])
        lost += not found
        changed += bool(found) and not _held(archive, found[0], path)
    of_study = Counter((one.study_id, one.generation) for one in verdicts)
    latest = {one.id: one for one in verdicts}
    one_verdict = [
        study
        for study in all_studies
        if of_study[study.id, study.generation] == 1
        and study.verdict_id in latest
        and latest[study.verdict_id].generation == study.generation
    ]
    return {
        "rows": len(rows),
        "lost": lost,
        "changed": changed,
        "twice": sum(len(found) > 1 for found in by_uid.values()),
        "without_one_verdict": studies - len(one_verdict),
        "judged_without_some": sum(
            study.closed_at is None or study.closed_at < study.last_instance_at for study in all_studies
        ),
        "generations": sum(study.generation for study in all_studies),
        "dead_jobs": dead,
        "audit_lines": checked.num_lines,
        "audit_whole": not checked.faults,
    }


def _held(archive: FolderArchive, row: InstanceRow, sent: Path) -> bool:
    """Whether the archive has the bytes that the row names, with the data set that was sent."""
    try:
        with archive.local(row.archive_key) as path:
            content = path.read_bytes()
            at = read_header(path, "the object").data_set_at
    except ServiceError:
        return False
    wanted = sent.read_bytes()[read_header(sent, sent.name).data_set_at :]
    return hashlib.sha256(content).hexdigest() == row.digest and content[at:] == wanted
