"""Queues, outbox, reviews, pool and room are read from the database, now and then; one that is away says so."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.orm import Session

from serving.database.sessions import Database, open_database
from serving.database.tables import Job, OutboxRow, PoolEntry, Review, StudyRow, VerdictRow
from serving.observing import standing
from serving.observing.standing import GAUGES, Standing
from tests.serving.made_rows import NOW, Clock, made_study, made_verdict


def job(session: Session, study: StudyRow, generation: int, **fields: Any) -> None:
    content = {"kind": "score", "priority": 1, "state": "ready", "run_at": NOW, "created_at": NOW} | fields
    session.add(Job(study_id=study.id, generation=generation, hospital_id="city", **content))


def read(database: Database, folder: Path | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Standing(database, folder))
    return registry


def entry(study: StudyRow, verdict: VerdictRow, item: str, **fields: Any) -> PoolEntry:
    days = {"examined_on": NOW.date(), "valid_until": NOW.date() + timedelta(days=30)} | fields
    patient = {"patient_issuer": "city-issuer", "patient_id": "7"}
    times = {"created_at": NOW, "changed_at": NOW}
    content: dict[str, Any] = {"state": "active", **patient, **days, **times}
    return PoolEntry(study_id=study.id, verdict_id=verdict.id, item_id=item, hospital_id="city", **content)


def test_what_waits_is_counted_by_kind_and_priority(database: Database, hospitals: tuple[str, str]) -> None:
    clock = Clock(NOW)
    database.now = clock
    clock.seconds = 90
    with database.writing() as session:
        study = made_study(session)
        made_study(session, "1.2.4", state="arriving")
        verdict = made_verdict(session, study)
        job(session, study, 1)
        job(session, study, 2, run_at=NOW + timedelta(seconds=30))
        job(session, study, 3, priority=0, run_at=NOW + timedelta(seconds=900))
        job(session, study, 4, state="leased")
        job(session, study, 5, state="dead")
        job(session, study, 6, state="dead", priority=0)
        job(session, study, 7, state="done")
        message = {"kind": "webhook", "body": {}, "next_at": NOW, "created_at": NOW}
        session.add(OutboxRow(target="his", subject="1", state="waiting", **message))
        session.add(OutboxRow(target="his", subject="2", state="dead", **message))
        session.add(OutboxRow(target="his", subject="3", state="sent", **message))
        session.add(OutboxRow(target="his", subject="4", state="sending", **message))
        session.add(
            Review(study_id=study.id, verdict_id=verdict.id, kind="appeal", state="open", answers=[], created_at=NOW)
        )
        until = NOW.date() - timedelta(days=1)
        session.add_all(
            [
                entry(study, verdict, "A"),
                entry(study, verdict, "B", valid_until=until),
                entry(study, verdict, "C", state="withdrawn"),
            ]
        )
    value = read(database).get_sample_value
    usual, urgent = {"kind": "score", "priority": "usual"}, {"kind": "score", "priority": "urgent"}
    assert value("touchstone_jobs_waiting", usual) == 2
    assert value("touchstone_jobs_oldest_seconds", usual) == 90
    assert value("touchstone_jobs_waiting", urgent) == 1
    assert value("touchstone_jobs_oldest_seconds", urgent) == 0  # it comes later
    assert value("touchstone_jobs_leased", {"kind": "score"}) == 1
    assert value("touchstone_jobs_dead", {"kind": "score"}) == 2
    assert value("touchstone_studies", {"state": "closed"}) == 1
    assert value("touchstone_arriving_oldest_seconds") == 90
    his = {"kind": "webhook", "target": "his"}
    assert (value("touchstone_outbox_waiting", his), value("touchstone_outbox_dead", his)) == (2, 1)
    assert value("touchstone_outbox_oldest_seconds", his) == 90
    assert value("touchstone_reviews_open", {"kind": "appeal"}) == 1
    assert value("touchstone_reviews_oldest_seconds", {"kind": "appeal"}) == 90
    assert value("touchstone_pool_entries_active") == 1
    assert value("touchstone_database_up") == 1


def test_the_database_is_asked_now_and_then(
    database: Database, hospitals: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = read(database)
    assert registry.get_sample_value("touchstone_studies", {"state": "closed"}) is None
    with database.writing() as session:
        made_study(session)
    assert registry.get_sample_value("touchstone_studies", {"state": "closed"}) is None
    monkeypatch.setattr(standing, "AGAIN_S", -1.0)
    monkeypatch.setattr(standing, "SHARE", float("inf"))
    registry = read(database)
    with database.writing() as session:
        made_study(session, "1.2.4")
    assert registry.get_sample_value("touchstone_studies", {"state": "closed"}) == 2


def test_a_database_that_is_away_says_so(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'absent' / 'file'}")
    value = read(database, tmp_path).get_sample_value
    assert value("touchstone_database_up") == 0
    assert (value("touchstone_archive_free_bytes") or 0) > 0
    assert value("touchstone_jobs_waiting") is None


def test_every_gauge_is_described_before_anything_is_asked(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'absent' / 'file'}")
    assert {family.name for family in Standing(database, None).describe()} == GAUGES.keys()
