"""`touchstone simulate`: what it writes, lists and refuses."""

from pathlib import Path

import pydicom
import pytest
from click.testing import CliRunner, Result

from serving.command_line import touchstone


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(touchstone, ["simulate", *map(str, arguments)])


def test_items_are_written_and_their_folders_printed(tmp_path: Path) -> None:
    result = run("XR-HAND", "XR-KNEE", "--out", tmp_path, "--size", "small", "--vendor", "canon")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(tmp_path / "XR-HAND"), str(tmp_path / "XR-KNEE")]
    head = pydicom.dcmread(next((tmp_path / "XR-HAND").rglob("*.dcm")))
    assert head.Manufacturer == "TOSHIBA"
    assert head.BodyPartExamined == "HAND"


def test_each_defect_makes_a_study_of_its_own(tmp_path: Path) -> None:
    result = run(
        "MR-KNEE", "--out", tmp_path, "--size", "small", "--defect", "missing_slices:2", "--defect", "future_date"
    )
    assert result.exit_code == 0, result.output
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"MR-KNEE-missing_slices", "MR-KNEE-future_date"}
    whole, less = (
        len(list((tmp_path / f"MR-KNEE-{name}").rglob("*.dcm"))) for name in ("future_date", "missing_slices")
    )
    assert whole - less == 2
    uids = {pydicom.dcmread(next((tmp_path / name).rglob("*.dcm"))).StudyInstanceUID for name in names}
    assert len(uids) == 2


def test_a_source_is_copied_and_spoilt(tmp_path: Path) -> None:
    assert run("XR-HAND", "--out", tmp_path, "--size", "small").exit_code == 0
    result = run("--source", tmp_path / "XR-HAND", "--out", tmp_path / "bad", "--defect", "wrong_side")
    assert result.exit_code == 0, result.output
    sides = {pydicom.dcmread(path).ImageLaterality for path in tmp_path.rglob("*.dcm")}
    assert sides == {"L", "R"}


def test_a_strength_is_a_number_or_the_name_of_a_level(tmp_path: Path) -> None:
    sums = {}
    for strength in ("", ":disturbing", ":35", ":just_visible"):
        out = tmp_path / strength.strip(":")
        result = run("XR-HAND", "--out", out / "of", "--size", "small", "--defect", f"foreign_object{strength}")
        assert result.exit_code == 0 or strength == ":35", result.output
        sums[strength] = [pydicom.dcmread(path).pixel_array.tobytes() for path in sorted(out.rglob("*.dcm"))]
    assert sums[""] == sums[":disturbing"] != sums[":just_visible"]
    assert sums[":35"] == []  # beyond what this defect takes
    refused = run("XR-HAND", "--out", tmp_path / "no", "--defect", "foreign_object:huge")
    assert refused.exit_code != 0
    assert "just_visible, disturbing, non_diagnostic" in refused.output
    assert "just_visible 0.1, disturbing 0.35" in run("--list").stdout


def test_special_studies_and_the_list(tmp_path: Path) -> None:
    assert run("--special", "dose-page", "--out", tmp_path).exit_code == 0
    assert len(list(tmp_path.rglob("*.dcm"))) == 1
    listed = run("--list")
    assert listed.exit_code == 0
    for word in ("siemens", "missing_slices", "truncated_file", "mosaic", "fraction of pixel data kept"):
        assert word in listed.stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["XR-HAND"], 2, "--out"),
        (["XR-NOSE", "--out", "x"], 2, "no exam item 'XR-NOSE'"),
        (["XR-HAND", "--out", "x", "--defect", "gremlins"], 2, "no defect 'gremlins'"),
        (["XR-HAND", "--out", "x", "--defect", "missing_slices:many"], 2, "'many' is not a number"),
        (["XR-HAND", "--out", "x", "--vendor", "acme"], 3, "no vendor 'acme'"),
        (["XR-CHEST", "--out", "x", "--omit", "PA|AP"], 3, "nothing is left to write without PA|AP"),
        (["--out", "x", "--source", "."], 2, "needs a --defect"),
        (["XR-HAND", "--out", "x", "--source", ".", "--defect", "shuffled"], 2, "--source stands for itself"),
        (["XR-HAND", "XR-KNEE", "--out", "x", "--omit", "LAT"], 2, "exactly one item"),
    ],
)
def test_wrong_orders_end_in_words(
    arguments: list[str], exit_code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == exit_code
    assert words in " ".join(result.output.split())


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "XR-HAND").mkdir()
    (tmp_path / "XR-HAND" / "mine.txt").write_text("mine")
    result = run("XR-HAND", "--out", tmp_path, "--size", "small")
    assert result.exit_code == 3
    assert "is not empty" in result.output
    assert [path.name for path in (tmp_path / "XR-HAND").iterdir()] == ["mine.txt"]
