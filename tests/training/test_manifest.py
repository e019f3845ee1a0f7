"""The manifest: folds by subject, labels of reviewers over those of tables, and a digest that tells a changed file."""

from pathlib import Path

import pytest

from qc_models.errors import InputError
from qc_models.review import Label, write_labels
from tests.training.drawn_data import write_data
from training.manifest import TEST_FOLDS, build, fold_of, read_manifest, source_left_out, summary


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def test_nobody_is_in_two_folds(data: Path) -> None:
    folds: dict[str, set[int]] = {}
    for row in build(data).rows:
        folds.setdefault(row.subject, set()).add(row.fold)
    assert all(len(found) == 1 for found in folds.values())
    assert len({fold for found in folds.values() for fold in found}) > 5


def test_more_data_moves_nobody(data: Path, tmp_path: Path) -> None:
    few = {row.subject: row.fold for row in build(write_data(tmp_path, 20)).rows}
    many = {row.subject: row.fold for row in build(data).rows}
    assert few.items() <= many.items()


def test_open_terms_alone_say_what_is_left(data: Path) -> None:
    assert [entry[:4] for entry in summary(build(data, terms="open").rows)] == [("CT", "picture", "open", 10)]


def test_a_written_manifest_reads_back_and_a_changed_one_is_refused(data: Path, tmp_path: Path) -> None:
    manifest, path = build(data), tmp_path / "manifest.jsonl"
    manifest.write(path)
    assert read_manifest(path) == manifest
    path.write_text(path.read_text("utf-8").replace('"knee"', '"hand"', 1), "utf-8")
    with pytest.raises(InputError, match="was changed"):
        read_manifest(path)


def test_a_reviewers_answer_replaces_what_it_speaks_of_and_nothing_else(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    known = Label("images/xr/knee/3.png", "XR", "s3", "h1", "review", {"region": ["ankle"]})
    new = Label("archive/7.dcm", "XR", "digest", "h1", "appeal", {"view": ["AP"]}, vendor="A")
    write_labels([known, new], path)
    rows = {row.path: row for row in build(data, labels=path).rows}
    assert rows[known.path].labels == {"region": ["ankle"], "view": ["LAT"]}
    assert rows[known.path].label_origin == "review"
    assert rows[new.path].labels == {"view": ["AP"], "vendor": ["A"]}
    assert (rows[new.path].source, rows[new.path].fold) == ("h1", fold_of("digest"))


def test_a_source_left_out_is_the_whole_test(data: Path) -> None:
    rows = source_left_out(build(data).rows, "source1")
    assert {row.source for row in rows if row.part == "test"} == {"source1"}
    assert not [row for row in rows if row.source == "source1" and row.part != "test"]
    assert not [row for row in rows if row.source != "source1" and row.fold in TEST_FOLDS]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name the data folder"):
        build(tmp_path)
