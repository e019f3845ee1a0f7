"""Answers of people leave as labels with their images, and training reads the folder as it is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from qc_models.errors import InputError
from qc_models.exam_item import load_catalogue
from qc_models.policy import load_policy
from qc_models.review import read_labels
from qc_models.simulation.patients import Patient
from qc_models.simulation.study_simulation import simulate_study
from serving import pool, reviews, verdicts
from serving.archive import FolderArchive
from serving.database.sessions import Database
from serving.database.tables import AuditLine, PoolEntry, Review, StudyRow, VerdictRow
from serving.label_export import Exported, export, image_at, said_in, words_of
from serving.outcome import Following
from serving.pool import person_key
from serving.reviews import Answer, Decision, Reader, Reviewing
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.made_rows import NOW, made_instance, made_report, made_study, made_verdict
from tests.serving.scored_studies import scored
from training.manifest import build
from training.pictures import picture

KEY = "k" * 32
POLICY = load_policy()


def on_sqlite(test: Callable[..., None]) -> Callable[..., None]:
    """A test of two hospitals on an embedded database."""
    decorated = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)(test)
    marked: Callable[..., None] = pytest.mark.usefixtures("hospitals")(decorated)
    return marked


def exported(database: Database, archive: FolderArchive, out: Path) -> Exported:
    return export(database, archive, KEY, POLICY, NOW - timedelta(days=1), out, "operator")


def decide_all(database: Database, study_id: int, says: dict[str, list[str]]) -> None:
    """A review of a study that a reader passes, saying `says` of one of its images."""
    with database.writing() as session:
        study = session.get_one(StudyRow, study_id)
        verdict = session.get_one(VerdictRow, study.verdict_id)
        report = verdicts.report_of(session, verdict)
        assert report is not None
        review = session.scalars(select(Review).where(Review.study_id == study_id)).one()
        now = database.now()
        reader = Reader(1)
        reviews.claim(session, review.id, reader, Reviewing(), now)
        answers = [Answer(finding=at, holds=False) for at, one in enumerate(report.findings) if one["level"] != "note"]
        series = report.content["stacks"][0]["series_instance_uid"]
        answers.append(Answer(series_instance_uid=series, says=says))
        decision = Decision("pass", answers, "as it should be")
        following = Following(POLICY, person_key(KEY))
        reviews.decide(session, review.id, reader, decision, following, now)


@on_sqlite
def test_training_reads_what_reviewers_said_of_a_study(
    database: Database, archive: FolderArchive, tmp_path: Path
) -> None:
    hand = simulate_study(load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND"), tmp_path / "hand")
    study_id = scored(database, archive, hand.files, key=KEY, pixels=False)
    decide_all(database, study_id, {"region": ["wrist"], "view": ["LAT"]})
    out = tmp_path / "out"
    told = exported(database, archive, out)
    assert (told.num_labels, told.stayed) == (told.num_images, {})

    rows = build(out, labels=out / "labels.jsonl").rows
    said = next(row for row in rows if "view" in row.labels)
    assert (said.modality, said.source, said.label_origin) == ("XR", "city", "review")
    assert said.labels["region"] == ["wrist"]
    assert any(row.labels.get("diagnostic") == ["diagnostic"] for row in rows)
    values = picture(said, out)
    assert values.dtype == torch.float32
    assert values.shape[0] > 100
    with database.reading() as session:
        (line,) = session.scalars(select(AuditLine).where(AuditLine.action == "labels exported"))
        study = session.get_one(StudyRow, study_id)
    assert (line.actor, line.detail["labels"]) == ("operator", told.num_labels)

    original = pydicom.dcmread(hand.files[0])
    everything = b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())
    hidden = (study.patient_id, study.uid, str(original.PatientName), original.AccessionNumber, original.StudyDate)
    for secret in filter(None, map(str, hidden)):
        assert secret.encode() not in everything
    with pytest.raises(InputError, match="not empty"):
        exported(database, archive, out)
    again = exported(database, archive, tmp_path / "again")
    assert again == told
    assert (tmp_path / "again" / "labels.jsonl").read_bytes() == (out / "labels.jsonl").read_bytes()


@on_sqlite
def test_a_refusal_about_the_quality_is_a_label_and_another_is_none(
    database: Database, archive: FolderArchive, tmp_path: Path
) -> None:
    hand = simulate_study(load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND"), tmp_path / "hand")
    scored(database, archive, hand.files, key=KEY)
    with database.writing() as session:
        (entry,) = session.scalars(select(PoolEntry))
        for account, reason in ((1, "quality_insufficient"), (2, "emergency")):
            pool.answer(session, entry.id, "county", account, POLICY, database.now(), accepted=False, reason=reason)
    assert exported(database, archive, tmp_path / "out").num_labels == 1
    (label,) = read_labels(tmp_path / "out" / "labels.jsonl")
    assert (label.origin, dict(label.says)) == ("refusal", {"diagnostic": ["nondiagnostic"]})
    later = export(database, archive, KEY, POLICY, database.now() + timedelta(days=1), tmp_path / "later", "operator")
    assert later == Exported(0, 0, {})


@on_sqlite
def test_one_person_is_one_subject_and_what_may_show_text_stays(
    database: Database, archive: FolderArchive, tmp_path: Path
) -> None:
    item = load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND")
    for seed, burnt in ((1, "NO"), (2, "NO"), (3, "YES")):
        study = simulate_study(
            item, tmp_path / str(seed), seed=seed, patient=Patient("王", "芳", "P77", "19800101", "F")
        )
        for path in study.files:
            dataset = pydicom.dcmread(path)
            dataset.BurnedInAnnotation = burnt
            dataset.save_as(path)
        decide_all(database, scored(database, archive, study.files, key=KEY, pixels=False), {"region": ["hand"]})
    told = exported(database, archive, tmp_path / "out")
    labels = list(read_labels(tmp_path / "out" / "labels.jsonl"))
    assert len({label.subject for label in labels}) == 1
    assert len({label.path.rsplit("/", 1)[0] for label in labels}) == 1
    assert list(told.stayed) == ["says that text is burnt into its pixels"]


@pytest.mark.parametrize(
    ("metric", "holds", "says"),
    [
        ("artifacts.seen.ring", True, {"artifacts": ["ring"]}),
        ("artifacts.seen.ring", False, {"artifacts": []}),
        ("artifacts.wrap.share", True, {"artifacts": ["wrap"]}),
        ("artifacts.motion.replicas", False, {"artifacts": [], "motion": ["nomotion"]}),
        ("artifacts.seen.mr_motion", True, {"artifacts": ["mr_motion"], "motion": ["motion"]}),
        ("metadata.dates.future", True, {}),
    ],
)
def test_what_an_answer_says_by_itself(metric: str, holds: bool, says: dict[str, list[str]]) -> None:
    assert words_of({"metric": metric}, holds) == says


def located(metric: str, level: str, series: str | None = None, sop: str | None = None) -> dict[str, object]:
    location = {"series_instance_uid": series, "sop_instance_uid": sop}
    return {"metric": metric, "level": level, "location": location}


@on_sqlite
def test_answers_are_about_their_image_and_a_rejection_for_quality_is_said(database: Database) -> None:
    report = made_report({"MR-KNEE": "reject"})
    content = dict(report.content) | {
        "findings": [
            located("artifacts.seen.wrap", "reject", "1.2.3.1", "1.2.3.1.2"),
            located("artifacts.seen.ghost", "review", "1.2.3.1", "1.2.3.1.2"),
            located("metadata.dates.future", "review"),
        ],
        "stacks": [],
    }
    report = replace(report, content=content)

    def answers(session: Session, verdict: str, first: bool) -> dict[str, dict[str, list[str]]]:
        study = made_study(session, f"1.2.{verdict}")
        instances = [made_instance(session, study, number, series_instance_uid="1.2.3.1") for number in range(1, 5)]
        for number, row in enumerate(instances, 1):
            row.sop_instance_uid = f"1.2.3.1.{number}"
        row = made_verdict(session, study)
        given = [
            Answer(finding=0, holds=first),
            Answer(finding=1, holds=False),
            Answer(finding=2, says={"region": ["knee"]}),
        ]
        review = Review(kind="review", verdict=verdict, answers=[vars_of(answer) for answer in given])
        return said_in(review, study, row, report, instances).words

    with database.writing() as session:
        assert answers(session, "reject", True) == {
            "1.2.3.1.2": {"artifacts": ["wrap"], "diagnostic": ["nondiagnostic"]},
            "1.2.3.1.3": {"region": ["knee"]},
        }
        assert answers(session, "pass", False) == {
            "1.2.3.1.2": {"artifacts": []},
            "1.2.3.1.3": {"region": ["knee"], "diagnostic": ["diagnostic"]},
        }
        assert image_at([], report) is None


def vars_of(answer: Answer) -> dict[str, object]:
    return json.loads(json.dumps({name: getattr(answer, name) for name in Answer.__slots__}))  # type: ignore[no-any-return]
