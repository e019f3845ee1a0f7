"""Reviews over HTTP: a person claims, decides, and is told by a code what is not to be had."""

from typing import Any

import httpx
import pytest

from serving import verdicts
from serving.database.tables import StudyRow
from serving.outcome import Following, follow
from serving.service_policy import policy_at
from tests.serving.api.conftest import Person
from tests.serving.made_rows import NOW, made_report, made_study
from tests.serving.transfer.conftest import Web

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOLD = [{"finding": 0}, {"finding": 1}]
FAIL = [{"finding": 0, "holds": False}, {"finding": 1, "holds": False, "says": {"artifacts": []}}]


def opened(web: Web, verdict: str = "review", uid: str = "1.2.3") -> int:
    """The id of a study that waits for a person."""
    with web.service.opened.database.writing() as session:
        study = made_study(session, uid)
        report = made_report({"CT-CHEST": verdict})
        row = verdicts.record(session, study, 1, "full", report, NOW)
        assert row is not None
        follow(session, study, row, report, Following(policy_at(""), b"k", draw=lambda: 1.0), NOW)
        return study.id


def tasks(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/reviews", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["reviews"]
    return found


def test_from_the_list_to_the_final_verdict(web: Web, person: Person) -> None:
    study_id = opened(web)
    anna, ben = person("reviewer", name="anna"), person("reviewer", name="ben")
    (task,) = tasks(anna)
    assert (task["kind"], task["free"], task["study"]["verdict"]["verdict"]) == ("review", True, "review")
    path = f"/api/reviews/{task['id']}"
    state = anna.get(path).json()
    assert [finding["metric"] for finding in state["findings"]][:1] == ["artifacts.motion.share"]
    assert anna.post(f"{path}/claim").json()["mine"]
    assert ben.post(f"{path}/claim").status_code == 409
    assert (tasks(anna, mine=True)[0]["mine"], tasks(ben, mine=True)) == (True, [])
    assert ben.post(f"{path}/decision", json={"verdict": "pass", "answers": FAIL}).status_code == 409
    assert anna.delete(f"{path}/claim").json()["free"]
    assert ben.post(f"{path}/claim").status_code == 200
    for wrong, code in (
        ({"verdict": "review"}, 400),
        ({"verdict": "pass", "answers": [{"finding": -1}]}, 400),
        ({"verdict": "pass", "answers": [{"finding": 0, "name": "x"}]}, 400),
        ({"verdict": "pass", "comment": "\0"}, 400),
        ({"verdict": "pass"}, 422),
        ({"verdict": "reject", "answers": FAIL}, 422),
        ({"verdict": "pass", "answers": [*FAIL, {"series_instance_uid": "1.2", "says": {"region": ["x"]}}]}, 422),
    ):
        answer = ben.post(f"{path}/decision", json=wrong)
        assert answer.status_code == code, (wrong, answer.text)
    answer = ben.post(f"{path}/decision", json={"verdict": "pass", "answers": FAIL, "comment": "clear"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "decided"
    final = anna.get(f"/api/studies/{study_id}").json()
    assert (final["verdict"]["kind"], final["verdict"]["verdict"]) == ("final", "pass")
    assert [entry["item_id"] for entry in final["pool"]] == ["CT-CHEST"]
    assert ben.post(f"{path}/decision", json={"verdict": "pass", "answers": FAIL}).status_code == 409
    assert tasks(ben) == []
    assert [one["id"] for one in tasks(ben, state="decided")] == [task["id"]]


@on_sqlite
def test_a_second_reader_is_not_told_of_the_first(web: Web, person: Person) -> None:
    study_id = opened(web, "reject")
    hospital = person("hospital", "city")
    lead, anna, ben = person("lead"), person("reviewer", name="anna"), person("reviewer", name="ben")
    assert (
        person("hospital", "county").post(f"/api/studies/{study_id}/appeal", json={"comment": "x"}).status_code == 404
    )
    assert hospital.post(f"/api/studies/{study_id}/appeal", json={}).status_code == 400
    answer = hospital.post(f"/api/studies/{study_id}/appeal", json={"comment": "the patient held still"})
    assert answer.status_code == 201, answer.text
    assert hospital.post(f"/api/studies/{study_id}/appeal", json={"comment": "again"}).status_code == 409
    (task,) = tasks(lead)
    assert task["opening_comment"] == "the patient held still"
    path = f"/api/reviews/{task['id']}"
    assert anna.post(f"{path}/claim").status_code == 403
    lead.post(f"{path}/claim")
    decision = {"verdict": "pass", "answers": FAIL, "comment": "SEEN BY THE FIRST"}
    assert lead.post(f"{path}/decision", json=decision).status_code == 200
    (second,) = tasks(anna)
    path = f"/api/reviews/{second['id']}"
    assert second["kind"] == "second reading"
    assert lead.post(f"{path}/claim").status_code == 403
    anna.post(f"{path}/claim")
    for told in (anna.get(path), anna.get(f"/api/studies/{study_id}")):
        assert "SEEN BY THE FIRST" not in told.text
    assert anna.post(f"{path}/decision", json={"verdict": "reject", "answers": HOLD}).status_code == 200
    (last,) = tasks(person("lead", name="lea"))
    assert last["kind"] == "adjudication"
    earlier = ben.get(f"/api/reviews/{last['id']}").json()["earlier"]
    assert [one["verdict"] for one in earlier] == ["pass", "reject"]
    told_hospital = hospital.get(f"/api/studies/{study_id}").json()["reviews"]
    assert {one["kind"] for one in told_hospital} == {"appeal", "second reading", "adjudication"}


@on_sqlite
def test_new_images_are_told_to_whoever_decides(web: Web, person: Person) -> None:
    study_id, anna = opened(web), person("reviewer")
    (task,) = tasks(anna)
    path = f"/api/reviews/{task['id']}"
    anna.post(f"{path}/claim")
    with web.service.opened.database.writing() as session:
        session.get_one(StudyRow, study_id).state = "arriving"
    answer = anna.post(f"{path}/decision", json={"verdict": "pass", "answers": FAIL})
    assert answer.status_code == 409
    assert "new images came" in answer.json()["detail"]
    assert tasks(anna) == []


@on_sqlite
def test_a_program_reviews_nothing_and_pages_follow_each_other(web: Web, person: Person) -> None:
    for number in range(3):
        opened(web, uid=f"1.{number}")
    assert web.client(None, "reviewer").get("/api/reviews").status_code == 403
    assert web.client("city", "hospital").get("/api/reviews").status_code == 403
    client = person("reviewer")
    first = client.get("/api/reviews", params={"limit": 2}).json()
    rest = client.get("/api/reviews", params={"limit": 2, "cursor": first["next"]}).json()
    ids = [one["id"] for one in (*first["reviews"], *rest["reviews"])]
    assert (len(set(ids)), rest["next"]) == (3, None)
    assert client.get("/api/reviews/99").status_code == 404
    assert client.post("/api/reviews/99/claim").status_code == 404
    assert client.get("/api/reviews/words").json()["plane"] == ["axial", "coronal", "oblique", "sagittal"]
