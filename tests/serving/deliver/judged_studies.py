"""Studies that a service has judged, for tests of what it tells others: real files, a real report, and all that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select

from qc_models.policy import load_policy
from qc_models.report import QcReport
from serving import verdicts
from serving.database.tables import StudyRow
from serving.deliver.told_verdict import ToldVerdict, told_verdict
from serving.opened_service import OpenedService
from serving.outcome import Delivery, Following, follow
from serving.recording import Sender

START = datetime(2026, 9, 10, 8, 0, tzinfo=UTC)
POLICY = load_policy()


@dataclass(frozen=True)
class Judged:
    """The files of a study, and what is said of it."""

    files: tuple[Path, ...]
    report: QcReport


def examined(folder: Path) -> Judged:
    """A study of a folder with its report, of headers alone: what pixels would tell takes too long to find."""
    from inference.pipeline import Settings, examine
    from inference.reading import read_studies
    from qc_models.exam_item import load_catalogue
    from serving.worker import DEFAULT_CATALOGUE

    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
    settings = Settings(
        load_catalogue(DEFAULT_CATALOGUE), POLICY, date(2026, 9, 10), pixels=False, models=None, code_version="0.1"
    )
    return Judged(files, examine(read_studies(files).studies[0], settings).report)


def passed(judged: Judged) -> Judged:
    """The study as one that has nothing but notes."""
    content = judged.report.content
    items = [{**item, "verdict": "pass", "grade": "A"} for item in content["items"]]
    notes = [finding for finding in content["findings"] if finding["level"] == "note"]
    told = {**content, "verdict": "pass", "grade": "A", "items": items, "findings": notes}
    return Judged(judged.files, QcReport(told))


def judge(
    service: OpenedService, judged: Judged, deliveries: Sequence[Delivery] = (), *, draw: float = 1.0
) -> ToldVerdict:
    """Takes a study in and writes its verdict, as of the service's clock."""
    for path in judged.files:
        service.intake.take(path.read_bytes(), Sender("city", "dimse", "CITY_CT"))
    now = service.database.now()
    with service.database.writing() as session:
        study = session.scalars(select(StudyRow).where(StudyRow.uid == judged.report.study_instance_uid)).one()
        study.state, study.generation = "closed", study.generation + 1
        verdict = verdicts.record(session, study, study.generation, "full", judged.report, now)
        assert verdict is not None
        following = Following(POLICY, b"k", tuple(deliveries), draw=lambda: draw)
        follow(session, study, verdict, judged.report, following, now)
    return told(service, verdict.id)


def told(service: OpenedService, verdict_id: int) -> ToldVerdict:
    """What is told of a verdict now."""
    with service.database.reading() as session:
        found = told_verdict(session, verdict_id, POLICY)
    assert found is not None
    return found
