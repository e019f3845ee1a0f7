"""Log lines tell what happened and where, and quote neither libraries nor errors that nobody raised on purpose."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MARK = "MARK^NAME"
PROGRAM = f"""
import logging, threading, warnings
import structlog
from structlog.contextvars import bound_contextvars
from serving.observing.log_lines import log_as

log_as("worker", for_a_person={{for_a_person}})
with bound_contextvars(job=3, study=17):
    structlog.get_logger().info("done", verdict="pass")
logging.getLogger("some.library").error("cannot read %s", "{MARK}")
logging.getLogger("some.library").info("not asked for")
warnings.warn("odd value {MARK}")
thread = threading.Thread(target=lambda: int("{MARK}"))
thread.start()
thread.join()
raise ValueError("{MARK}")
"""


def run(*, for_a_person: bool) -> list[str]:
    program = PROGRAM.format(for_a_person=for_a_person)
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "MARK" not in ended.stdout + ended.stderr
    return ended.stderr.splitlines()


def test_lines_of_json_for_a_machine() -> None:
    done, library, warning, thread, end = (json.loads(line) for line in run(for_a_person=False))
    timestamp = done.pop("timestamp")
    assert timestamp.endswith("Z")
    assert done == {"process": "worker", "level": "info", "event": "done", "verdict": "pass", "job": 3, "study": 17}
    assert (library["library"], library["severity"], library["at"]) == ("some.library", "ERROR", "<string>:10")
    assert warning["library"] == "UserWarning"
    assert (thread["error"], thread["level"], thread["at"][-1]) == ("ValueError", "critical", "<string>:13")
    assert (end["error"], end["at"]) == ("ValueError", ["<string>:16"])


@pytest.mark.parametrize("word", ["process=worker", "event=done", "verdict=pass", "study=17"])
def test_key_and_value_for_a_person(word: str) -> None:
    first = run(for_a_person=True)[0]
    assert word in first.split()
