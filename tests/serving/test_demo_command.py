"""`touchstone demo` shows passes and rejections out of nothing, and runs again in the same folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from serving import demo_command
from serving.command_line import touchstone


def demo(out: Path) -> Result:
    return CliRunner().invoke(touchstone, ["demo", "--out", str(out)])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    studies = [("XR-CHEST", "siemens", "", 0), ("XR-WRIST", "canon", "patient_mix_up", 1)]
    monkeypatch.setattr(demo_command, "STUDIES", studies)
    monkeypatch.setattr(demo_command, "REAL", ())


def reports(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "reports.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.usefixtures("few")
def test_it_prints_the_table_and_where_the_report_lies(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = demo(out)
    assert result.exit_code == 0, result.output
    assert "2 studies: 1 pass 通过, 0 review 复核, 1 reject 退回" in result.stdout
    assert str(out / "report.html") in result.stdout
    assert [report["verdict"] for report in reports(out)] == ["pass", "reject"]
    assert [report["items"][0]["item"] for report in reports(out)] == ["XR-CHEST", "XR-WRIST"]


@pytest.mark.usefixtures("few")
def test_it_runs_again_on_what_is_there(tmp_path: Path) -> None:
    results = [demo(tmp_path) for _ in range(2)]
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.iterdir())
    assert [result.exit_code for result in results] == [0, 0]
    assert results[0].stdout == results[1].stdout
    assert files == ["report.html", "reports.jsonl", "studies"]
    assert sorted(path.name for path in (tmp_path / "studies").iterdir()) == ["1-XR-CHEST", "2-XR-WRIST-patient_mix_up"]


@pytest.mark.usefixtures("few")
def test_a_run_cut_short_leaves_no_half_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("qc_models.simulation.defects.apply_defect", interrupt)
        assert demo(tmp_path).exit_code == 130
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["1-XR-CHEST"]
    assert demo(tmp_path).exit_code == 0


def test_its_studies_show_both_sides_of_the_gate() -> None:
    modalities = {item.partition("-")[0] for item, _, defect, _ in demo_command.STUDIES if not defect}
    assert modalities == {"CT", "MR", "XR"}
    assert len({defect for _, _, defect, _ in demo_command.STUDIES if defect}) >= 4
