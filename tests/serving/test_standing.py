"""Who is suspended on which day and why, and that the policy of a day says so, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import select

from inference.engine.ray_session import RaySession
from inference.engine.section import EngineSection
from inference.engine.study_engine import Order
from inference.pipeline import Settings
from qc_models.errors import InputError
from qc_models.exam_item import Name, load_catalogue
from qc_models.policy import Suspension, load_policy
from qc_models.report import QcReport
from serving import standing
from serving.database.sessions import Database
from serving.database.tables import AuditLine, DeviceStanding, Hospital
from serving.standing import FAILED, GOOD, OVERDUE, SUSPENDED, AcceptanceTest, Decision
from serving.worker import DEFAULT_CATALOGUE

POLICY = load_policy()
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
TODAY = date(2026, 9, 10)
DEVICE, OTHER = "0123456789abcdef", "fedcba9876543210"


def of(database: Database, device: str = DEVICE, on: date = TODAY) -> str:
    """Why the studies of a device of the city go to a person; empty where they need not."""
    with database.reading() as session:
        policy = standing.policy_for(POLICY, session.get_one(Hospital, "city"), session, on)
    found = policy.standing_of((device,), ("whatever",))
    assert policy.digest == POLICY.digest
    return found.reason.en if found is not None else ""


def test_nothing_is_known_against_anybody(database: Database, hospitals: tuple[str, str]) -> None:
    assert of(database) == ""
    with database.reading() as session:
        assert standing.policy_for(POLICY, session.get_one(Hospital, "city"), session, TODAY) is POLICY


def test_a_hospital_is_suspended_to_its_last_day(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        decision = Decision(SUSPENDED, "no quality control", TODAY + timedelta(days=3))
        standing.decide_hospital(session, "city", decision, "account:1", NOW)
    assert of(database) == "no quality control"
    assert of(database, OTHER, TODAY + timedelta(days=3)) == "no quality control"
    assert of(database, on=TODAY + timedelta(days=4)) == ""
    with database.writing() as session:
        standing.decide_hospital(session, "city", Decision(GOOD), "account:1", NOW)
    assert of(database) == ""


def test_a_device_is_suspended_alone(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        standing.decide_device(session, "city", DEVICE, Decision(SUSPENDED, "tube broken"), "account:1", NOW)
        standing.decide_device(session, "county", OTHER, Decision(SUSPENDED, "old"), "account:1", NOW)
    assert (of(database), of(database, OTHER)) == ("tube broken", "")
    with database.writing() as session:
        standing.decide_device(session, "city", DEVICE, Decision(GOOD), "account:1", NOW)
        assert len(session.scalars(select(DeviceStanding)).all()) == 2
    assert of(database) == ""


def test_a_test_that_failed_or_is_overdue_suspends(database: Database, hospitals: tuple[str, str]) -> None:
    def enter(passed: bool, made: date, until: date) -> None:
        with database.writing() as session:
            standing.enter_test(session, "city", DEVICE, AcceptanceTest(passed, made, until, "QA-7"), "account:1", NOW)

    enter(True, TODAY - timedelta(days=300), TODAY)
    assert (of(database), of(database, on=TODAY + timedelta(days=1))) == ("", OVERDUE)
    enter(False, TODAY - timedelta(days=1), TODAY + timedelta(days=365))
    assert of(database) == FAILED
    with pytest.raises(InputError, match="later"):
        enter(True, TODAY - timedelta(days=2), TODAY + timedelta(days=365))
    enter(True, TODAY, TODAY + timedelta(days=365))
    assert of(database) == ""
    with pytest.raises(InputError, match="before it was made"):
        enter(True, TODAY, TODAY - timedelta(days=1))
    with pytest.raises(InputError, match="still to come"):
        enter(True, TODAY + timedelta(days=2), TODAY + timedelta(days=9))


def test_whatever_is_decided_is_in_the_audit_chain(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session:
        standing.decide_hospital(session, "city", Decision(SUSPENDED, "why"), "account:1", NOW)
        standing.decide_device(session, "city", DEVICE, Decision(SUSPENDED, "why"), "key:2", NOW)
        test = AcceptanceTest(True, TODAY, TODAY + timedelta(days=9), "QA-7")
        standing.enter_test(session, "city", DEVICE, test, "account:1", NOW)
    with database.reading() as session:
        lines = session.scalars(select(AuditLine).order_by(AuditLine.number)).all()
    assert [(line.actor, line.action, line.subject) for line in lines] == [
        ("account:1", "standing", "hospital:city"),
        ("key:2", "standing", f"device:{DEVICE}"),
        ("account:1", "acceptance test", f"device:{DEVICE}"),
    ]
    assert lines[0].detail == {"standing": "suspended", "reason": "why", "until": None}
    assert lines[2].detail["valid_until"] == "2026-09-19"


def test_a_hospital_that_nobody_knows(database: Database, hospitals: tuple[str, str]) -> None:
    with database.writing() as session, pytest.raises(InputError, match="no such hospital"):
        standing.decide_device(session, "nowhere", DEVICE, Decision(GOOD), "account:1", NOW)


def test_every_suspension_travels_with_the_orders_that_it_is_for(
    database: Database, hospitals: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would be put on Ray stays here, and no cluster is begun."""
    monkeypatch.setattr("ray.put", lambda rules: rules)
    ray = RaySession.__new__(RaySession)
    ray._section, ray._lock, ray._rules = EngineSection(), Lock(), {}
    catalogue = load_catalogue(DEFAULT_CATALOGUE)

    def suspend(hospital: str, device: str) -> None:
        with database.writing() as session:
            standing.decide_device(session, hospital, device, Decision(SUSPENDED, "why"), "account:1", NOW)

    def sent(hospital: str) -> tuple[list[bool], str]:
        """Which of both devices an order of a hospital suspends, and by what its rules are kept."""
        with database.reading() as session:
            policy = standing.policy_for(POLICY, session.get_one(Hospital, hospital), session, TODAY)
        order = Order("1.2.3", (), Settings(catalogue=catalogue, policy=policy, as_of=TODAY))
        rules = ray._message(order).rules
        kept: Any = rules.kept[0]
        assert kept[1].digest == POLICY.digest
        return [kept[1].standing_of((device,), ("",)) is not None for device in (DEVICE, OTHER)], rules.digest

    suspend("city", DEVICE)
    suspend("county", OTHER)
    first = sent("city")
    assert (first[0], sent("county")[0]) == ([True, False], [False, True])
    assert sent("city") == first
    suspend("city", OTHER)
    assert sent("city")[0] == [True, True]


def test_a_standing_decides_by_whichever_device_it_is_of() -> None:
    reason = Name(en="x", zh="x")
    policy = POLICY.model_copy(update={"suspended": (Suspension(device=OTHER, reason=reason),)})
    facts: dict[str, Any] = {"device": DEVICE, "institution": ""}
    assert not standing.decided(POLICY, policy, QcReport({"facts": facts}))
    several = QcReport({"facts": facts | {"other_devices": [OTHER]}})
    assert standing.decided(POLICY, policy, several)
    assert not standing.decided(policy, policy, several)
    policy = POLICY.model_copy(update={"suspended": (Suspension(institution="County  hospital", reason=reason),)})
    for institution, *others in (["City"], ["City", "COUNTY HOSPITAL"], ["County Hospital"]):
        made = QcReport({"facts": facts | {"institution": institution, "other_institutions": others}})
        assert standing.decided(POLICY, policy, made) is ("COUNTY" in "".join([institution, *others]).upper())
