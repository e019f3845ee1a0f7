"""What is told of a verdict is of one moment: never of images that came after it was said to be current."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from qc_models.policy import load_policy
from serving.database.sessions import Database
from serving.database.tables import StudyRow
from serving.deliver.told_verdict import told_verdict
from serving.outcome import SCORED
from tests.serving.made_rows import made_instance, made_study, made_verdict


@pytest.mark.usefixtures("hospitals")
def test_an_image_that_comes_between_two_reads_is_not_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.writing() as session:
        study = made_study(session)
        made_instance(session, study, 1, rows=4)
        verdict = made_verdict(session, study)
        study.state, study.verdict_id = SCORED, verdict.id
    get_one = Session.get_one

    def meanwhile(self: Session, *arguments: Any, **options: Any) -> Any:
        found = get_one(self, *arguments, **options)
        monkeypatch.undo()
        with database.writing() as other:
            late = other.get_one(StudyRow, study.id)
            late.state = "arriving"
            made_instance(other, late, 2, rows=4)
        return found

    monkeypatch.setattr(Session, "get_one", meanwhile)
    with database.reading() as session:
        told = told_verdict(session, verdict.id, load_policy())
    assert told is not None
    assert (told.current, len(told.images)) == (True, 1)
    with database.reading() as session:
        told = told_verdict(session, verdict.id, load_policy())
    assert told is not None
    assert (told.current, len(told.images)) == (False, 2)
