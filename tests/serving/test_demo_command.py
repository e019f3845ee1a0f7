"""`touchstone demo` runs the whole service on studies of its own, and runs again on the same state."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from serving import demo_command
from serving.command_line import touchstone
from serving.database.sessions import open_database
from serving.database.tables import InstanceRow, VerdictRow


def demo(state: Path) -> Result:
    return CliRunner().invoke(touchstone, ["demo", "--once", "--state", str(state), "--real", str(state / "none")])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two small studies, judged by their headers, which is quick."""
    studies = [("XR-CHEST", "siemens", "", 0), ("XR-WRIST", "canon", "patient_mix_up", 1)]
    monkeypatch.setattr(demo_command, "STUDIES", studies)
    config = tmp_path / "demo.yaml"
    content = yaml.safe_load(demo_command.CONFIG.read_text("utf-8"))
    quick = {"worker": {"pixels": False, "models": False}, "closing": {"quiet_s": 1, "settle_s": 0, "longest_s": 3}}
    config.write_text(yaml.safe_dump(content | quick), "utf-8")
    monkeypatch.setattr(demo_command, "CONFIG", config)


def rows_of(result: Result) -> list[list[str]]:
    """The first lines of the rows, word by word."""
    return [line.split() for line in result.stdout.splitlines() if " example-" in line]


def num_rows(state: Path) -> tuple[int, int]:
    """How many instances and full verdicts there are."""
    database = open_database(f"sqlite:///{state / 'touchstone.sqlite'}")
    with database.reading() as session:
        instances = session.scalar(select(func.count()).select_from(InstanceRow))
        verdicts = session.scalar(select(func.count()).select_from(VerdictRow).where(VerdictRow.kind == "full"))
    database.close()
    return instances or 0, verdicts or 0


@pytest.mark.usefixtures("few")
def test_it_sends_two_ways_prints_the_table_and_runs_again_on_what_is_there(tmp_path: Path) -> None:
    first = demo(tmp_path)
    assert first.exit_code == 0, first.output
    assert "2 studies: 0 pass 通过, 1 review 复核, 1 reject 退回" in first.stdout
    rows = rows_of(first)
    assert [row[:5] for row in rows] == [
        ["1", "1-XR-CHEST", "example-city", "C-STORE", "1"],
        ["2", "2-XR-WRIST-patient_mix_up", "example-county", "STOW-RS", "2"],
    ]
    assert "the study holds images of 2 patients" in first.stdout
    assert "/health" in first.stdout
    assert num_rows(tmp_path) == (3, 2)
    again = demo(tmp_path)
    assert again.exit_code == 0, again.output
    assert rows_of(again) == rows
    assert num_rows(tmp_path) == (3, 2)


@pytest.mark.usefixtures("few")
def test_a_run_cut_short_leaves_no_half_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qc_models.simulation.defects.apply_defect", interrupt)
    assert demo(tmp_path).exit_code == 130
    assert [path.name for path in (tmp_path / "studies").iterdir()] == ["1-XR-CHEST"]


def test_its_studies_show_both_sides_of_the_gate() -> None:
    modalities = {item.partition("-")[0] for item, _, defect, _ in demo_command.STUDIES if not defect}
    assert modalities == {"CT", "MR", "XR"}
    assert len({defect for _, _, defect, _ in demo_command.STUDIES if defect}) >= 4
