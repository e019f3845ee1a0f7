"""Closing: studies close once they are all there, open again for what comes late, and are put in the queue once each time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.report_form import ReportForm
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study
from serving import closing, jobs, radiology_reports
from serving.archive import FolderArchive
from serving.closing import Closer
from serving.database.sessions import Database
from serving.database.tables import AuditLine, InstanceRow, Job, PerformedStep, StudyRow
from serving.evidence_ledger import Closing, ItemSeen
from serving.fhir_report import SentReport
from serving.intake import Intake, Limits
from serving.recording import Sender
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.conftest import object_bytes
from tests.serving.made_rows import Clock

SETTINGS = Closing(quiet_s=60, settle_s=2, first_look_s=3, off_peak_days=14)
CITY = Sender("city", "dimse", "CITY_CT")
STUDY = "1.2.826.0.1.3680043.8.498.1"
START = datetime(2026, 9, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(DEFAULT_CATALOGUE)


@pytest.fixture(scope="session")
def hand(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> SimulatedStudy:
    """Both views of a hand."""
    return simulate_study(catalogue.item("XR-HAND"), tmp_path_factory.mktemp("hand"), size="small")


@pytest.fixture
def clock(database: Database, hospitals: tuple[str, str]) -> Clock:
    told = Clock(START)
    database.now = told
    return told


@pytest.fixture
def send(database: Database, archive: FolderArchive, clock: Clock) -> Callable[..., None]:
    """Sends objects: bytes, or keywords of one (see tests/written_dicom.py)."""
    intake = Intake(database, archive, Limits(), timedelta(seconds=SETTINGS.settle_s))

    def sent(content: bytes | None = None, **keywords: Any) -> None:
        intake.take(content or object_bytes(**keywords), CITY)

    return sent


@pytest.fixture
def closer(database: Database, archive: FolderArchive, catalogue: Catalogue, clock: Clock) -> Closer:
    return Closer(database, archive, catalogue, SETTINGS, jobs.Leasing())


def study_of(database: Database) -> StudyRow:
    with database.reading() as session:
        return session.scalars(select(StudyRow)).one()


def queue(database: Database) -> list[tuple[str, int, int]]:
    with database.reading() as session:
        found = session.scalars(select(Job).order_by(Job.id))
        return [(job.kind, job.generation, job.priority) for job in found]


def step_until_closed(closer: Closer, database: Database, clock: Clock) -> None:
    """Lets the time run to whenever the study is to be looked at again."""
    for _ in range(5):
        study = study_of(database)
        if study.state != "arriving":
            return
        assert study.close_at is not None
        clock.seconds = max(clock.seconds, (study.close_at - START).total_seconds())
        closer.step()
    raise AssertionError("never closed")


def manifest(*listed: str, code: str = "113032", study_uid: str = STUDY) -> dict[str, Any]:
    """The keywords of a key object document that lists instances."""
    references = [
        {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": uid} for uid in listed
    ]
    title = {"CodeValue": code, "CodingSchemeDesignator": "DCM", "CodeMeaning": "Complete Study Content"}
    series = {"SeriesInstanceUID": f"{study_uid}.1", "ReferencedSOPSequence": references}
    return {
        "SOPClassUID": closing.KEY_OBJECTS,
        "SeriesInstanceUID": f"{study_uid}.9",
        "Modality": "KO",
        "Rows": None,
        "Columns": None,
        "ConceptNameCodeSequence": [title],
        "CurrentRequestedProcedureEvidenceSequence": [
            {"StudyInstanceUID": study_uid, "ReferencedSeriesSequence": [series]}
        ],
    }


def test_a_study_is_looked_at_first_and_closes_after_the_quiet(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    closer.step()
    assert queue(database) == []
    clock.seconds = 3
    assert closer.step() == 0
    assert queue(database) == [("first_look", 1, jobs.USUAL)]
    step_until_closed(closer, database, clock)
    assert clock.seconds == pytest.approx(60, abs=0.1)
    study = study_of(database)
    assert (study.state, study.generation, study.close_at, study.close_confidence) == ("closed", 1, None, 0.8)
    assert study.close_evidence == {
        "instances": 1,
        "new_instances": 1,
        "quiet_s": 60.0,
        "usual_quiet_s": 60,
        "ledger": [],
    }
    assert queue(database) == [("first_look", 1, jobs.USUAL), ("score", 1, jobs.USUAL)]
    with database.reading() as session:
        line = session.scalars(select(AuditLine)).one()
    assert (line.action, line.subject, line.detail["generation"]) == ("study closed", f"study:{study.id}", 1)
    assert closer.step() == 0


def test_every_new_instance_begins_the_wait_anew(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    for number in range(1, 4):
        send(InstanceNumber=number, BodyPartExamined="PHANTOM", SOPInstanceUID=f"1.5.{number}")
        clock.seconds += 15
        assert closer.step() == 0
    step_until_closed(closer, database, clock)
    assert clock.seconds == pytest.approx(30 + 60, abs=0.1)  # thrice the pause of 15 s is less than the usual quiet


def test_a_late_instance_opens_the_study_again(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    step_until_closed(closer, database, clock)
    clock.seconds = 7200
    send(InstanceNumber=2, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.2")
    assert study_of(database).state == "arriving"
    step_until_closed(closer, database, clock)
    assert clock.seconds == pytest.approx(7260, abs=0.1)  # the hours in between are no pause of the sender
    assert (study_of(database).generation, study_of(database).num_instances) == (2, 2)
    assert [(kind, generation) for kind, generation, _ in queue(database)] == [
        ("first_look", 1),
        ("score", 1),
        ("first_look", 2),
        ("score", 2),
    ]


def test_a_report_alone_is_no_reason_for_a_first_look(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    step_until_closed(closer, database, clock)
    with database.writing() as session:
        session.scalars(select(StudyRow)).one().state = "scored"
    clock.seconds = 7200
    report = SentReport("k", (STUDY,), ReportForm(signed=True, empty=False, written=None))
    radiology_reports.take(database, "city", report, "key:1", timedelta(seconds=SETTINGS.settle_s))
    clock.seconds += SETTINGS.settle_s
    assert closer.step() == 1
    assert not study_of(database).closed_after_images
    asked = [("first_look", 1), ("score", 1), ("score", 2)]
    assert [(kind, generation) for kind, generation, _ in queue(database)] == asked
    clock.seconds += 10
    send(InstanceNumber=2, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.2")
    closer.step()
    assert [(kind, generation) for kind, generation, _ in queue(database)] == [*asked, ("first_look", 3)]


def test_a_manifest_closes_once_all_that_it_lists_is_there(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    send(SOPInstanceUID="1.5.9", **manifest("1.5.1", "1.5.2"))
    clock.seconds = 70
    closer.step()
    assert study_of(database).state == "arriving"
    send(InstanceNumber=2, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.2")
    clock.seconds = 72.001
    closer.step()
    study = study_of(database)
    assert study.state == "closed"
    assert study.close_evidence is not None
    assert study.close_evidence["ledger"] == [
        {
            "evidence": "manifest",
            "says": "whole",
            "factor": 100.0,
            "detail": {"codes": ["113032"], "listed": 2, "absent": 0},
        }
    ]


@pytest.mark.parametrize(("code", "study_uid"), [("113010", STUDY), ("113032", "1.9.9")])
def test_other_key_objects_say_nothing(tmp_path: Path, code: str, study_uid: str) -> None:
    path = tmp_path / "document"
    path.write_bytes(object_bytes(**manifest("1.5.1", code=code, study_uid=study_uid)))
    named, listed = closing.manifest_of(path, STUDY)
    assert not (named and listed)


def test_a_modality_at_work_is_waited_for(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    with database.writing() as session:
        step = PerformedStep(
            hospital_id="city",
            sop_instance_uid="1.7",
            study_uid=STUDY,
            status="IN PROGRESS",
            instances=[],
            updated_at=clock(),
        )
        session.add(step)
    clock.seconds = 600
    closer.step()
    assert study_of(database).state == "arriving"
    with database.writing() as session:
        done = session.get_one(PerformedStep, step.id)
        done.status, done.instances = "COMPLETED", ["1.5.1"]
    step_until_closed(closer, database, clock)
    assert study_of(database).close_confidence == pytest.approx(1.0, abs=0.001)


def test_what_came_between_the_look_and_the_act_keeps_it_open(
    database: Database, catalogue: Catalogue, tmp_path: Path, send: Callable[..., None], clock: Clock
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")

    class Interrupted(FolderArchive):
        @contextmanager
        def local(self, key: str) -> Iterator[Path]:
            send(InstanceNumber=2, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.2")
            with super().local(key) as path:
                yield path

    clock.seconds = 100
    interrupted = Closer(database, Interrupted(tmp_path / "archive"), catalogue, SETTINGS, jobs.Leasing())
    assert interrupted.step() == 0
    study = study_of(database)
    assert (study.state, study.num_instances, study.generation) == ("arriving", 2, 0)


def test_an_archive_that_is_away_puts_it_off(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock, tmp_path: Path
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    (tmp_path / "archive").rename(tmp_path / "away")
    clock.seconds = 100
    assert closer.step() == 0
    (tmp_path / "away").rename(tmp_path / "archive")
    assert closer.step() == 0  # it was claimed for a minute
    clock.seconds = 161
    assert closer.step() == 1


def test_closers_side_by_side_close_once(
    database: Database,
    closer: Closer,
    archive: FolderArchive,
    catalogue: Catalogue,
    send: Callable[..., None],
    clock: Clock,
) -> None:
    send(InstanceNumber=1, BodyPartExamined="PHANTOM", SOPInstanceUID="1.5.1")
    clock.seconds = 100
    second = Closer(database, archive, catalogue, SETTINGS, jobs.Leasing())
    seen = [one._claim(study_of(database).id) for one in (closer, second)]
    assert [one is not None for one in seen] == [True, False]


def test_catalogue_evidence_from_headers(hand: SimulatedStudy, catalogue: Catalogue) -> None:
    uid = hand.study_instance_uid
    assert list(closing.items_of(hand.files, uid, catalogue)) == [ItemSeen("XR-HAND")]
    (lacking,) = closing.items_of(hand.files[:1], uid, catalogue)
    assert (lacking.item_id, len(lacking.missing)) == ("XR-HAND", 1)
    assert list(closing.items_of(hand.files, "1.9", catalogue)) == []


def test_a_complete_examination_closes_early_and_one_that_lacks_a_view_late(
    database: Database, closer: Closer, send: Callable[..., None], clock: Clock, hand: SimulatedStudy
) -> None:
    first, second = (path.read_bytes() for path in hand.files)
    send(first)
    clock.seconds = 65
    closer.step()
    study = study_of(database)
    assert study.state == "arriving"
    assert study.close_at is not None
    assert (study.close_at - START).total_seconds() == pytest.approx(319.5, abs=1)  # for the view that is lacking
    send(second)
    step_until_closed(closer, database, clock)
    # thrice the pause of 65 s is now the usual quiet: 195 s * (4 ** 0.25 - 1)
    assert clock.seconds == pytest.approx(65 + 80.8, abs=1)
    found = study_of(database)
    assert found.close_evidence is not None
    assert found.close_evidence["ledger"][0]["says"] == "whole"


@pytest.mark.parametrize(
    ("urgent", "examined", "priority"),
    [
        (False, date(2026, 9, 1), jobs.USUAL),
        (False, None, jobs.USUAL),
        (False, date(2026, 8, 18), jobs.OFF_PEAK),
        (True, date(2020, 1, 1), jobs.URGENT),
    ],
)
def test_what_is_urgent_and_what_nobody_waits_for(urgent: bool, examined: date | None, priority: int) -> None:
    assert closing.priority_of(urgent, examined, date(2026, 9, 2), SETTINGS) == priority


def row(series: str, number: int | None, modality: str = "CT", *, conflicting: bool = False) -> InstanceRow:
    return InstanceRow(series_instance_uid=series, instance_number=number, modality=modality, conflicting=conflicting)


def test_gaps_are_counted_in_series_of_slices() -> None:
    rows = [row("a", number) for number in (1, 2, 3, 5, 6, 8)]
    rows += [row("b", number, "DX") for number in (1, 2, 3, 5)]
    rows += [row("c", number) for number in (1, 2, 3, None)]
    assert closing.gaps(rows) == {"a": 2}


def test_a_sample_of_headers_runs_from_the_first_to_the_last() -> None:
    rows = [row("a", number) for number in range(400)] + [row("b", 1), row("b", 2), row("b", 2, conflicting=True)]
    chosen = closing.sample(rows)
    numbers = [one.instance_number for one in chosen if one.series_instance_uid == "a"]
    assert (len(numbers), numbers[0], numbers[-1], len(set(numbers))) == (40, 0, 399, 40)
    assert [one.instance_number for one in chosen if one.series_instance_uid == "b"] == [1, 2]
