"""The lookup of a doctor's workstation: what may be taken instead of a new examination, and why the rest may not."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.policy import load_policy
from serving.database.sessions import Database
from serving.database.tables import Hospital, PoolEntry, StudyRow
from serving.pool import acceptance_of
from serving.pool_lookup import REASONS, Answer, Asked, lookup
from tests.serving.made_rows import NOW, made_study, made_verdict

POLICY = load_policy()
ASKED = Asked("CT-CHEST", "county", date(2026, 9, 10), "city-issuer", "7")
pytestmark = pytest.mark.usefixtures("hospitals")


def entry(session: Session, study: StudyRow, item_id: str = "CT-CHEST", **fields: Any) -> PoolEntry:
    verdict = made_verdict(session, study, items=[{"id": item_id, "verdict": "pass"}], reasons=[item_id])
    study.verdict_id, study.state = verdict.id, "scored"
    content: dict[str, Any] = {
        "hospital_id": study.hospital_id,
        "patient_issuer": study.patient_issuer,
        "patient_id": study.patient_id,
        "examined_on": date(2026, 9, 1),
        "valid_until": date(2026, 10, 1),
        "state": "active",
        "created_at": NOW,
        "changed_at": NOW,
    }
    row = PoolEntry(study_id=study.id, verdict_id=verdict.id, item_id=item_id, **(content | fields))
    session.add(row)
    session.flush()
    return row


def look(database: Database, asked: Asked = ASKED) -> Answer:
    with database.reading() as session:
        return lookup(session, asked, POLICY)


def others(answer: Answer) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.study_uid, one.reasons) for one in answer.others]


def test_an_examination_that_holds_is_eligible(database: Database) -> None:
    with database.writing() as session:
        made = entry(session, made_study(session))
    answer = look(database)
    (one,) = answer.eligible
    assert answer.others == ()
    assert (one.entry_id, one.study_uid, one.hospital_name, one.acceptance, one.matched_by) == (
        made.id,
        "1.2.3",
        "city",
        "always",
        "id",
    )
    assert (one.examined_on, one.valid_until) == (date(2026, 9, 1), date(2026, 10, 1))


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"item_id": "CT-ABD"}, ("other_item",)),
        ({"valid_until": date(2026, 9, 9)}, ("expired",)),
        ({"valid_until": date(2026, 9, 10)}, ()),
        ({"examined_on": date(2026, 9, 11)}, ("not_yet",)),
        ({"state": "withdrawn", "valid_until": date(2026, 9, 9)}, ("expired", "withdrawn")),
    ],
)
def test_why_one_is_not(database: Database, fields: dict[str, Any], reasons: tuple[str, ...]) -> None:
    with database.writing() as session:
        entry(session, made_study(session), **fields)
    answer = look(database)
    assert [one.reasons for one in (*answer.eligible, *answer.others)] == [reasons]
    assert bool(answer.eligible) == (not reasons)
    assert set(reasons) <= REASONS.keys()


def test_what_is_judged_anew_is_told_and_not_eligible(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        entry(session, study)
        study.state = "arriving"
    assert (look(database).eligible, others(look(database))) == ((), [("1.2.3", ("arriving",))])


def test_a_superseded_entry_is_not_told_beside_its_successor(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        entry(session, study, state="superseded")
        study.generation = 2
        second = entry(session, study)
    answer = look(database)
    assert [one.entry_id for one in answer.eligible] == [second.id]
    assert answer.others == ()


def test_a_suspended_hospital_and_one_out_of_reach(database: Database) -> None:
    with database.writing() as session:
        session.add(Hospital(id="town", name="town", level="primary", alliances=[], issuer=""))
        session.get_one(Hospital, "city").standing = "suspended"
        session.flush()
        entry(session, made_study(session))
        entry(session, made_study(session, "1.9", hospital_id="town"))
    never = POLICY.model_copy(
        update={"recognition": POLICY.recognition.model_copy(update={"higher_accepts_lower": "never"})}
    )
    with database.reading() as session:
        answer = lookup(session, Asked("CT-CHEST", "city", date(2026, 9, 10), "city-issuer", "7"), never)
    assert others(answer) == [("1.2.3", ("suspended",)), ("1.9", ("out_of_scope",))]


@pytest.mark.parametrize(
    ("producer", "consumer", "acceptance"),
    [
        (("secondary_a", []), ("tertiary_a", []), "always"),  # of one group
        (("tertiary_a", []), ("primary", []), "always"),  # a lower level accepts a higher one
        (("primary", []), ("tertiary_a", []), "may"),
        (("primary", ["x"]), ("tertiary_a", ["x", "y"]), "always"),
        (("gone", []), ("tertiary_a", []), "never"),  # a level that a new policy no longer has
    ],
)
def test_who_accepts_whom(producer: tuple[str, list[str]], consumer: tuple[str, list[str]], acceptance: str) -> None:
    made, asks = (
        Hospital(id=str(n), level=level, alliances=within) for n, (level, within) in enumerate((producer, consumer))
    )
    assert acceptance_of(made, asks, POLICY) == acceptance
    assert acceptance_of(made, made, POLICY) == "always"


def test_what_must_be_accepted_comes_first_then_the_newest(database: Database) -> None:
    with database.writing() as session:
        session.add(Hospital(id="town", name="town", level="primary", alliances=[], issuer=""))
        session.flush()
        entry(session, made_study(session, "1.1", hospital_id="town"), examined_on=date(2026, 9, 5))
        entry(session, made_study(session, "1.2", hospital_id="county"), examined_on=date(2026, 9, 2))
        entry(session, made_study(session, "1.3", hospital_id="county"), examined_on=date(2026, 9, 3))
    answer = look(database, Asked("CT-CHEST", "city", date(2026, 9, 10), "city-issuer", "7"))
    assert [(one.study_uid, one.acceptance) for one in answer.eligible] == [
        ("1.3", "always"),
        ("1.2", "always"),
        ("1.1", "may"),
    ]


def test_the_same_id_of_another_issuer_is_another_patient(database: Database) -> None:
    with database.writing() as session:
        entry(session, made_study(session, patient_issuer="county-issuer"))
    assert look(database) == Answer((), ())


def test_a_person_is_found_under_another_id(database: Database) -> None:
    with database.writing() as session:
        mine = entry(session, made_study(session), person_digest="p1")
        theirs = entry(session, made_study(session, "1.9", hospital_id="county", patient_id="x"), person_digest="p1")
        entry(session, made_study(session, "1.8", patient_id="y"), person_digest="p2")
        entry(session, made_study(session, "1.7", patient_id="z"), person_digest="")
    both = look(database, Asked("CT-CHEST", "county", date(2026, 9, 10), "city-issuer", "7", "p1"))
    assert {(one.entry_id, one.matched_by) for one in both.eligible} == {(mine.id, "id"), (theirs.id, "demographics")}
    alone = look(database, Asked("CT-CHEST", "county", date(2026, 9, 10), person="p1"))
    assert {one.matched_by for one in alone.eligible} == {"demographics"}
    assert look(database, Asked("CT-CHEST", "county", date(2026, 9, 10))) == Answer((), ())


def test_what_is_not_in_the_pool_is_told_with_its_reason(database: Database) -> None:
    with database.writing() as session:
        made_study(session, "1.1", state="arriving")
        made_study(session, "1.2")
        for uid, says in (("1.3", "review"), ("1.4", "reject"), ("1.5", "pass")):
            study = made_study(session, uid, state="scored")
            study.verdict_id = made_verdict(session, study, items=[{"id": "CT-CHEST", "verdict": says}]).id
        study = made_study(session, "1.6", state="scored")
        study.verdict_id = made_verdict(session, study, items=[{"id": "CT-ABD", "verdict": "reject"}]).id
        made_study(session, "1.7", patient_id="8")
    assert sorted(others(look(database))) == [
        ("1.1", ("arriving",)),
        ("1.2", ("not_judged",)),
        ("1.3", ("in_review",)),
        ("1.4", ("rejected",)),
        ("1.5", ("undated",)),
    ]


def test_an_unknown_hospital_gets_no_answer(database: Database) -> None:
    with pytest.raises(InputError, match="not known"):
        look(database, Asked("CT-CHEST", "nowhere", date(2026, 9, 10), "city-issuer", "7"))
