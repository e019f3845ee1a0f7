"""The pool: what passes is offered, what is judged anew is superseded or withdrawn, and what doctors answer is kept."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.exam_item import Name
from qc_models.policy import Suspension, load_policy
from serving import pool
from serving.database.sessions import Database
from serving.database.tables import AuditLine, Hospital, PoolEntry, StudyRow, VerdictRow
from serving.standing import Decision, decide_device, decide_hospital
from tests.serving.made_rows import NOW, made_report, made_study, made_verdict

pytestmark = pytest.mark.usefixtures("hospitals")
POLICY = load_policy()
DEVICE, SECOND = "a" * 16, "c" * 16


def says(session: Session, study: StudyRow, items: dict[str, str], **fields: object) -> VerdictRow:
    content = [{"id": item, "verdict": verdict} for item, verdict in items.items()]
    worst = max(items.values(), key=("pass", "review", "reject").index)
    return made_verdict(session, study, items=content, verdict=worst, **fields)


def offered(session: Session, study: StudyRow, items: dict[str, str], **fields: object) -> list[PoolEntry]:
    verdict = says(session, study, items, **fields)
    study.state, study.verdict_id = "scored", verdict.id
    return pool.offer(session, study, verdict, made_report(items), "p1", NOW)


def states(session: Session, study: StudyRow) -> list[tuple[str, str]]:
    query = select(PoolEntry).where(PoolEntry.study_id == study.id).order_by(PoolEntry.id)
    return [(entry.item_id, entry.state) for entry in session.scalars(query)]


def test_each_item_that_passed_is_offered_until_its_window_ends(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        (entry,) = offered(session, study, {"CT-CHEST": "pass", "CT-ABD": "reject"})
    assert (entry.item_id, entry.examined_on, entry.valid_until) == ("CT-CHEST", date(2026, 9, 1), date(2026, 10, 1))
    assert (entry.hospital_id, entry.patient_issuer, entry.patient_id, entry.person_digest) == (
        "city",
        "city-issuer",
        "7",
        "p1",
    )
    with database.reading() as session:
        line = session.scalars(select(AuditLine)).one()
    assert (line.action, line.subject) == ("pool entry made", f"study:{study.id}")
    assert line.detail == {"entry": entry.id, "item": "CT-CHEST", "verdict": entry.verdict_id, "reason": ""}


def test_a_later_verdict_supersedes_or_withdraws(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        offered(session, study, {"CT-CHEST": "pass", "CT-ABD": "pass"})
        offered(session, study, {"CT-CHEST": "pass", "CT-ABD": "review"}, generation=2)
        found = states(session, study)
        reasons = session.scalars(select(PoolEntry.state_reason).order_by(PoolEntry.id)).all()
    assert found == [("CT-CHEST", "superseded"), ("CT-ABD", "withdrawn"), ("CT-CHEST", "active")]
    assert reasons[1].endswith("says review")
    with database.reading() as session:
        actions = session.scalars(select(AuditLine.action).order_by(AuditLine.number)).all()
    assert actions == ["pool entry made", "pool entry made", "pool entry withdrawn", "pool entry made"]


def test_the_day_is_that_of_the_study_else_of_its_report_else_nothing_is_offered(database: Database) -> None:
    with database.writing() as session:
        days = []
        for uid, told in (("1.1", "2026-08-15"), ("1.2", None)):
            study = made_study(session, uid, study_date=None)
            verdict = says(session, study, {"CT-CHEST": "pass"})
            report = made_report({"CT-CHEST": "pass"}, study_date=told)
            days.append([entry.examined_on for entry in pool.offer(session, study, verdict, report, "", NOW)])
    assert days == [[date(2026, 8, 15)], []]


def test_a_study_can_be_taken_out(database: Database) -> None:
    with database.writing() as session:
        study, other = made_study(session), made_study(session, "1.9")
        offered(session, study, {"CT-CHEST": "pass", "CT-ABD": "pass"})
        offered(session, other, {"CT-CHEST": "pass"})
        assert len(pool.withdraw(session, study.id, "the patient objects", "account:1", NOW)) == 2
        assert pool.withdraw(session, study.id, "again", "account:1", NOW) == []
        assert states(session, study) == [("CT-CHEST", "withdrawn"), ("CT-ABD", "withdrawn")]
        assert states(session, other) == [("CT-CHEST", "active")]


@pytest.mark.parametrize(
    "name", ["张^三", "Zhang^San=张^三", "=张^三", "張".replace("張", "张") + " 三", "张三=", "  张^三^^ "]
)
def test_one_person_has_one_digest_however_the_name_is_written(name: str) -> None:
    born = date(1980, 1, 1)
    assert pool.person_digest(b"k", name, born, "m ") == pool.person_digest(b"k", "张三", born, "M")


def test_another_person_or_key_has_another_digest() -> None:
    born = date(1980, 1, 1)
    digests = {
        pool.person_digest(b"k", "ZHANG^SAN", born, "M"),
        pool.person_digest(b"k", "ZHANG^SI", born, "M"),
        pool.person_digest(b"k", "ZHANG^SAN", born + timedelta(days=1), "M"),
        pool.person_digest(b"k", "ZHANG^SAN", born, "F"),
        pool.person_digest(b"l", "ZHANG^SAN", born, "M"),
    }
    assert len(digests) == 5
    assert pool.person_digest(b"k", "ＺＨＡＮＧ^San", born, "M") in digests
    assert pool.person_key("one") != pool.person_key("two")


@pytest.mark.parametrize(
    ("name", "born", "sex"),
    [("", date(1980, 1, 1), "M"), ("^^", date(1980, 1, 1), "M"), ("A", None, "M"), ("A", NOW, "")],
)
def test_who_is_not_fully_described_has_no_digest(name: str, born: date | None, sex: str) -> None:
    assert pool.person_digest(b"k", name, born, sex) == ""


def test_answers_of_doctors_are_kept_and_counted(database: Database) -> None:
    with database.writing() as session:
        (entry,) = offered(session, made_study(session), {"CT-CHEST": "pass"})
        for account, accepted, reason in ((3, True, ""), (4, True, ""), (3, False, "condition_changed")):
            pool.answer(session, entry.id, "county", account, POLICY, NOW, accepted=accepted, reason=reason)
        row = pool.answer(
            session, entry.id, "county", 3, POLICY, NOW, accepted=False, reason="other", comment=" film lost "
        )
        assert row.comment == "film lost"
    with database.reading() as session:
        counted = pool.answers(session, NOW, NOW + timedelta(days=1))
        assert pool.answers(session, NOW + timedelta(days=1), NOW + timedelta(days=2)) == []
        assert len(pool.answers(session, NOW, NOW + timedelta(days=1), "city")) == 2
        assert pool.answers(session, NOW, NOW + timedelta(days=1), "county") == []
        line = session.scalars(select(AuditLine).order_by(AuditLine.number.desc())).first()
    assert [(one.producer, one.item_id, one.accepted, one.reason, one.times) for one in counted] == [
        ("city", "CT-CHEST", False, "other", 1),
        ("city", "CT-CHEST", True, "", 1),
    ]
    assert line is not None
    assert (line.actor, line.subject, line.detail["reason"]) == ("account:3", f"pool:{entry.id}", "other")


@pytest.mark.parametrize(
    ("accepted", "reason", "comment", "words"),
    [
        (False, "", "", "needs one of the reasons"),
        (False, "because", "", "needs one of the reasons"),
        (False, "other", "  ", "add a comment"),
        (True, "emergency", "", "has no reason"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(
    database: Database, accepted: bool, reason: str, comment: str, words: str
) -> None:
    with database.writing() as session:
        (entry,) = offered(session, made_study(session), {"CT-CHEST": "pass"})
        with pytest.raises(InputError, match=words):
            pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=accepted, reason=reason, comment=comment)
        with pytest.raises(InputError, match="no such entry"):
            pool.answer(session, entry.id + 1, "county", 3, POLICY, NOW, accepted=True)


def test_what_is_said_twice_is_one_answer_and_the_last_one_counts(database: Database) -> None:
    with database.writing() as session:
        (entry,) = offered(session, made_study(session), {"CT-CHEST": "pass"})
        first = pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=True)
        assert pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=True) is first
        other = pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=False, reason="emergency")
        assert other is not first
        tried = [
            pool.answer(session, entry.id, "county", None, POLICY, NOW, accepted=True, actor="key:9") for _ in range(2)
        ]
        assert tried[0] is tried[1]
        (refused, accepted) = pool.answers(session, NOW, NOW + timedelta(days=1))
    assert (refused.times, accepted.times) == (1, 1)
    with database.reading() as session:
        actors = session.scalars(select(AuditLine.actor).where(AuditLine.action == "recognition")).all()
    assert set(actors) == {"account:3", "key:9"}


def test_what_left_the_pool_is_not_accepted_but_may_be_refused(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        (entry,) = offered(session, study, {"CT-CHEST": "pass"})
        with pytest.raises(InputError, match="nobody may rely on"):
            pool.answer(session, entry.id, "county", 3, POLICY, NOW + timedelta(days=31), accepted=True)
        pool.withdraw(session, study.id, "the patient objects", "account:1", NOW)
        with pytest.raises(InputError, match="nobody may rely on"):
            pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=True)
        assert pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=False, reason="too_old").id


REOPENED = [
    ({"state": "arriving"}, "arriving"),
    ({"state": "closed", "generation": 2}, "not_judged"),  # and so it stays where its job is given up
    ({"withdrawn_at": NOW}, "withdrawn"),
]


@pytest.mark.parametrize(("fields", "why"), REOPENED)
def test_nobody_relies_on_an_entry_that_its_study_does_not_rest_on(
    database: Database, fields: dict[str, object], why: str
) -> None:
    with database.writing() as session:
        study = made_study(session)
        (entry,) = offered_by(session, study)
        for name, value in fields.items():
            setattr(study, name, value)
        session.flush()
        (found,) = pool.offered(session, POLICY, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == (why,)
        with pytest.raises(InputError, match=why):
            pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=True)


def test_nor_on_one_whose_newest_generation_says_otherwise_while_another_image_arrives(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        (entry,) = offered_by(session, study)
        study.generation, study.state = 2, "arriving"
        study.verdict_id = says(session, study, {"CT-CHEST": "reject"}).id
        (found,) = pool.offered(session, POLICY, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == ("arriving",)


@pytest.mark.parametrize("who", ["hospital", "device", "second device", "other device"])
def test_nor_on_one_of_a_suspended_hospital_or_device(database: Database, who: str) -> None:
    decision = Decision("suspended", "tube")
    with database.writing() as session:
        (entry,) = offered_by(session, made_study(session))
        assert entry.devices == [DEVICE, SECOND]
        if who == "hospital":
            decide_hospital(session, "city", decision, "account:1", NOW)
        else:
            device = {"device": DEVICE, "second device": SECOND, "other device": "b" * 16}[who]
            decide_device(session, "city", device, decision, "account:1", NOW)
            decide_device(session, "county", SECOND, decision, "account:1", NOW)  # named alike, in another hospital
        (found,) = pool.offered(session, POLICY, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == (() if who == "other device" else ("suspended",))


@pytest.mark.parametrize(
    ("listed", "suspended"),
    [
        ({"device": SECOND}, True),
        ({"device": "b" * 16}, False),
        ({"institution": "NORTH  branch"}, True),
        ({"institution": "City"}, False),  # who sent it, and not who made it
    ],
)
def test_nor_on_one_that_the_policy_itself_suspends_since(
    database: Database, listed: dict[str, str], suspended: bool
) -> None:
    policy = POLICY.model_copy(update={"suspended": (Suspension(reason=Name(en="tube", zh="球管"), **listed),)})
    with database.writing() as session:
        (entry,) = offered_by(session, made_study(session))
        (found,) = pool.offered(session, policy, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == (("suspended",) if suspended else ())
        if suspended:
            with pytest.raises(InputError, match="suspended"):
                pool.answer(session, entry.id, "county", 3, policy, NOW, accepted=True)


def test_an_entry_of_before_names_were_kept_is_known_by_its_hospital(database: Database) -> None:
    policy = POLICY.model_copy(
        update={"suspended": (Suspension(institution="city hospital", reason=Name(en="tube", zh="球管")),)}
    )
    with database.writing() as session:
        (entry,) = offered_by(session, made_study(session))
        session.get_one(Hospital, "city").name = "City Hospital"
        entry.institutions = None
        session.flush()
        (found,) = pool.offered(session, policy, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == ("suspended",)


def test_who_is_out_of_reach_has_no_answer(database: Database) -> None:
    with database.writing() as session:
        (entry,) = offered_by(session, made_study(session))
        session.get_one(Hospital, "city").level = "gone"
        session.get_one(Hospital, "city").alliances = []
        for accepted, reason in ((True, ""), (False, "emergency")):
            with pytest.raises(InputError, match="no such entry"):
                pool.answer(session, entry.id, "county", 3, POLICY, NOW, accepted=accepted, reason=reason)
        with pytest.raises(InputError, match="register it first"):
            pool.answer(session, entry.id, "nowhere", 3, POLICY, NOW, accepted=True)
        assert pool.answer(session, entry.id, "city", 3, POLICY, NOW, accepted=True).id  # its own


@pytest.mark.parametrize("facts", [{}, {"device": ""}, {"device": "", "other_devices": []}])
def test_an_entry_of_no_known_device_rests_on_none(database: Database, facts: dict[str, Any]) -> None:
    with database.writing() as session:
        study = made_study(session)
        report = made_report({"CT-CHEST": "pass"})
        report.content["facts"].update(facts)
        (entry,) = pool.offer(session, study, says(session, study, {"CT-CHEST": "pass"}), report, "p1", NOW)
        assert entry.devices == []


def test_of_very_many_devices_none_is_overlooked(database: Database) -> None:
    with database.writing() as session:
        (entry,) = offered_by(session, made_study(session))
        entry.devices = [f"{number:016}" for number in range(40_000)]
        decide_device(session, "city", f"{39_999:016}", Decision("suspended", "tube"), "account:1", NOW)
        (found,) = pool.offered(session, POLICY, PoolEntry.id == entry.id)
        assert found.why_not(NOW.date()) == ("suspended",)


def offered_by(session: Session, study: StudyRow) -> list[PoolEntry]:
    """A chest CT in the pool, made with DEVICE and SECOND in two houses."""
    verdict = says(session, study, {"CT-CHEST": "pass"})
    study.state, study.verdict_id = "scored", verdict.id
    report = made_report({"CT-CHEST": "pass"})
    made_by = {"institution": "Main house", "other_institutions": ["North branch"]}
    report.content["facts"] |= {"device": DEVICE, "other_devices": [SECOND], **made_by}
    return pool.offer(session, study, verdict, report, "p1", NOW)
