"""`touchstone labels export` writes a folder from whatever the service of a configuration holds."""

from pathlib import Path

from click.testing import CliRunner, Result

from serving.command_line import touchstone


def call(*arguments: str) -> Result:
    return CliRunner().invoke(touchstone, ["labels", "export", *arguments])


def test_an_empty_service_gives_an_empty_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("--since", "2026-01-01", "--out", str(out), "--state", str(tmp_path / "state"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("0 labels of 0 images in ")
    assert (out / "labels.jsonl").read_bytes() == b""


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("x")
    result = call("--since", "2026-01-01", "--out", str(out), "--state", str(tmp_path / "state"))
    assert result.exit_code == 3
    assert "is not empty; name a new folder" in result.output
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_a_wrong_day_is_a_wrong_option(tmp_path: Path) -> None:
    assert call("--since", "yesterday", "--out", str(tmp_path / "out")).exit_code == 2
