"""How long the question of a doctor's workstation takes in a large pool: asked by one client and by several without a pause.

Directly and over HTTP, where who asked is written into the audit chain too.

The pool is made in a PostgreSQL of its own: patients with one examination or many, known under ids of several hospitals, entries of
all states, and studies beside it that never came into it. Who has many examinations is asked about more often.
"""

import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import httpx
import yaml
from sqlalchemy import func, insert, make_url, select, text, update

from benchmarks.private_postgres import private_postgres
from qc_models.exam_item import Catalogue
from qc_models.policy import load_policy
from serving.auth.accounts import Place, create_key
from serving.database import schema
from serving.database.sessions import open_database
from serving.database.tables import Hospital, PoolEntry, StudyRow, Table, VerdictRow
from serving.pool import person_digest, person_key
from serving.pool_lookup import Asked, lookup

HOSPITALS = 120
LEVELS = ("tertiary_a", "secondary_a", "primary")
TODAY = date(2026, 9, 1)
TARGET_MS = 50.0  # of the 95th percentile
ENTRIES_OF_A_PATIENT = 4  # on average; a few have hundreds
WARMING = 50  # questions of each client that are not counted
_WEB_PORT = 18462
_SEED = 7
_SECRET = "a secret of the benchmark, and of nobody else"
_BORN = date(1970, 1, 1)

# One row a study: its person (a square makes few persons have many), hospital, item, day. Every sixth study has no entry.
_ROWS = """
SELECT n, floor(pow(random(), 2) * :persons)::bigint AS person, floor(random() * :hospitals)::int AS hospital,
       floor(pow(random(), 2) * :items)::int AS item, date '2026-08-31' - floor(pow(random(), 2) * 1095)::int AS day,
       random() AS luck
FROM generate_series(1, :studies) AS n
"""
_STEPS = (
    "TRUNCATE study, verdict, pool_entry CASCADE",
    "CREATE UNLOGGED TABLE made AS" + _ROWS,
    """INSERT INTO study (id, hospital_id, uid, state, generation, urgent, num_instances, first_instance_at, last_instance_at,
       verdict_id, patient_issuer, patient_id, patient_name, patient_sex, accession_number, study_date, description, modalities)
       SELECT n, 'hospital-' || hospital, '1.2.826.0.1.' || n, 'scored', 1, false, 1, day, day, n, 'issuer-' || hospital,
       'P' || person, '', 'F', '', day, '', '["CT"]' FROM made""",
    """INSERT INTO verdict (id, study_id, generation, kind, verdict, grade, items, reasons, versions, versions_digest, as_of,
       created_at, seconds)
       SELECT n, n, 1, 'full', word, 'A', json_build_array(json_build_object('id', (:names)[item + 1], 'verdict', word)), '[]',
       '{}', 'v', day, day, 1 FROM (SELECT *, CASE WHEN n % 6 > 0 THEN 'pass' WHEN luck < 0.7 THEN 'review' ELSE 'reject' END
       AS word FROM made) AS said""",
    """INSERT INTO pool_entry (study_id, verdict_id, item_id, hospital_id, patient_issuer, patient_id, person_digest, devices,
       examined_on, valid_until, state, state_reason, created_at, changed_at)
       SELECT n, n, (:names)[item + 1], 'hospital-' || hospital, 'issuer-' || hospital, 'P' || person,
       encode(sha256(('person' || person)::bytea), 'hex'),
       json_build_array(substr(md5(hospital || '-' || item), 1, 16)), day, day + 30 + item % 3 * 30,
       CASE WHEN luck < 0.8 THEN 'active' WHEN luck < 0.92 THEN 'superseded' ELSE 'withdrawn' END, '', day, day
       FROM made WHERE n % 6 > 0 LIMIT :entries""",
    "DROP TABLE made",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a doctor of the first hospital asks: an item, and a patient by id, by name, or by both."""

    item_id: str
    issuer: str
    patient_id: str
    name: str
    person: str


def run(entries: int, questions: int, clients: int, catalogue: Catalogue, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of the library and of the route, by one client and by `clients`: percentiles in milliseconds, and what was found."""
    with private_postgres() as url, tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        items = list(catalogue.items)
        key = _fill(url, entries, items, say)
        loaded_s = time.perf_counter() - begun
        say(f"{entries} entries in {loaded_s:.0f} s")
        asked = _questions(url, questions, items)
        # about other patients each, since who was looked at lately is not written down again
        parts = {"1 client": (asked[::2], 1), f"{clients} clients": (asked[1::2], clients)}
        direct = {name: _asked(_Direct(url), *part) for name, part in parts.items()}
        with _web(url, Path(scratch)) as address:
            over_http = {name: _asked(_OverHttp(address, key), *part) for name, part in parts.items()}
        return {
            "entries": entries,
            "size_gib": round(_size(url) / 2**30, 2),
            "loaded_s": round(loaded_s, 1),
            "target_p95_ms": TARGET_MS,
            "lookup": direct,
            "route": over_http,
        }


def _fill(url: str, entries: int, items: list[str], say: Callable[[str], None]) -> str:
    """Makes tables and rows, indexes last; returns the key of a doctor of the first hospital."""
    studies = entries * 6 // 5 + 6
    names = "ARRAY[" + ",".join(f"'{item}'" for item in items) + "]"
    values = {"persons": max(1, entries // ENTRIES_OF_A_PATIENT), "hospitals": HOSPITALS, "items": len(items)}
    values |= {"studies": studies, "entries": entries}
    with closing(open_database(url)) as database:
        schema.upgrade(database)
        tables = [Table.metadata.tables[table.__tablename__] for table in (StudyRow, VerdictRow, PoolEntry)]
        indexes = [index for table in tables for index in table.indexes]
        with database.writing() as session:
            session.execute(
                insert(Hospital),
                [
                    {"id": f"hospital-{place}", "name": f"Hospital {place}", "level": LEVELS[place % len(LEVELS)]}
                    | {"alliances": ["all"] if place % 2 else [], "issuer": f"issuer-{place}"}
                    for place in range(HOSPITALS)
                ],
            )
            for index in indexes:
                index.drop(session.connection())
            session.execute(text("SET LOCAL session_replication_role = replica"))  # rows that fit need no checks
            session.execute(text("SELECT setseed(0.5)"))
            for number, step in enumerate(_STEPS):
                words = step.replace(":names", names)
                session.execute(text(words), {name: value for name, value in values.items() if f":{name}" in words})
                say(f"step {number + 1} of {len(_STEPS)}")
            for index in indexes:
                index.create(session.connection())
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE) study, verdict, pool_entry")
        with database.writing() as session:
            now = datetime.now(UTC)
            return create_key(session, "bench", now, "bench", Place("doctor", "hospital-0"))[1]


def _questions(url: str, number: int, items: list[str]) -> list[Question]:
    """Questions about the patients of entries drawn at random: by id and person, twice as often as by one of the two alone.

    A person whom somebody asks about gets the digest that the service makes of their name, which no database can make.
    """
    drawn = random.Random(_SEED)
    key = person_key(_SECRET)
    questions: list[Question] = []
    with closing(open_database(url)) as database, database.writing() as session:
        newest = session.scalar(select(func.max(PoolEntry.id))) or 1
        while len(questions) < number:
            entry = session.get(PoolEntry, drawn.randint(1, newest))
            if entry is None:
                continue
            way = len(questions) % 4
            name = f"某^{entry.patient_id}"
            person = person_digest(key, name, _BORN, "F")
            theirs = update(PoolEntry).where(PoolEntry.person_digest == entry.person_digest)
            question = Question(
                entry.item_id if drawn.random() < 0.7 else drawn.choice(items),
                entry.patient_issuer if way != 3 else "",
                entry.patient_id if way != 3 else "",
                name if way != 2 else "",
                person if way != 2 else "",
            )
            session.execute(theirs.values(person_digest=person).execution_options(synchronize_session=False))
            session.expire_all()
            questions.append(question)
    return questions


class _Direct:
    """The library with a database of its own."""

    def __init__(self, url: str) -> None:
        self._url = url

    def begin(self) -> None:
        self._database = open_database(self._url, pool_size=1)
        self._policy = load_policy()

    def ask(self, question: Question) -> tuple[int, int]:
        """How many examinations are eligible, and how many others there are."""
        whose = (question.issuer, question.patient_id, question.person)
        with self._database.reading() as session:
            answer = lookup(session, Asked(question.item_id, "hospital-0", TODAY, *whose), self._policy)
        return len(answer.eligible), len(answer.others)


class _OverHttp:
    """The route of the web process."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key

    def begin(self) -> None:
        self._client = httpx.Client(base_url=self._address, headers={"Authorization": f"Bearer {self._key}"})

    def ask(self, question: Question) -> tuple[int, int]:
        """How many examinations are eligible, and how many others there are."""
        patient = {"issuer": question.issuer, "id": question.patient_id} if question.patient_id else {}
        if question.name:
            patient |= {"name": question.name, "birth_date": _BORN.isoformat(), "sex": "F"}
        said = {"patient": patient, "item": question.item_id, "on": TODAY.isoformat()}
        answer = self._client.post("/api/pool/lookup", json=said)
        answer.raise_for_status()
        found = answer.json()
        return len(found["eligible"]), len(found["others"])


_asking: _Direct | _OverHttp  # of one process


def _begin(asking: _Direct | _OverHttp) -> None:
    global _asking
    _asking = asking
    _asking.begin()


def _ask(asked: list[Question]) -> list[tuple[float, int, int]]:
    """Milliseconds of each question, and what it found."""
    for one in asked[:WARMING]:
        _asking.ask(one)
    answers = []
    for one in asked:
        begun = time.perf_counter()
        eligible, others = _asking.ask(one)
        answers.append((1000 * (time.perf_counter() - begun), eligible, others))
    return answers


def _asked(asking: _Direct | _OverHttp, asked: list[Question], clients: int) -> dict[str, Any]:
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(clients, spawning, initializer=_begin, initargs=(asking,)) as pool:
        begun = time.perf_counter()
        parts = list(pool.map(_ask, [asked[place::clients] for place in range(clients)]))
        seconds = time.perf_counter() - begun
    answers = [answer for part in parts for answer in part]
    taken = sorted(answer[0] for answer in answers)
    centiles = statistics.quantiles(taken, n=100)
    return {
        "questions": len(answers),
        "p50_ms": round(centiles[49], 2),
        "p95_ms": round(centiles[94], 2),
        "p99_ms": round(centiles[98], 2),
        "slowest_ms": round(taken[-1], 1),
        "questions_per_s": round(len(answers) / seconds, 1),
        "mean_eligible": round(statistics.mean(answer[1] for answer in answers), 2),
        "mean_others": round(statistics.mean(answer[2] for answer in answers), 2),
    }


@contextmanager
def _web(url: str, folder: Path) -> Iterator[str]:
    """The address of the service's own web process on this database."""
    hospitals = [
        {"id": f"hospital-{place}", "name": f"Hospital {place}", "level": LEVELS[place % len(LEVELS)]}
        | {"alliances": ["all"] if place % 2 else [], "issuer": f"issuer-{place}"}
        for place in range(HOSPITALS)
    ]
    config = {
        "database": {"url": make_url(url).set(drivername="postgresql").render_as_string()},
        "hospitals": hospitals,
        "web": {"port": _WEB_PORT},
        "limits": {"caller_per_s": 1e6, "caller_burst": 1_000_000},
    }
    path = folder / "service.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    command = "from serving.command_line import main; main()"
    options = ["serve", "--config", str(path), "--state", str(folder / "state"), "web"]
    environ = {**os.environ, "TOUCHSTONE_SECRET_KEY": _SECRET}
    with Popen([sys.executable, "-c", command, *options], stdout=DEVNULL, stderr=DEVNULL, env=environ) as process:
        address = f"http://127.0.0.1:{_WEB_PORT}"
        try:
            _await(address, process)
            yield address
        finally:
            process.terminate()


def _await(address: str, process: "Popen[bytes]") -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError("the web process ended; run `touchstone serve` to see why")
        try:
            httpx.get(f"{address}/health", timeout=2).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise RuntimeError("the web process does not answer")


def _size(url: str) -> int:
    with closing(open_database(url)) as database, database.reading() as session:
        return session.scalar(text("SELECT pg_database_size(current_database())")) or 0
