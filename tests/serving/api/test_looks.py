"""Whoever looks at a study is written down: once an hour for each study and kind of look, by whatever way they came."""

from collections.abc import Callable, Sequence

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import select

from serving import audit, verdicts
from serving.api.callers import Caller
from serving.api.looks import EVERY_S, LOOKED, Looks
from serving.database.sessions import Database
from serving.database.tables import AuditLine, StudyRow
from serving.intake import Intake
from serving.recording import Sender
from tests.serving.api.conftest import Person
from tests.serving.conftest import object_bytes
from tests.serving.made_rows import made_report
from tests.serving.transfer.conftest import Web

DOCTOR = Caller("account:3", "doctor", "doctor", "city")
Line = tuple[str, str, str]


def lines(database: Database) -> Sequence[Line]:
    """Actor, subject and kind of all looks."""
    with database.reading() as session:
        assert audit.verify(session).faults == ()
        found = session.scalars(select(AuditLine).where(AuditLine.action == LOOKED).order_by(AuditLine.number)).all()
    return [(line.actor, line.subject, line.detail["at"]) for line in found]


def test_each_look_is_one_line_an_hour(database: Database) -> None:
    now = [0.0]
    looks = Looks(database, lambda: now[0])
    for _ in range(3):
        looks.note(DOCTOR, "images", "study:1", "study:1")
    looks.note(DOCTOR, "report", "study:1")
    looks.note(DOCTOR, "images", "study:1", "study:2")
    looks.note(DOCTOR, "images")
    first = [("account:3", f"study:{number}", at) for number, at in ((1, "images"), (1, "report"), (2, "images"))]
    assert lines(database) == first
    now[0] = EVERY_S
    looks.note(DOCTOR, "images", "study:1")
    assert lines(database) == [*first, first[0]]


def test_a_look_that_cannot_be_written_down_is_none_yet(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(database)
    with monkeypatch.context() as patched:
        patched.setattr(database, "now", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            looks.note(DOCTOR, "images", "study:1")
    looks.note(DOCTOR, "images", "study:1")
    assert lines(database) == [("account:3", "study:1", "images")]


def test_whoever_sees_a_study_is_written_down(web: Web, person: Person) -> None:
    uid = generate_uid()
    opened = web.service.opened
    take: Callable[..., object] = Intake(opened.database, opened.archive, opened.intake._limits).take
    take(object_bytes(StudyInstanceUID=uid, PatientName="SECRET^NAME", PatientID="77"), Sender("city", "dimse", "CT"))
    with opened.database.writing() as session:
        study = session.scalars(select(StudyRow)).one()
        said = verdicts.record(session, study, 1, "full", made_report({"CT-CHEST": "pass"}), opened.database.now())
        assert said is not None
        study.verdict_id = said.id
    key, reader = web.client(), person("hospital", "city")
    for _ in range(2):
        assert key.get(f"/dicom-web/studies/{uid}").status_code == 200
        assert key.get(f"/dicom-web/studies/{uid}/metadata").status_code == 200
        assert key.get("/dicom-web/studies").status_code == 200
        assert reader.get(f"/api/studies/{study.id}").status_code == 200
        assert reader.get(f"/api/studies/{study.id}/report").status_code == 200
        assert reader.post("/api/studies/search", json={"patient_id": "77"}).json()["studies"]
        assert reader.get(f"/dicom-web/studies/{uid}").status_code == 200
    for absent in ("/dicom-web/studies/1.2.3", f"/api/studies/{study.id + 1}"):
        assert web.client("county", "hospital").get(absent).status_code == 404
    of_study = f"study:{study.id}"
    found = lines(opened.database)
    assert [line[1:] for line in found] == [
        (of_study, "images"),
        ("studies", "list"),
        (of_study, "study"),
        (of_study, "report"),
        (of_study, "search"),
        (of_study, "images"),
    ]
    assert [line[0].partition(":")[0] for line in found] == ["key"] * 2 + ["account"] * 4
