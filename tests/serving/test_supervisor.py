"""What ends is started again, and all end together, whichever of them does not want to."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving import supervisor
from serving.supervisor import supervise

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that looks often and waits little."""
    monkeypatch.setattr(supervisor, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(supervisor, "FIRST_WAIT_S", 0.05)


@pytest.fixture
def run() -> Iterator[Callable[..., Callable[[], int]]]:
    """A function that supervises commands in a thread, and gives one that ends them and gives the exit code."""
    stop, codes = threading.Event(), list[int]()

    def start(commands: dict[str, list[str]], grace_s: float = 30.0) -> Callable[[], int]:
        thread = threading.Thread(target=lambda: codes.append(supervise(commands, stop, grace_s)))
        thread.start()

        def end(*, told: bool = True) -> int:
            if told:
                stop.set()
            thread.join(60)
            return codes[0]

        return end

    yield start
    stop.set()


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def until(file: Path, lines: int) -> list[str]:
    """The lines of a file, once it has so many."""
    for _ in range(3000):
        if file.exists() and len(found := file.read_text().splitlines()) >= lines:
            return found
        threading.Event().wait(0.01)
    raise AssertionError("a process was not started")


def writes(file: Path, then: str) -> list[str]:
    """A process that writes its id into a file."""
    return python(f"import os, signal, time\nopen({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n')\n{then}")


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_a_process_that_ends_is_started_again(run: Callable[..., Callable[[], int]], tmp_path: Path) -> None:
    ends, stays = tmp_path / "ends", tmp_path / "stays"
    with capture_logs() as logs:
        end = run({"ends": writes(ends, "os.kill(os.getpid(), 9)"), "stays": writes(stays, "time.sleep(600)")})
        until(ends, 3)
        (pid,) = until(stays, 1)
        assert end() == 0
    assert [(line["child"], line["code"]) for line in logs[:2]] == [("ends", -9)] * 2
    assert [line["again_in_s"] for line in logs[:3]] == [0.05, 0.1, 0.2][: len(logs[:3])]
    assert not is_alive(int(pid))


def test_a_wrong_configuration_ends_all(run: Callable[..., Callable[..., int]], tmp_path: Path) -> None:
    stays = tmp_path / "stays"
    waits = f"import os, time\nwhile not os.path.exists({str(stays)!r}): time.sleep(0.01)\nraise SystemExit(2)"
    end = run({"stays": writes(stays, "time.sleep(600)"), "wrong": python(waits)})
    assert end(told=False) == 2
    (pid,) = until(stays, 1)
    assert not is_alive(int(pid))


def test_a_process_that_does_not_want_to_end_is_killed(run: Callable[..., Callable[[], int]], tmp_path: Path) -> None:
    deaf, polite = tmp_path / "deaf", tmp_path / "polite"
    ignores = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{writes(deaf, 'time.sleep(600)')[-1]}"
    with capture_logs() as logs:
        end = run({"deaf": python(ignores), "polite": writes(polite, "time.sleep(600)")}, grace_s=0.3)
        (pid,) = until(deaf, 1)
        until(polite, 1)
        assert end() == 0
    assert logs == [{"event": "process killed", "child": "deaf", "log_level": "warning"}]
    assert not is_alive(int(pid))


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    child = (
        "import os, time\nfrom serving.supervisor import end_with_supervisor\nend_with_supervisor()\n"
        f"open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(600)"
    )
    code = (
        "import sys\nfrom serving.supervisor import supervise, until_told\n"
        f"supervise({{'child': [sys.executable, '-c', {child!r}]}}, until_told())"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as parent:
        (pid,) = until(file, 1)
        assert is_alive(int(pid))
        parent.send_signal(signal.SIGKILL)
    for _ in range(1000):
        if not is_alive(int(pid)):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the child lives on")
