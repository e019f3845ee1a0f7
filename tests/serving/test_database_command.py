"""`touchstone database` as an operator calls it."""

from pathlib import Path

from click.testing import CliRunner

from serving.command_line import touchstone
from serving.database import schema


def test_tables_are_made_told_and_dropped(tmp_path: Path) -> None:
    def call(command: str, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(touchstone, ["database", command, "--state", str(tmp_path / "state"), *arguments])
        return result.exit_code, result.output.strip()

    assert call("current") == (0, f"no tables (newest is {schema.newest()})")
    assert call("upgrade") == (0, schema.newest())
    assert call("current") == (0, f"{schema.newest()} (newest)")
    assert call("downgrade", "base")[0] == 1  # nobody said yes
    assert call("current") == (0, f"{schema.newest()} (newest)")
    assert call("downgrade", "base", "--yes") == (0, "no tables")
    code, told = call("upgrade", "v9999")
    assert (code, told.count("\n")) == (2, 0)
    assert "v9999" in told
