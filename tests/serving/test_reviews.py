"""Reviews: one reader at a time, another for a second look, a lead where they differ, and what follows in one transaction."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy import select, true
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.policy import load_policy
from serving import outcome, reviews, verdicts
from serving.database.sessions import Database
from serving.database.tables import AuditLine, OutboxRow, PoolEntry, Review, StudyRow, VerdictRow
from serving.outcome import Delivery, Following, follow
from serving.reviews import Answer, ConflictError, Decision, NotAllowedError, Reader, Reviewing, Tasks
from tests.serving.made_rows import NOW, made_report, made_study

pytestmark = pytest.mark.usefixtures("hospitals")
FOLLOWING = Following(load_policy(), b"k", (Delivery("webhook", "city-his"),), draw=lambda: 0.0)  # all are drawn
REVIEWING = Reviewing(claim_s=60)
ANNA, BEN, LEA = Reader(1), Reader(2), Reader(3, is_lead=True)
# of the report that is made: two findings that ask for a review, and a note
ALL_HOLD = (Answer(finding=0), Answer(finding=1))
NONE_HOLDS = (Answer(finding=0, holds=False), Answer(finding=1, holds=False))
PASS, REJECT = Decision("pass", NONE_HOLDS), Decision("reject", ALL_HOLD)


def opened(session: Session, verdict: str = "review", uid: str = "1.2.3") -> Review:
    """The task that follows from a machine's verdict of a new study."""
    study = made_study(session, uid)
    report = made_report({"CT-CHEST": verdict})
    row = verdicts.record(session, study, 1, "full", report, NOW)
    assert row is not None
    follow(session, study, row, report, replace(FOLLOWING, draw=lambda: 0.0), NOW)
    return session.scalars(select(Review).where(Review.verdict_id == row.id)).one()


def decided(session: Session, review: Review, reader: Reader, decision: Decision) -> Review:
    reviews.claim(session, review.id, reader, REVIEWING, NOW)
    return reviews.decide(session, review.id, reader, decision, FOLLOWING, NOW)


def next_of(session: Session, review: Review) -> Review:
    """The undecided task about the same verdict."""
    query = select(Review).where(Review.verdict_id == review.verdict_id, Review.state == "open")
    return session.scalars(query).one()


def in_force(session: Session, review: Review) -> VerdictRow:
    return session.get_one(VerdictRow, session.get_one(StudyRow, review.study_id).verdict_id)


def undecided(session: Session) -> Sequence[Review]:
    return session.scalars(select(Review).where(Review.state.in_(("open", "claimed")))).all()


def test_a_reader_decides_and_all_follows(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        assert review.kind == "review"
        decided(session, review, ANNA, PASS)
        verdict = in_force(session, review)
        (entry,) = session.scalars(select(PoolEntry))
        told = session.scalars(select(OutboxRow.subject).order_by(OutboxRow.id)).all()
        assert (verdict.kind, verdict.verdict, verdict.reasons) == ("final", "pass", [])
        assert (entry.verdict_id, entry.state) == (verdict.id, "active")
        assert told == [f"verdict:{review.verdict_id}", f"verdict:{verdict.id}"]
        assert (review.state, review.decided_by, review.verdict) == ("decided", 1, "pass")
        assert [answer["holds"] for answer in review.answers] == [False, False]
        assert undecided(session) == []
    with database.reading() as session:
        lines = session.execute(
            select(AuditLine.actor, AuditLine.action).where(AuditLine.subject == f"review:{review.id}")
        ).all()
        assert [tuple(line) for line in lines] == [
            ("service", "review opened"),
            ("account:1", "review claimed"),
            ("account:1", "review decided"),
        ]
        said = session.scalars(select(AuditLine).where(AuditLine.action == "review decided")).one().detail
        assert said == {"study": review.study_id, "kind": "review", "says": "pass", "overturned": [0, 1]}


def test_a_rejection_keeps_the_reasons_that_hold(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        one_holds = (Answer(finding=0), Answer(finding=1, holds=False), Answer(finding=2))
        decided(session, review, ANNA, Decision("reject", one_holds))
        assert in_force(session, review).reasons == ["artifacts.motion.share"]
        assert session.scalars(select(PoolEntry)).all() == []


def test_a_pass_that_was_withdrawn_enters_the_pool_by_a_persons_word(database: Database) -> None:
    with database.writing() as session:
        review = opened(session, "pass")
        study = session.get_one(StudyRow, review.study_id)
        outcome.hold_back(session, study, "in doubt", "account:9", (), NOW)
        outcome.let_in(session, study, "account:9", NOW)
        decided(session, review, ANNA, PASS)
        states = session.execute(select(PoolEntry.verdict_id, PoolEntry.state).order_by(PoolEntry.id)).all()
        assert [tuple(row) for row in states] == [
            (review.verdict_id, "withdrawn"),
            (in_force(session, review).id, "active"),
        ]
        assert in_force(session, review).kind == "final"


def test_one_task_has_one_reader_until_the_claim_runs_out(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW)
        with pytest.raises(ConflictError, match="somebody else"):
            reviews.claim(session, review.id, BEN, REVIEWING, NOW + timedelta(seconds=59))
        with pytest.raises(ConflictError, match="not claimed it"):
            reviews.give_up(session, review.id, BEN, NOW)
        with pytest.raises(ConflictError, match="claim it again"):
            reviews.decide(session, review.id, BEN, PASS, FOLLOWING, NOW)
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW + timedelta(seconds=30))
        assert review.claimed_until == NOW + timedelta(seconds=90)
        late = NOW + timedelta(seconds=90)
        with pytest.raises(ConflictError, match="ran out"):
            reviews.decide(session, review.id, ANNA, PASS, FOLLOWING, late)
        reviews.claim(session, review.id, BEN, REVIEWING, late)
        with pytest.raises(ConflictError, match="somebody else"):
            reviews.claim(session, review.id, ANNA, REVIEWING, late)
        reviews.give_up(session, review.id, BEN, late)
        assert (review.state, review.claimed_by) == ("open", None)
    with database.reading() as session:
        lines = session.scalars(select(AuditLine.action).where(AuditLine.subject == f"review:{review.id}")).all()
    assert lines == ["review opened", "review claimed", "review claimed", "review given up"]


def test_of_two_who_claim_at_once_one_wins(database: Database) -> None:
    with database.writing() as session:
        review_id = opened(session).id
    both = threading.Barrier(2)
    got: list[int] = []

    def claim(reader: Reader) -> None:
        both.wait()
        try:
            with database.writing() as session:
                reviews.claim(session, review_id, reader, REVIEWING, NOW)
            got.append(reader.account_id)
        except ConflictError:
            pass

    threads = [threading.Thread(target=claim, args=(reader,)) for reader in (ANNA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert [session.get_one(Review, review_id).claimed_by] == got


def test_lifting_a_rejection_needs_another_person(database: Database) -> None:
    with database.writing() as session:
        review = opened(session, "reject")
        assert review.kind == "audit"
        decided(session, review, ANNA, PASS)
        assert in_force(session, review).verdict == "reject"
        second = next_of(session, review)
        assert (second.kind, second.opening_comment) == ("second reading", "")
        assert reviews.earlier(session, second) == []
        with pytest.raises(NotAllowedError, match="another person"):
            reviews.claim(session, second.id, ANNA, REVIEWING, NOW)
        decided(session, second, BEN, PASS)
        assert reviews.earlier(session, second) == [review]
        assert (in_force(session, review).kind, in_force(session, review).verdict) == ("final", "pass")
        assert undecided(session) == []


@pytest.mark.parametrize("says", ["pass", "reject"])
def test_where_readers_differ_a_lead_decides(database: Database, says: Literal["pass", "reject"]) -> None:
    with database.writing() as session:
        review = opened(session, "pass")
        decided(session, review, ANNA, REJECT)
        decided(session, next_of(session, review), BEN, PASS)
        last = next_of(session, review)
        assert last.kind == "adjudication"
        assert {one.verdict for one in reviews.earlier(session, last)} == {"pass", "reject"}
        with pytest.raises(NotAllowedError, match="for a lead"):
            reviews.claim(session, last.id, Reader(9), REVIEWING, NOW)
        with pytest.raises(NotAllowedError, match="another person"):
            reviews.claim(session, last.id, replace(ANNA, is_lead=True), REVIEWING, NOW)
        decided(session, last, LEA, PASS if says == "pass" else REJECT)
        verdict = in_force(session, review)
        (entry,) = session.scalars(select(PoolEntry))
        assert (verdict.verdict, verdict.kind) == (says, "full" if says == "pass" else "final")
        assert entry.state == ("active" if says == "pass" else "withdrawn")


def test_an_audit_that_agrees_leaves_the_verdict_alone(database: Database) -> None:
    with database.writing() as session:
        review = opened(session, "pass")
        decided(session, review, ANNA, PASS)
        assert in_force(session, review).id == review.verdict_id
        assert session.scalars(select(PoolEntry.state)).all() == ["active"]
        assert len(session.scalars(select(OutboxRow)).all()) == 1


def test_nobody_reviews_a_study_of_their_own_hospital(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        with pytest.raises(NotAllowedError, match="own hospital"):
            reviews.claim(session, review.id, Reader(1, hospital_id="city"), REVIEWING, NOW)
        reviews.claim(session, review.id, Reader(1, hospital_id="county"), REVIEWING, NOW)


@pytest.mark.parametrize(("state", "generation"), [("arriving", 1), ("closed", 2)])
def test_new_images_make_a_review_obsolete(database: Database, state: str, generation: int) -> None:
    with database.writing() as session:
        review = opened(session)
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW)
        study = session.get_one(StudyRow, review.study_id)
        study.state, study.generation = state, generation
        session.flush()
        with pytest.raises(ConflictError, match="new images came"):
            reviews.decide(session, review.id, ANNA, PASS, FOLLOWING, NOW)
        assert reviews.tasks(session, true(), Tasks(), None, 10) == []
        study.state, study.generation = "closed", 2
        report = made_report({"CT-CHEST": "review"})
        row = verdicts.record(session, study, 2, "full", report, NOW)
        assert row is not None
        follow(session, study, row, report, FOLLOWING, NOW)
        with pytest.raises(ConflictError, match="does not stand any more"):
            reviews.decide(session, review.id, ANNA, PASS, FOLLOWING, NOW)
        assert [one.verdict_id for one in undecided(session)] == [row.id]


def test_what_is_decided_is_decided(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        decided(session, review, ANNA, PASS)
        for reader in (ANNA, BEN):
            with pytest.raises(ConflictError, match="decided already"):
                reviews.claim(session, review.id, reader, REVIEWING, NOW)
            with pytest.raises(ConflictError, match="decided already"):
                reviews.decide(session, review.id, reader, REJECT, FOLLOWING, NOW)
        with pytest.raises(reviews.UnknownReviewError):
            reviews.claim(session, review.id + 1, ANNA, REVIEWING, NOW)


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (Decision("pass"), "findings 0, 1 have none"),
        (Decision("pass", (Answer(finding=0),)), "findings 1 have none"),
        (Decision("pass", (*ALL_HOLD, Answer(finding=0))), "answered twice"),
        (Decision("pass", (*ALL_HOLD, Answer(finding=3))), "no finding 3; the report has 3"),
        (Decision("reject", NONE_HOLDS), "no finding holds; say why"),
        (Decision("reject", NONE_HOLDS, "  "), "no finding holds; say why"),
        (Decision("pass", (*ALL_HOLD, Answer())), "answers.2: says neither"),
        (Decision("pass", (*ALL_HOLD, Answer(series_instance_uid="1.2"))), "answers.2.says: it says nothing"),
        (Decision("pass", (Answer(finding=0, says={"region": ["kneee"]}), ALL_HOLD[1])), "'kneee' is no word"),
    ],
)
def test_a_decision_must_be_sound(database: Database, decision: Decision, words: str) -> None:
    with database.writing() as session:
        review = opened(session)
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW)
        with pytest.raises(InputError, match=words):
            reviews.decide(session, review.id, ANNA, decision, FOLLOWING, NOW)
        assert (review.state, review.verdict) == ("claimed", "")


def test_a_rejecting_finding_that_holds_cannot_pass(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        report = made_report({"CT-CHEST": "reject"})
        report.content["findings"][0]["level"] = "reject"
        row = verdicts.record(session, study, 1, "full", report, NOW)
        assert row is not None
        follow(session, study, row, report, FOLLOWING, NOW)
        (review,) = undecided(session)
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW)
        with pytest.raises(InputError, match="finding 0 rejects the study and holds"):
            reviews.decide(session, review.id, ANNA, Decision("pass", ALL_HOLD), FOLLOWING, NOW)


def appealed(session: Session, review: Review, comment: str = "the patient held still") -> Review:
    study = session.get_one(StudyRow, review.study_id)
    return reviews.appeal(session, study, "account:7", 7, comment, NOW)


def test_a_hospital_appeals_once_and_a_lead_who_had_no_say_decides(database: Database) -> None:
    with database.writing() as session:
        review = opened(session)
        with pytest.raises(ConflictError, match="not rejected"):
            appealed(session, review)
        decided(session, review, LEA, REJECT)
        final = in_force(session, review)
        with pytest.raises(InputError, match="comment"):
            appealed(session, review, " ")
        appeal = appealed(session, review)
        assert (appeal.kind, appeal.verdict_id, appeal.opened_by) == ("appeal", final.id, 7)
        with pytest.raises(ConflictError, match="appeal against this verdict before"):
            appealed(session, review)
        with pytest.raises(NotAllowedError, match="for a lead"):
            reviews.claim(session, appeal.id, ANNA, REVIEWING, NOW)
        with pytest.raises(NotAllowedError, match="another person"):
            reviews.claim(session, appeal.id, LEA, REVIEWING, NOW)
        decided(session, appeal, Reader(8, is_lead=True), PASS)
        assert in_force(session, review).verdict == "reject"
        decided(session, next_of(session, appeal), ANNA, PASS)
        last = in_force(session, review)
        assert (last.kind, last.verdict, last.generation) == ("final", "pass", 1)
        assert session.scalars(select(PoolEntry.verdict_id)).all() == [last.id]
    with database.reading() as session:
        line = session.scalars(select(AuditLine).where(AuditLine.subject == f"review:{appeal.id}")).first()
    assert line is not None
    assert (line.actor, line.action) == ("account:7", "review opened")


def test_an_appeal_of_no_avail_is_told_and_none_follows(database: Database) -> None:
    with database.writing() as session:
        review = opened(session, "reject")
        appeal = appealed(session, review)
        assert review.state == "obsolete"  # it was an audit that nobody had begun
        decided(session, appeal, LEA, REJECT)
        assert in_force(session, review).id == review.verdict_id
        told = session.scalars(select(OutboxRow.subject).order_by(OutboxRow.id)).all()
        assert told == [f"verdict:{review.verdict_id}", f"upheld:{review.verdict_id}"]
        with pytest.raises(ConflictError, match="before"):
            appealed(session, review)


def test_whoever_reads_already_is_not_disturbed_by_an_appeal(database: Database) -> None:
    with database.writing() as session:
        review = opened(session, "reject")
        reviews.claim(session, review.id, ANNA, REVIEWING, NOW)
        with pytest.raises(ConflictError, match="reads the study already"):
            appealed(session, review)
        session.get_one(StudyRow, review.study_id).state = "arriving"
        session.flush()
        with pytest.raises(ConflictError, match="new images"):
            appealed(session, review)


def test_tasks_come_in_the_order_of_their_urgency_page_by_page(database: Database) -> None:
    with database.writing() as session:
        ids = {uid: opened(session, verdict, uid).id for uid, verdict in (("1.1", "pass"), ("1.2", "review"))}
        rejected = opened(session, "reject", "1.3")
        ids["1.3"] = appealed(session, rejected).id
        urgent = opened(session, "pass", "1.4")
        session.get_one(StudyRow, urgent.study_id).urgent = True
        ids["1.4"] = urgent.id
        reviews.claim(session, ids["1.2"], ANNA, REVIEWING, NOW)
    order = [ids[uid] for uid in ("1.4", "1.3", "1.2", "1.1")]
    with database.reading() as session:
        found: list[int] = []
        after = None
        while page := reviews.tasks(session, true(), Tasks(), after, 1):
            ((review, study, _),) = page
            found.append(review.id)
            after = reviews.place(review, study)
        assert found == order
        for wanted, expected in (
            (Tasks(kind="appeal"), [ids["1.3"]]),
            (Tasks(claimed_by=1), [ids["1.2"]]),
            (Tasks(state="obsolete"), [rejected.id]),
            (Tasks(hospital_id="county"), []),
        ):
            assert [one.id for one, _, _ in reviews.tasks(session, true(), wanted, None, 10)] == expected
        assert reviews.tasks(session, StudyRow.hospital_id == "county", Tasks(), None, 10) == []
