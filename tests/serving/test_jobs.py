"""Jobs: one worker at a time, our faults tried again, whose turn it is."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from qc_models.errors import InputError, ModelError, ServiceError
from serving import jobs
from serving.database.sessions import Database
from serving.database.tables import AuditLine, Job
from serving.jobs import Lease, LeaseLostError, Leasing, Waiting, fair_order
from tests.serving.made_rows import NOW, made_study

LEASING = Leasing(lease_s=60, attempts=3, back_off_s=10, longest_back_off_s=30)
pytestmark = pytest.mark.usefixtures("hospitals")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def put(
    database: Database, *uids: str, hospital_id: str = "city", priority: int = jobs.USUAL, kind: str = "score"
) -> None:
    with database.writing() as session:
        for uid in uids:
            study = made_study(session, uid, hospital_id)
            assert jobs.enqueue(session, kind, study, 1, priority, NOW, LEASING)


def take(database: Database, now: datetime = NOW, kind: str = "score") -> Lease | None:
    with database.writing() as session:
        return jobs.take(session, kind, now, LEASING)


def taken(database: Database, now: datetime = NOW) -> Lease:
    lease = take(database, now)
    assert lease is not None
    return lease


def job_of(database: Database, lease: Lease) -> Job:
    with database.reading() as session:
        return session.get_one(Job, lease.job_id)


def fail(database: Database, lease: Lease, error: Exception, now: datetime = NOW) -> bool:
    with database.writing() as session:
        return jobs.failed(session, lease, error, now, LEASING)


def finish(database: Database, lease: Lease, now: datetime = NOW) -> None:
    with database.writing() as session:
        jobs.done(jobs.held(session, lease), now)


def test_a_job_is_put_in_the_queue_once_for_a_generation(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        put_in = [jobs.enqueue(session, "score", study, generation, 1, NOW, LEASING) for generation in (1, 1, 2)]
        put_in.append(jobs.enqueue(session, "first_look", study, 1, 1, NOW, LEASING))
    assert put_in == [True, False, True, True]


def test_a_job_is_taken_once_and_done_once(database: Database) -> None:
    put(database, "1.1")
    assert take(database, kind="first_look") is None
    lease = taken(database)
    assert (lease.attempt, lease.generation, lease.hospital_id) == (1, 1, "city")
    assert take(database) is None
    finish(database, lease)
    assert take(database, later(3600)) is None
    assert (job_of(database, lease).state, job_of(database, lease).leased_until) == ("done", None)


def test_a_look_at_the_queue_tells_whether_anything_is_due(database: Database) -> None:
    def due(now: datetime) -> bool:
        with database.reading() as session:
            return jobs.is_due(session, "score", now)

    assert not due(NOW)
    put(database, "1.1")
    assert due(NOW)
    assert not due(later(-1))
    taken(database)
    assert not due(NOW)
    assert due(later(61))


def test_a_heartbeat_keeps_the_lease(database: Database) -> None:
    put(database, "1.1")
    lease = taken(database)
    with database.writing() as session:
        assert jobs.beat(session, lease, later(50), LEASING)
    assert take(database, later(100)) is None
    assert taken(database, later(111)).job_id == lease.job_id


def test_who_lost_the_lease_is_not_heard(database: Database) -> None:
    put(database, "1.1")
    dead = taken(database)
    second = taken(database, later(61))
    assert (second.job_id, second.attempt) == (dead.job_id, 2)
    with database.writing() as session:
        assert not jobs.beat(session, dead, later(62), LEASING)
    with pytest.raises(LeaseLostError):
        finish(database, dead)
    with pytest.raises(LeaseLostError):
        fail(database, dead, ModelError("late"))
    finish(database, second)
    with pytest.raises(LeaseLostError):
        finish(database, second)


def test_who_is_late_but_alone_is_heard(database: Database) -> None:
    put(database, "1.1")
    lease = taken(database)
    finish(database, lease, later(61))
    assert job_of(database, lease).state == "done"


def test_our_faults_are_tried_again_later_each_time_and_then_given_up(database: Database) -> None:
    put(database, "1.1")
    now, waits = NOW, []
    for _ in range(2):
        lease = taken(database, now)
        assert fail(database, lease, ModelError("bundle broken"), now)
        assert take(database, now) is None
        waits.append((job_of(database, lease).run_at - now).total_seconds())
        now = job_of(database, lease).run_at
    assert waits == [10, 20]
    lease = taken(database, now)
    assert not fail(database, lease, ModelError("bundle broken"), now)
    job = job_of(database, lease)
    assert (job.state, job.reason, job.attempts) == ("dead", "bundle broken", 3)
    with database.reading() as session:
        assert session.scalars(select(AuditLine.action)).all() == ["job given up"]
    assert take(database, later(1e6)) is None


def test_the_senders_faults_are_not_tried_again(database: Database) -> None:
    put(database, "1.1")
    lease = taken(database)
    assert not fail(database, lease, InputError("no image in it; send it again"))
    assert job_of(database, lease).reason == "no image in it; send it again"


def test_an_archive_that_is_away_is_no_attempt_for_a_day(database: Database) -> None:
    put(database, "1.1")
    for number in range(5):
        now = later(number * 600)
        assert fail(database, taken(database, now), ServiceError("the archive is away"), now)
    next_day = later(25 * 3600)
    lease = taken(database, next_day)
    assert lease.attempt == 1
    assert fail(database, lease, ServiceError("the archive is away"), next_day)
    assert job_of(database, lease).attempts == 1


def test_a_study_that_kills_its_workers_is_given_up(database: Database) -> None:
    put(database, "1.1")
    leases = [taken(database, later(61 * number)) for number in range(3)]
    assert [lease.attempt for lease in leases] == [1, 2, 3]
    assert take(database, later(61 * 3)) is None
    job = job_of(database, leases[0])
    assert job.state == "dead"
    assert "attempt 3" in job.reason


def test_what_was_given_up_can_be_revived(database: Database) -> None:
    put(database, "1.1")
    lease = taken(database)
    fail(database, lease, InputError("broken"))
    with database.writing() as session:
        jobs.revive(session, lease.job_id, "account:4", NOW)
    again = taken(database)
    assert (again.job_id, again.attempt) == (lease.job_id, 1)
    with database.writing() as session, pytest.raises(InputError):
        jobs.revive(session, lease.job_id, "account:4", NOW)


def test_urgent_before_usual_before_what_nobody_waits_for(database: Database) -> None:
    put(database, "1.1", priority=jobs.OFF_PEAK)
    put(database, "1.2")
    put(database, "1.3", hospital_id="county", priority=jobs.URGENT)
    with database.reading() as session:
        order = [session.get_one(Job, taken(database).job_id).priority for _ in range(3)]
    assert order == [jobs.URGENT, jobs.USUAL, jobs.OFF_PEAK]


def test_a_hospital_that_sends_much_waits_for_its_own_alone(database: Database) -> None:
    put(database, *(f"1.{number}" for number in range(6)))
    put(database, "2.1", "2.2", hospital_id="county")
    order = []
    for number in range(6):  # one worker
        now = later(number)
        lease = taken(database, now)
        order.append(lease.hospital_id)
        finish(database, lease, now)
    assert order == ["city", "county", "city", "county", "city", "city"]


def test_workers_are_shared_between_hospitals(database: Database) -> None:
    put(database, *(f"1.{number}" for number in range(6)))
    first = [taken(database, later(number)).hospital_id for number in range(3)]
    put(database, "2.1", "2.2", "2.3", hospital_id="county")
    then = [taken(database, later(3 + number)).hospital_id for number in range(3)]
    assert (first, then) == (["city"] * 3, ["county"] * 3)


def test_takers_at_the_same_time_take_different_jobs(database: Database) -> None:
    if not database.is_postgres:
        pytest.skip("SQLite has one writer at a time")
    put(database, "1.1", "1.2")
    with database.writing() as first, database.writing() as second, database.writing() as third:
        leases = [jobs.take(session, "score", NOW, LEASING) for session in (first, second, third)]
    assert leases[2] is None
    assert Counter(lease.job_id for lease in leases if lease).most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("waiting", "order"),
    [
        ([Waiting("a", 1, NOW), Waiting("b", 0, later(9), in_work=5)], ["b", "a"]),
        ([Waiting("a", 1, NOW, in_work=2), Waiting("b", 1, later(9), in_work=1)], ["b", "a"]),
        ([Waiting("a", 1, NOW, served_at=later(5)), Waiting("b", 1, later(9), served_at=later(4))], ["b", "a"]),
        ([Waiting("a", 1, later(9), served_at=NOW), Waiting("b", 1, later(9))], ["b", "a"]),
        ([Waiting("a", 1, later(9)), Waiting("b", 1, later(8))], ["b", "a"]),
    ],
    ids=["urgency", "in work", "served", "never served", "first come"],
)
def test_whose_turn_it_is(waiting: Sequence[Waiting], order: list[str]) -> None:
    assert fair_order(waiting) == order
    assert fair_order(waiting[::-1]) == order


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, "06:00", "2026-09-01T08:00"),
        ("22:00", "06:00", "2026-09-01T22:00"),
        ("07:30", "09:00", "2026-09-01T08:00"),
        ("01:00", "05:00", "2026-09-02T01:00"),
        ("22:00", "08:30", "2026-09-01T08:00"),
    ],
)
def test_quiet_hours(start: str | None, end: str, expected: str) -> None:
    leasing = Leasing.model_validate({"off_peak_from": start, "off_peak_to": end})
    assert jobs.off_peak_start(NOW, leasing) == datetime.fromisoformat(expected + "+00:00")


def test_back_off_doubles_up_to_its_limit() -> None:
    assert [jobs.back_off(attempts, LEASING).total_seconds() for attempts in (1, 2, 3, 9)] == [10, 20, 30, 30]


def test_a_mistake_of_ours_is_told_without_its_words() -> None:
    try:
        raise KeyError("张三")
    except KeyError as error:
        reason = jobs.reason_of(error)
    assert reason.startswith("KeyError at test_jobs.py:")
    assert "张三" not in reason
