"""The bar draws on a terminal's standard error, leaves standard output alone, and is silent where nobody looks."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.progress_bar import progress_bar

ROOT = Path(__file__).resolve().parents[2]
WORK = """
from serving.progress_bar import progress_bar
with progress_bar("weighing", 2) as advance:
    for number in range(2):
        print(number, flush=True)
        advance()
"""


def test_a_bar_on_a_terminal_leaves_the_result_in_the_file(tmp_path: Path) -> None:
    """A live display that caught standard output would put a redirected result on the terminal."""
    ours, theirs = pty.openpty()
    with (tmp_path / "result").open("wb") as result:
        process = subprocess.Popen(
            [sys.executable, "-c", WORK], cwd=ROOT, stdout=result, stderr=theirs, env=os.environ | {"TERM": "xterm"}
        )
        os.close(theirs)
        shown = b"".join(_until_closed(ours))
        assert process.wait(timeout=60) == 0
    assert b"weighing" in shown
    assert (tmp_path / "result").read_text() == "0\n1\n"


def _until_closed(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            content = os.read(terminal, 1 << 16)
        except OSError:  # the other end is gone
            os.close(terminal)
            return
        yield content


def test_without_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("weighing", None) as advance:
        advance()
    assert capsys.readouterr() == ("", "")
