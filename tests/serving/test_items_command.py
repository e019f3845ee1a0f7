"""`touchstone items` lists, shows and checks exam items."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from configs.strict import HERE
from serving.command_line import touchstone

DEFAULT = HERE / "exam_items"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(touchstone, ["items", *arguments])


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A province's own folder: the bases, the fallback and two items of the default."""
    for file in [*DEFAULT.glob("_*.yaml"), DEFAULT / "CT-CHEST.yaml", DEFAULT / "XR-KNEE.yaml"]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_all_items_are_listed_without_a_sub_command() -> None:
    result = run()
    assert result.exit_code == 0
    assert "CT-CHEST" in result.stdout
    assert "胸部CT平扫" in result.stdout
    assert "67 exam items" in result.stdout


def test_named_items_alone_are_listed_as_data() -> None:
    result = run("--format", "json", "XR-KNEE", "CT-CHEST")
    assert [item["id"] for item in json.loads(result.stdout)] == ["XR-KNEE", "CT-CHEST"]


def test_one_item_is_shown_whole_with_its_limits_and_clauses() -> None:
    result = run("show", "CT-CTPA")
    assert result.exit_code == 0
    for text in ("肺动脉CTA", "arterial; thin", "lung apex → diaphragm", "150 mm", "7 days"):
        assert text in result.stdout
    row = next(line for line in result.stdout.splitlines() if line.startswith("adequacy.enhancement.arterial_hu"))
    assert all(text in row for text in ("< 250", "criteria of this item"))
    neck = run("show", "CT-CTA-HN").stdout
    row = next(line for line in neck.splitlines() if line.startswith("adequacy.enhancement.arterial_hu"))
    assert all(text in row for text in ("< 250", "< 200", "with model ct_enhancement"))


def test_one_item_is_shown_as_data() -> None:
    item = json.loads(run("show", "XR-MAMMO", "--format", "json").stdout)
    assert item["required"] == ["CC:L", "CC:R", "MLO:L", "MLO:R"]
    assert item["scan_range"]["from"] == "nipple"
    assert len(item["digest"]) == 64


def test_another_catalogue_can_be_listed(catalogue: Path) -> None:
    assert "2 exam items" in run("--catalogue", str(catalogue)).stdout


@pytest.mark.parametrize("arguments", [("CT-CHESS",), ("show", "CT-CHESS")])
def test_an_unknown_item_ends_with_exit_code_2_and_near_ids(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "'CT-CHESS'" in result.stderr
    assert "CT-CHEST" in result.stderr


def test_a_good_folder_and_a_good_file_are_fit_for_use(catalogue: Path) -> None:
    folder, file = run("check", str(catalogue)), run("check", str(catalogue / "CT-CHEST.yaml"))
    assert (folder.exit_code, file.exit_code) == (0, 0)
    assert "2 exam items, fit for use" in folder.stdout
    assert "1 exam item, fit for use" in file.stdout


def test_every_mistake_of_a_folder_is_named_with_file_and_key(catalogue: Path) -> None:
    for name, old, new in (("CT-CHEST", "max_slice_mm", "max_slise_mm"), ("XR-KNEE", "AP|PA", "AP|PB")):
        file = catalogue / f"{name}.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    result = run("check", str(catalogue))
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert "CT-CHEST.yaml" in first
    assert "max_slise_mm" in first
    assert "XR-KNEE.yaml" in second
    assert "'PB'" in second


def test_a_folder_without_fallback_or_a_path_that_is_not_there_is_refused(catalogue: Path) -> None:
    (catalogue / "_fallback.yaml").unlink()
    without, absent = run("check", str(catalogue)), run("check", str(catalogue / "absent"))
    assert (without.exit_code, absent.exit_code) == (2, 2)
    assert "_fallback.yaml" in without.stderr
    assert "absent" in absent.stderr


def test_a_limit_that_no_check_measures_is_noted(catalogue: Path) -> None:
    with (catalogue / "XR-KNEE.yaml").open("a", encoding="utf-8") as file:
        file.write("limits: {artifacts.no_such_check.value: {review: {above: 1}, clause: own}}\n")
    result = run("check", str(catalogue))
    assert result.exit_code == 0
    assert "artifacts.no_such_check.value never binds" in result.stdout
    assert "XR-KNEE" in result.stdout


def test_help_shows_examples() -> None:
    assert "touchstone items show CT-CHEST" in run("--help").stdout
    assert "touchstone items check" in run("check", "--help").stdout
