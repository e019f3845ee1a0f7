"""Labels travel as lines of JSON, and a wrong line is named."""

import json
from pathlib import Path

import pytest

from qc_models.errors import InputError
from qc_models.review import Label, read_labels, write_labels

GOOD = Label("a/1.dcm", "CT", "d1", "h1", "review", {"artifacts": []}, "GE", {"ct_artifact": "v1"})


def test_labels_come_back_as_they_went(tmp_path: Path) -> None:
    write_labels([GOOD, GOOD], tmp_path / "labels.jsonl")
    assert list(read_labels(tmp_path / "labels.jsonl")) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "../secret"}, "leads out"),
        ({"path": "/etc/passwd"}, "leads out"),
        ({"subject": ""}, "subject is empty"),
        ({"modality": "US"}, "not CT, MR or XR"),
        ({"origin": "rumour"}, "origin is none of"),
        ({"says": {}}, "says nothing"),
        ({"says": {"name": ["Zhang"]}}, "nothing that a label is about"),
        ({"says": {"region": "knee"}}, "no list of words"),
        ({"patient": "Zhang"}, "is no label"),
    ],
)
def test_a_wrong_line_is_named_and_quotes_no_answer(change: dict[str, object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    write_labels([GOOD], path)
    wrong = json.loads(path.read_text("utf-8")) | change
    path.write_text(path.read_text("utf-8") + json.dumps(wrong) + "\n", "utf-8")
    with pytest.raises(InputError, match=f"line 2.*{said}") as told:
        list(read_labels(path))
    assert "Zhang" not in str(told.value)


def test_a_line_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"path": "a', "utf-8")
    with pytest.raises(InputError, match="line 1"):
        list(read_labels(tmp_path / "labels.jsonl"))
