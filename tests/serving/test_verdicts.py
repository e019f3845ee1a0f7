"""Verdicts: recorded once for the versions that made them, one of them current, and the others history."""

from datetime import timedelta

import pytest

from qc_models.policy import load_policy
from serving import verdicts
from serving.database.sessions import Database
from serving.database.tables import AuditLine, StudyRow, VerdictRow
from tests.serving.made_rows import NOW, made_report, made_study, made_verdict

pytestmark = pytest.mark.usefixtures("hospitals")
REPORT = made_report({"CT-CHEST": "pass", "CT-ABD": "review"})


def test_a_verdict_says_what_its_report_says(database: Database) -> None:
    with database.writing() as session:
        row = verdicts.record(
            session, made_study(session), 1, "full", REPORT, NOW, seconds=2.5, marks={"standing": "x"}
        )
    assert row is not None
    assert (row.verdict, row.total, row.grade, row.as_of.isoformat(), row.seconds) == (
        "review",
        95.5,
        "A",
        "2026-09-01",
        2.5,
    )
    assert row.items == [
        {"id": "CT-CHEST", "verdict": "pass", "total": 95.5, "grade": "A"},
        {"id": "CT-ABD", "verdict": "review", "total": 95.5, "grade": "A"},
    ]
    assert row.reasons == ["artifacts.motion.share", "adequacy.cnr"]  # each once, and no notes
    assert row.versions == {
        "code": "0.1",
        "models": {"xr_anatomy": "a1"},
        "catalogue": "c1",
        "policy": "p1",
        "standing": "x",
    }
    with database.reading() as session:
        kept = verdicts.report_of(session, session.get_one(VerdictRow, row.id))
        line = session.get_one(AuditLine, 1)
    assert kept is not None
    assert kept.content == REPORT.content
    assert (line.action, line.detail["verdict"], line.detail["says"]) == ("verdict", row.id, "review")


def test_the_same_versions_speak_once_of_a_generation(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        recorded = [
            verdicts.record(session, study, generation, kind, REPORT, NOW, marks=marks)
            for generation, kind, marks in (
                (1, verdicts.FULL, {}),
                (1, verdicts.FULL, {}),
                (2, verdicts.FULL, {}),
                (1, verdicts.FIRST_LOOK, {}),
                (1, verdicts.FULL, {"standing": "suspended"}),
            )
        ]
        found = verdicts.history(session, study.id)
    assert [row is not None for row in recorded] == [True, False, True, True, True]
    assert len(found) == 4


def test_a_person_decides_for_every_item_and_names_the_review(database: Database) -> None:
    policy = load_policy()
    with database.writing() as session:
        study = made_study(session)
        base = verdicts.record(session, study, 1, "full", made_report({"CT-CHEST": "review", "CT-ABD": "reject"}), NOW)
        assert base is not None
        passed = verdicts.record_final(session, study, base, "pass", policy, 4, "account:9", NOW)
        again = verdicts.record_final(session, study, base, "reject", policy, 4, "account:9", NOW)
        second = verdicts.record_final(session, study, base, "reject", policy, 5, "account:8", NOW)
        assert passed is not None
        kept = verdicts.report_of(session, passed)
    assert again is None
    assert second is not None
    assert [(item["verdict"], item["grade"]) for item in passed.items] == [("pass", "A"), ("pass", "A")]
    assert [(item["verdict"], item["grade"]) for item in second.items] == [("reject", "D"), ("reject", "D")]
    assert (passed.kind, passed.generation, passed.versions["review"]) == ("final", 1, "4")
    assert kept is not None
    assert kept.verdict == "reject"  # the machine's report stays what it was
    with database.reading() as session:
        assert session.get_one(AuditLine, 2).actor == "account:9"


@pytest.mark.parametrize(
    ("new", "current", "replaces"),
    [
        (("full", 1), None, True),
        (("first_look", 1), None, False),
        (("full", 2), ("full", 1), True),
        (("full", 1), ("full", 2), False),
        (("full", 1), ("full", 1), True),  # new versions
        (("final", 1), ("full", 1), True),
        (("full", 1), ("final", 1), False),
        (("full", 2), ("final", 1), True),  # a late instance
        (("final", 1), ("full", 2), False),  # decided on what has changed since
        (("final", 1), ("final", 1), True),  # a second reading, an appeal
    ],
)
def test_which_verdict_is_current(new: tuple[str, int], current: tuple[str, int] | None, replaces: bool) -> None:
    rows = [VerdictRow(kind=one[0], generation=one[1]) if one else None for one in (new, current)]
    assert rows[0] is not None
    assert verdicts.stands_before(rows[0], rows[1]) is replaces


def test_there_is_one_current_verdict_and_all_are_kept(database: Database) -> None:
    with database.writing() as session:
        study = made_study(session)
        rows = [
            made_verdict(session, study, kind, generation=generation, created_at=NOW + timedelta(seconds=number))
            for number, (kind, generation) in enumerate([("first_look", 1), ("full", 1), ("final", 1), ("full", 2)])
        ]
        current = [verdicts.make_current(session, study, row) for row in rows]
        late = verdicts.make_current(session, study, rows[1])
    assert (current, late) == ([False, True, True, True], False)
    with database.reading() as session:
        assert session.get_one(StudyRow, study.id).verdict_id == rows[3].id
        assert [row.id for row in verdicts.history(session, study.id)] == [row.id for row in reversed(rows)]


def test_which_verdict_one_replaces(database: Database) -> None:
    with database.writing() as session:
        study, other = made_study(session), made_study(session, "1.2.9")
        made_verdict(session, other)
        said = [("full", 1), ("first_look", 2), ("full", 1), ("final", 1), ("full", 1), ("full", 2), ("first_look", 3)]
        rows = [
            made_verdict(session, study, kind, generation=generation, versions_digest=str(number))
            for number, (kind, generation) in enumerate(said)
        ]
        replaced = [verdicts.replaced_by(session, row) for row in rows]
        stood = [[rows.index(one) for one in verdicts.stood_before(session, row)] for row in rows]
    # a person's word stands before the machine's of its generation, also where the machine speaks after it
    assert [rows.index(one) if one is not None else None for one in replaced] == [None, None, 0, 2, 3, 3, None]
    assert stood == [[], [], [0], [0, 2], [0, 2, 3], [0, 2, 3], []]


def test_a_purged_report_is_none(database: Database) -> None:
    with database.writing() as session:
        assert verdicts.report_of(session, made_verdict(session, made_study(session))) is None
