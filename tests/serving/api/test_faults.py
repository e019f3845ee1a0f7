"""What went wrong is listed with its reason, and a job that was given up is tried again."""

from datetime import timedelta

import pytest

from serving.database.tables import Job, QuarantineRow
from tests.serving.api.conftest import Person
from tests.serving.made_rows import NOW, made_study
from tests.serving.transfer.conftest import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_quarantine_is_told_to_whoever_sent(web: Web) -> None:
    with web.service.opened.database.writing() as session:
        for number, hospital in enumerate(("city", "city", "county")):
            session.add(
                QuarantineRow(
                    hospital_id=hospital,
                    came_by="dimse",
                    sender="CT1",
                    reason="the object is cut short",
                    digest=str(number),
                    size_bytes=10,
                    archive_key=f"quarantine/{hospital}/{number}",
                    received_at=NOW + timedelta(seconds=number),
                )
            )
    client = web.client(None, "reviewer")
    page = client.get("/api/quarantine", params={"limit": 2}).json()
    rest = client.get("/api/quarantine", params={"limit": 2, "cursor": page["next"]}).json()
    assert [one["digest"] for one in (*page["objects"], *rest["objects"])] == ["2", "1", "0"]
    assert page["objects"][0]["reason"] == "the object is cut short"
    own = web.client("city", "sender").get("/api/quarantine").json()["objects"]
    assert [one["digest"] for one in own] == ["1", "0"]
    assert web.client("city", "doctor").get("/api/quarantine").status_code == 403


def test_a_job_that_was_given_up_is_tried_again(web: Web, person: Person) -> None:
    with web.service.opened.database.writing() as session:
        study = made_study(session)
        job = Job(
            kind="score",
            study_id=study.id,
            generation=1,
            hospital_id="city",
            priority=1,
            state="dead",
            run_at=NOW,
            reason="no memory",
            created_at=NOW,
        )
        session.add(job)
        session.flush()
        job_id = job.id
    assert web.client(None, "reviewer").get("/api/jobs/dead").status_code == 403
    lead = person("lead")
    (dead,) = lead.get("/api/jobs/dead").json()["jobs"]
    assert (dead["id"], dead["reason"], dead["study_uid"]) == (job_id, "no memory", "1.2.3")
    assert lead.post(f"/api/jobs/{job_id}/revive").json() == {"job": job_id}
    assert lead.post(f"/api/jobs/{job_id}/revive").status_code == 422
    assert lead.get("/api/jobs/dead").json()["jobs"] == []
    with web.service.opened.database.reading() as session:
        assert session.get_one(Job, job_id).state == "ready"
