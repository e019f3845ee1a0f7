"""Labels travel as lines of JSON, and a wrong line is named."""

import json
from dataclasses import replace
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
        ({"says": {"region": [7]}}, "region: what it says is no list of words"),
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


@pytest.mark.parametrize(
    "says",
    [
        {"region": ["knee", "tibia"], "view": ["LAT", "OBL:L"], "plane": ["axial"], "role": ["T2FS"]},
        {"view": ["frontal"], "subtype": ["DXA"], "composite": ["yes"], "vendor": ["GE"]},
        {"artifacts": ["mr_motion", "ring", "foreign_object"], "motion": ["nomotion"], "diagnostic": ["nondiagnostic"]},
        {"region": [], "artifacts": []},
    ],
)
def test_the_words_of_the_vocabulary_and_of_the_models_are_known(says: dict[str, list[str]], tmp_path: Path) -> None:
    label = replace(GOOD, says=says)
    write_labels([label], tmp_path / "labels.jsonl")
    assert list(read_labels(tmp_path / "labels.jsonl")) == [label]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"region": ["knee", "kneee"]}, "region: 'kneee' is no word"),
        ({"view": ["AP "]}, "view: a word with other signs"),
        ({"plane": ["AXIAL"]}, "plane: 'AXIAL'"),
        ({"role": ["LAT"]}, "role: 'LAT'"),
        ({"artifacts": ["motion"]}, "artifacts: 'motion'"),
        ({"region": ["张三"]}, "region: a word with other signs"),
    ],
)
def test_a_word_that_is_none_of_ours_is_named_with_its_line(
    says: dict[str, list[str]], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "labels.jsonl"
    write_labels([GOOD, replace(GOOD, says=says)], path)
    with pytest.raises(InputError, match=f"line 2: {told}") as error:
        list(read_labels(path))
    assert "张三" not in str(error.value)


def test_a_line_cut_short_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"path": "a', "utf-8")
    with pytest.raises(InputError, match="line 1"):
        list(read_labels(tmp_path / "labels.jsonl"))
