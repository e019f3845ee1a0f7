"""A real study that went the whole way through a service: taken, closed, scored."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from qc_models.exam_item import load_catalogue
from qc_models.policy import load_policy
from serving import jobs
from serving.archive import Archive
from serving.database.sessions import Database
from serving.database.tables import StudyRow
from serving.evidence_ledger import Closing
from serving.intake import Intake, Limits
from serving.outcome import Following
from serving.pool import person_key
from serving.recording import Sender
from serving.worker import DEFAULT_CATALOGUE, Examining, Worker


def scored(
    database: Database, archive: Archive, paths: Iterable[Path], *, key: str = "k" * 32, pixels: bool = True
) -> int:
    """The id of the study that these files are of, as the city sent them, once it is scored without models.

    Without pixels it is quick, and goes to review.
    """
    intake = Intake(database, archive, Limits())
    for path in paths:
        study_id = intake.take(path.read_bytes(), Sender("city", "dimse", "CT1")).study_id
    examining = Examining(load_catalogue(DEFAULT_CATALOGUE), pixels=pixels, models=False)
    following = Following(load_policy(), person_key(key), draw=lambda: 1.0)
    with database.writing() as session:  # as if its last image had come an hour ago
        study = session.get_one(StudyRow, study_id)
        study.last_instance_at -= timedelta(seconds=4000)
        study.close_at = study.last_instance_at
    worker = Worker(database, archive, examining, following, Closing(), jobs.Leasing())
    assert worker.close()
    while worker.score():
        pass
    with database.reading() as session:
        assert session.scalar(select(StudyRow.state).where(StudyRow.id == study_id)) == "scored"
    return study_id
