"""An engineer fetches what people answered, as one archive, and nothing of it stays behind."""

import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from qc_models.exam_item import load_catalogue
from qc_models.review import read_labels
from qc_models.simulation.study_simulation import simulate_study
from serving.worker import DEFAULT_CATALOGUE
from tests.serving.api.conftest import Person
from tests.serving.scored_studies import scored
from tests.serving.transfer.conftest import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_answers_of_people_come_as_one_archive(web: Web, person: Person, tmp_path: Path) -> None:
    opened = web.service.opened
    hand = simulate_study(load_catalogue(DEFAULT_CATALOGUE).item("XR-HAND"), tmp_path / "hand")
    scored(opened.database, opened.archive, hand.files, pixels=False)
    reviewer, engineer = person("reviewer"), person("engineer")
    (task,) = reviewer.get("/api/reviews").json()["reviews"]
    state = reviewer.post(f"/api/reviews/{task['id']}/claim").json()
    answers = [{"finding": number, "holds": False} for number in range(len(state["findings"]))]
    assert reviewer.post(f"/api/reviews/{task['id']}/decision", json={"verdict": "pass", "answers": answers}).is_success
    answer = engineer.post("/api/labels/export", json={"since": "2026-01-01"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "out")
    (label,) = read_labels(tmp_path / "out" / "labels.jsonl")
    assert dict(label.says) == {"diagnostic": ["diagnostic"]}
    assert (tmp_path / "out" / label.path).is_file()
    for since, code in (("2999-01-01", 200), ("0001-01-01", 200), ("yesterday", 400)):
        assert engineer.post("/api/labels/export", json={"since": since}).status_code == code, since
    assert reviewer.post("/api/labels/export", json={"since": "2026-01-01"}).status_code == 403
    until = time.monotonic() + 30  # what was sent is deleted behind the answer
    while list(opened.config.state_folder.glob("labels-*")) and time.monotonic() < until:
        time.sleep(0.01)
    assert not list(opened.config.state_folder.glob("labels-*"))
