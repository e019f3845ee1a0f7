"""Reports of radiologists are kept once, in their newest version, and make their studies be judged again."""

from datetime import date, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from qc_models.report_form import Person, ReportForm, Written
from serving import audit, radiology_reports
from serving.closing import held_study
from serving.database.sessions import Database
from serving.database.tables import AuditLine, RadiologyReport, Review, StudyRow
from serving.fhir_report import SentReport
from serving.radiology_reports import MOST_OF_STUDY, Taken
from tests.serving.made_rows import NOW, Clock, made_study, made_verdict

FORM = ReportForm(
    signed=True,
    empty=False,
    written=Written(date(2026, 9, 1), 41400.0),
    regions=("chest",),
    sides=("L",),
    persons=(Person("7", "city-issuer", "张三", "M", "1980-01-01"),),
)
SETTLE = timedelta(seconds=2)


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(NOW)
    database.now = told
    return told


def take(
    database: Database, *uids: str, form: ReportForm | None = FORM, key: str = "k", hospital: str = "city"
) -> Taken:
    sent = SentReport(key, uids or ("1.2.3",), form)
    return radiology_reports.take(database, hospital, sent, "key:1", SETTLE)


def add_study(database: Database, **fields: Any) -> int:
    with database.writing() as session:
        return made_study(session, **({"state": "scored", "closed_at": NOW - timedelta(hours=1)} | fields)).id


def study_of(database: Database, study_id: int) -> StudyRow:
    with database.reading() as session:
        return session.get_one(StudyRow, study_id)


def reports_of(database: Database, study_id: int) -> tuple[ReportForm, ...]:
    with database.reading() as session:
        return radiology_reports.of_study(session, session.get_one(StudyRow, study_id))


def lines(database: Database) -> list[tuple[str, str, str, list[int]]]:
    with database.reading() as session:
        assert audit.verify(session).faults == ()
        found = session.scalars(select(AuditLine).order_by(AuditLine.number))
        return [(line.actor, line.action, line.subject, line.detail["studies"]) for line in found]


def test_a_report_makes_a_study_be_judged_again(database: Database, clock: Clock) -> None:
    study_id = add_study(database)
    taken = take(database)
    assert (taken.what, taken.studies) == ("new", (study_id,))
    study = study_of(database, study_id)
    assert (study.state, study.close_at, study.generation) == ("arriving", NOW + SETTLE, 1)
    assert reports_of(database, study_id) == (FORM,)
    assert lines(database) == [("key:1", "report new", f"study:{study_id}", [study_id])]


def test_the_same_one_again_changes_nothing(database: Database, clock: Clock) -> None:
    first = take(database)
    study_id = add_study(database)
    again = take(database)
    assert (again.what, again.number, again.studies) == ("same", first.number, (study_id,))
    assert study_of(database, study_id).state == "scored"
    assert reports_of(database, study_id) == (FORM,)
    assert len(lines(database)) == 1


def test_a_newer_version_takes_the_place_of_the_older(database: Database, clock: Clock) -> None:
    study_id = add_study(database)
    first = take(database, form=ReportForm(signed=False, empty=False, written=None))
    with database.writing() as session:
        session.get_one(StudyRow, study_id).state = "closed"
    newer = take(database)
    assert (newer.what, newer.number) == ("changed", first.number)
    assert study_of(database, study_id).state == "arriving"
    assert reports_of(database, study_id) == (FORM,)


def test_one_that_is_taken_back_counts_no_more(database: Database, clock: Clock) -> None:
    study_id = add_study(database)
    assert take(database, form=None) == Taken("unknown", None, (study_id,))
    assert study_of(database, study_id).state == "scored"
    take(database)
    with database.writing() as session:
        session.get_one(StudyRow, study_id).state = "scored"
    assert take(database, form=None) == Taken("taken back", None, (study_id,))
    assert study_of(database, study_id).state == "arriving"
    assert reports_of(database, study_id) == ()


def test_it_waits_for_a_study_of_its_own_hospital(database: Database, clock: Clock) -> None:
    of_county = add_study(database, hospital_id="county")
    taken = take(database)
    assert (taken.what, taken.studies) == ("new", ())
    assert study_of(database, of_county).state == "scored"
    assert reports_of(database, of_county) == ()
    assert lines(database) == [("key:1", "report new", "hospital:city", [])]
    of_city = add_study(database)
    assert reports_of(database, of_city) == (FORM,)
    assert take(database, hospital="county").what == "new"  # the same identifier in another hospital is another report


def test_a_report_of_several_studies_that_later_names_others(database: Database, clock: Clock) -> None:
    first, second, third = (add_study(database, uid=f"1.2.{number}") for number in (1, 2, 3))
    assert take(database, "1.2.1", "1.2.2").studies == (first, second)
    for study_id in (first, second):
        with database.writing() as session:
            session.get_one(StudyRow, study_id).state = "scored"
    assert take(database, "1.2.2", "1.2.3").what == "changed"
    assert [study_of(database, one).state for one in (first, second, third)] == ["arriving", "scored", "arriving"]
    assert [len(reports_of(database, one)) for one in (first, second, third)] == [0, 1, 1]


@pytest.mark.parametrize("fields", [{"num_instances": 0}, {"state": "erased"}, {"state": "arriving", "close_at": None}])
def test_what_cannot_be_judged_again_or_will_be_anyway_stays_as_it_is(
    database: Database, clock: Clock, fields: dict[str, Any]
) -> None:
    study_id = add_study(database, **fields)
    take(database)
    study = study_of(database, study_id)
    assert (study.state, study.close_at) == (fields.get("state", "scored"), None)


@pytest.mark.parametrize(("kind", "state"), [("final", "scored"), ("full", "arriving")])
def test_what_a_person_decided_stands(database: Database, clock: Clock, kind: str, state: str) -> None:
    study_id = add_study(database)
    with database.writing() as session:
        study = session.get_one(StudyRow, study_id)
        study.verdict_id = made_verdict(session, study, kind).id
    take(database)
    assert study_of(database, study_id).state == state
    assert reports_of(database, study_id) == (FORM,)


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        pytest.param([("audit", "decided")], "scored", id="audit confirmed"),
        pytest.param([("appeal", "decided")], "scored", id="appeal turned down"),
        pytest.param([("review", "decided"), ("second reading", "open")], "scored", id="first reading"),
        pytest.param([("review", "claimed")], "scored", id="somebody reads"),
        pytest.param([("review", "claim ran out")], "arriving", id="nobody reads any more"),
        pytest.param([("review", "open")], "arriving", id="nobody read yet"),
        pytest.param([("review", "obsolete")], "arriving", id="nobody has to"),
    ],
)
def test_what_a_person_confirmed_or_reads_stands(
    database: Database, clock: Clock, tasks: list[tuple[str, str]], state: str
) -> None:
    study_id = add_study(database)
    with database.writing() as session:
        study = session.get_one(StudyRow, study_id)
        older, study.verdict_id = (made_verdict(session, study, verdict=said).id for said in ("reject", "review"))
        # what was said of an earlier verdict is of no account
        session.add(task(study_id, older, "review", "decided"))
        session.add_all(task(study_id, study.verdict_id, *one) for one in tasks)
    take(database)
    assert study_of(database, study_id).state == state
    assert reports_of(database, study_id) == (FORM,)


def task(study_id: int, verdict_id: int, kind: str, state: str) -> Review:
    until = {"claimed": NOW + SETTLE, "claim ran out": NOW}.get(state)
    return Review(
        study_id=study_id,
        verdict_id=verdict_id,
        kind=kind,
        state="claimed" if until else state,
        claimed_until=until,
        answers=[],
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("generation", "closed_s", "at_s"),
    [
        (1, -600, 2),
        (1, -10, 50),
        (3, -100, 140),
        (11, -1024 * 60, 2),
        (12, 0, 86400),
        (4000, -3600, 82800),
    ],
)
def test_a_study_that_is_judged_again_and_again_waits_ever_longer(
    database: Database, clock: Clock, generation: int, closed_s: float, at_s: float
) -> None:
    study_id = add_study(database, generation=generation, closed_at=NOW + timedelta(seconds=closed_s))
    for number in range(3):  # while it waits, newer versions change nothing but what will be looked at
        clock.seconds = number / 10
        take(database, form=ReportForm(signed=number > 1, empty=False, written=None))
    study = study_of(database, study_id)
    assert (study.state, study.close_at) == ("arriving", NOW + timedelta(seconds=at_s))
    assert [form.signed for form in reports_of(database, study_id)] == [True]


def test_of_very_many_reports_the_newest_count(database: Database, clock: Clock) -> None:
    study_id = add_study(database)
    for number in range(MOST_OF_STUDY + 2):
        take(database, key=str(number), form=ReportForm(signed=number > 1, empty=False, written=None))
    found = reports_of(database, study_id)
    assert [form.signed for form in found] == [True] * MOST_OF_STUDY


def test_one_that_comes_while_its_study_is_closed_waits_for_that(database: Database, clock: Clock) -> None:
    """Else the study could be judged without it, and nobody would know."""
    study_id = add_study(database, state="arriving")
    sender = Thread(target=take, args=(database,))
    with database.writing() as session:
        study = held_study(session, study_id)
        assert study is not None
        sender.start()
        sender.join(0.2)
        assert sender.is_alive()
        study.state, study.generation = "closed", 2
    sender.join()
    assert study_of(database, study_id).state == "arriving"


def test_two_senders_of_one_report_keep_it_once(database: Database, clock: Clock) -> None:
    taken: list[Taken] = []
    senders = [Thread(target=lambda: taken.append(take(database, "1.2.1", "1.2.2"))) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(one.what for one in taken) == ["new", *["same"] * 5]
    with database.reading() as session:
        assert len(session.scalars(select(RadiologyReport)).all()) == 2
