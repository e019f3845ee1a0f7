"""What follows from a verdict: it counts, the pool follows, somebody is asked, and others are told."""

from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.policy import load_policy
from serving import outcome, pool, verdicts
from serving.database.sessions import Database
from serving.database.tables import AuditLine, OutboxRow, PoolEntry, Review, StudyRow, VerdictRow
from serving.outcome import Delivery, Following, follow
from tests.serving.made_rows import NOW, made_report, made_study, made_verdict

pytestmark = pytest.mark.usefixtures("hospitals")
POLICY = load_policy()
KEY = b"k"


def following(**fields: Any) -> Following:
    return Following(POLICY, KEY, **({"draw": lambda: 1.0} | fields))


def said(
    session: Session, study: StudyRow, verdict: str, how: Following | None = None, generation: int = 1
) -> VerdictRow:
    """A full verdict of one item, with all that follows."""
    report = made_report({"CT-CHEST": verdict})
    row = verdicts.record(session, study, generation, "full", report, NOW)
    assert row is not None
    follow(session, study, row, report, how or following(), NOW)
    return row


def reviews(session: Session) -> list[tuple[int, str, str]]:
    return [(one.verdict_id, one.kind, one.state) for one in session.scalars(select(Review).order_by(Review.id))]


def test_a_pass_enters_the_pool(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        row = said(session, study, "pass")
        assert (study.state, study.verdict_id) == ("scored", row.id)
        (entry,) = session.scalars(select(PoolEntry))
        assert reviews(session) == []
    assert entry.person_digest == pool.person_digest(KEY, "张^三", study.patient_birth_date, "M")


def test_what_the_machine_leaves_to_a_person_becomes_a_task(database: Database) -> None:
    with database.writing() as session:
        row = said(session, made_study(session), "review")
        assert reviews(session) == [(row.id, "review", "open")]
        assert session.scalars(select(PoolEntry)).all() == []


@pytest.mark.parametrize(
    ("verdict", "drawn", "asked"), [("pass", 0.019, True), ("pass", 0.02, False), ("reject", 0.0, True)]
)
def test_some_are_drawn_for_an_audit(database: Database, verdict: str, drawn: float, asked: bool) -> None:
    with database.writing() as session:
        row = said(session, made_study(session), verdict, following(draw=lambda: drawn))
        assert reviews(session) == ([(row.id, "audit", "open")] if asked else [])


def test_tasks_about_what_was_said_before_are_nobodys(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        first = said(session, study, "review")
        study.generation = 2
        second = said(session, study, "review", generation=2)
        assert reviews(session) == [(first.id, "review", "obsolete"), (second.id, "review", "open")]
    with database.reading() as session:
        actions = session.scalars(select(AuditLine.action).where(AuditLine.subject.startswith("review:"))).all()
    assert actions == ["review opened", "review obsolete", "review opened"]


def test_a_person_who_passes_it_brings_it_into_the_pool(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        base = said(session, study, "review")
        final = verdicts.record_final(session, study, base, "pass", POLICY, 1, "account:9", NOW)
        report = verdicts.report_of(session, base)
        assert final is not None
        assert report is not None
        (entry,) = follow(session, study, final, report, following(draw=lambda: 0.0), NOW)
        assert (entry.verdict_id, study.verdict_id) == (final.id, final.id)
        assert len(reviews(session)) == 1  # nobody is asked about a person's word


def test_a_verdict_that_another_stands_before_changes_nothing(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        base = said(session, study, "review")
        verdicts.record_final(session, study, base, "reject", POLICY, 1, "account:9", NOW)
        final = session.scalars(select(VerdictRow).where(VerdictRow.kind == "final")).one()
        verdicts.make_current(session, study, final)
        report = made_report({"CT-CHEST": "pass"})
        other = verdicts.record(session, study, 1, "full", report, NOW, marks={"models": "new"})
        assert other is not None
        assert follow(session, study, other, report, following(), NOW) == []
        assert study.verdict_id == final.id


@pytest.mark.parametrize("fields", [{"state": "arriving"}, {"generation": 2}])
def test_nobody_relies_on_what_was_said_before_new_images_came(database: Database, fields: dict[str, Any]) -> None:
    with database.writing() as session:
        study = made_study(session, **fields)
        state = study.state
        row = said(session, study, "pass", following(deliveries=(Delivery("webhook", "city-his"),), draw=lambda: 0.0))
        assert (study.state, study.verdict_id) == (state, row.id)
        for table in (PoolEntry, Review, OutboxRow):
            assert session.scalars(select(table)).all() == []


def test_each_receiver_is_told_once(database: Database) -> None:
    deliveries = (Delivery("webhook", "city-his"), Delivery("sr", "pacs"))
    with database.writing() as session:
        row = said(session, made_study(session), "pass", following(deliveries=deliveries))
        sent = session.scalars(select(OutboxRow).order_by(OutboxRow.id)).all()
    assert [(one.kind, one.target, one.subject, one.state) for one in sent] == [
        ("webhook", "city-his", f"verdict:{row.id}", "waiting"),
        ("sr", "pacs", f"verdict:{row.id}", "waiting"),
    ]
    assert sent[0].body == {"verdict": row.id, "study": row.study_id, "kind": "full"}
    assert outcome.SCORED == "scored"


def test_who_was_told_of_a_rejection_is_told_what_took_its_place(database: Database) -> None:
    rejections = frozenset(("reject",))
    deliveries = tuple(Delivery(kind, "his", verdicts=rejections) for kind in ("webhook", "fhir", "sr", "ko"))
    how = following(deliveries=(*deliveries, Delivery("webhook", "other", hospitals=frozenset(("county",)))))
    with database.writing() as session:
        study = made_study(session)
        rows = []
        for generation, verdict in ((1, "pass"), (2, "reject"), (3, "pass"), (4, "pass")):
            study.generation, study.state = generation, "closed"
            rows.append(said(session, study, verdict, how, generation))
        told = [(row.kind, row.subject) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    assert told == [
        *((kind, f"verdict:{rows[1].id}") for kind in ("webhook", "fhir", "sr", "ko")),
        *((kind, f"verdict:{row.id}") for row in rows[2:] for kind in ("webhook", "fhir", "sr")),
    ]


def test_who_was_told_of_a_rejection_is_told_all_that_became_of_it(database: Database) -> None:
    rejections = frozenset(("reject",))
    deliveries = tuple(Delivery(kind, "his", verdicts=rejections) for kind in ("webhook", "fhir", "sr", "ko"))
    with database.writing() as session:
        study, other = made_study(session), made_study(session, "1.2.9")
        said(session, other, "reject", following(deliveries=deliveries))
        session.execute(delete(OutboxRow))  # as messages are that were sent long ago
        rows = []
        for generation, verdict in ((1, "review"), (2, "reject"), (3, "review"), (4, "pass")):
            study.generation, study.state = generation, "closed"
            rows.append(said(session, study, verdict, following(deliveries=deliveries), generation))
            told = [(row.kind, row.subject) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
            kinds = {1: (), 2: ("webhook", "fhir", "sr", "ko")}.get(generation, ("webhook", "fhir", "sr"))
            assert told == [(kind, f"verdict:{rows[-1].id}") for kind in kinds]
            session.execute(delete(OutboxRow))
        outcome.tell_again(session, study, rows[0], outcome.UPHELD, deliveries, NOW)
        assert session.scalars(select(OutboxRow)).all() == []  # nobody was told of it, whatever came later
        outcome.withdraw(session, study, "the patient objects", "account:1", deliveries, NOW)
        outcome.tell_again(session, study, rows[3], outcome.UPHELD, deliveries, NOW)
        told = [(row.kind, row.subject) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
        session.execute(delete(OutboxRow))
        outcome.tell_erased(session, study, rows[3], deliveries, NOW)
        (erased,) = session.scalars(select(OutboxRow))
    assert told == [(kind, f"{what}:{rows[3].id}") for what in ("withdrawn", "upheld") for kind in ("webhook", "fhir")]
    assert (erased.kind, erased.subject) == ("webhook", f"withdrawn:{rows[3].id}")


def test_what_never_stood_tells_nobody_of_what_comes_after(database: Database) -> None:
    warned = Delivery("webhook", "his", verdicts=frozenset(("reject",)))
    with database.writing() as session:
        study = made_study(session)
        made_verdict(session, study, "first_look", verdict="reject")
        made_verdict(session, study, "final")
        made_verdict(session, study, verdict="reject")  # after a person's word: it is history at once
        study.generation = 2
        said(session, study, "pass", following(deliveries=(warned,)), 2)
        made_verdict(session, study, verdict="reject")
        look = made_verdict(session, study, "first_look", generation=3)
        outcome.tell(session, look, (warned,), NOW)
        assert session.scalars(select(OutboxRow)).all() == []


def test_who_was_told_of_a_pass_is_told_that_it_left_the_pool(database: Database) -> None:
    deliveries = (
        Delivery("webhook", "city-his"),
        Delivery("sr", "pacs"),
        Delivery("fhir", "other", hospitals=frozenset(("county",))),
    )
    with database.writing() as session:
        study = made_study(session)
        row = said(session, study, "pass", following(deliveries=deliveries))
        assert len(outcome.withdraw(session, study, "the patient objects", "account:1", deliveries, NOW)) == 1
        assert outcome.withdraw(session, study, "again", "account:1", deliveries, NOW) == []
        sent = session.scalars(select(OutboxRow).where(OutboxRow.subject.startswith("withdrawn"))).all()
    assert [(one.kind, one.target, one.subject) for one in sent] == [("webhook", "city-his", f"withdrawn:{row.id}")]
    assert sent[0].body == {"verdict": row.id, "study": row.study_id, "kind": "withdrawn"}


def test_a_withdrawal_lasts_until_it_is_lifted(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        said(session, study, "pass")
        outcome.hold_back(session, study, "images of another patient", "account:1", (), NOW)
        assert (study.withdrawn_at, study.withdrawn_by) == (NOW, "account:1")
        study.generation = 2
        second = said(session, study, "pass", generation=2)
        assert reviews(session) == [(second.id, "review", "open")]
        assert session.scalars(select(PoolEntry.state)).all() == ["withdrawn"]
        outcome.let_in(session, study, "account:2", NOW)
        assert reviews(session) == [(second.id, "review", "open")]  # who reads it decides
        study.generation = 3
        third = said(session, study, "pass", generation=3)
        assert session.scalars(select(PoolEntry.verdict_id).where(PoolEntry.state == "active")).all() == [third.id]
        with pytest.raises(InputError, match="nothing to lift"):
            outcome.let_in(session, study, "account:2", NOW)
    with database.reading() as session:
        lines = session.scalars(select(AuditLine).where(AuditLine.action.contains("withdraw"))).all()
    assert [(line.action, line.actor, line.detail.get("reason")) for line in lines if line.action[:4] != "pool"] == [
        ("study withdrawn", "account:1", "images of another patient"),
        ("withdrawal lifted", "account:2", None),
    ]


def test_what_passed_before_waits_for_a_person_once_the_withdrawal_is_lifted(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        row = said(session, study, "pass")
        outcome.hold_back(session, study, "in doubt", "account:1", (), NOW)
        outcome.let_in(session, study, "account:1", NOW)
        assert reviews(session) == [(row.id, "review", "open")]
        assert session.scalars(select(PoolEntry.state)).all() == ["withdrawn"]
