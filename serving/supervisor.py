"""Runs processes side by side: starts one again that has ended, later each time, and ends all of them when it is told to.

It does nothing else, so that nothing else can end it. Children end with it, also where it is killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import structlog

WRONG_CONFIGURATION = 2  # exit code of a child that would end again and again
LOOK_EVERY_S = 0.5
GRACE_S = 30.0  # from being asked to end until being killed
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0  # before a start
HEALTHY_S = 60.0  # that a child ran before its end counts as the first
SUPERVISOR = "TOUCHSTONE_SUPERVISOR"  # variable of the environment: the process that a child ends with
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger(__name__)


class _Child:
    """One process, and its successors."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._wait_s = FIRST_WAIT_S

    def look(self) -> int | None:
        """Starts the process where it is time to; its exit code where it has just ended."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                environment = os.environ | {SUPERVISOR: str(os.getpid())}
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=environment)
                self._started_at = now
            return None
        code = self._process.poll()
        if code is not None:
            self._process = None
            self._wait_s = FIRST_WAIT_S if now - self._started_at > HEALTHY_S else self._wait_s
            self._start_at = now + self._wait_s
            log.error("process ended", child=self.name, code=code, again_in_s=self._wait_s)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        return code

    def ask_to_end(self) -> None:
        """Sends SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def end(self, until: float) -> None:
        """Waits for the end, and kills the process where it does not come in time."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process killed", child=self.name)
            self._process.kill()
            self._process.wait()


def supervise(commands: Mapping[str, Sequence[str]], stop: threading.Event, grace_s: float = GRACE_S) -> int:
    """Runs commands by their names until `stop` is set, or one of them says that its configuration is wrong; the exit code."""
    children = [_Child(name, command) for name, command in commands.items()]
    code = 0
    while not stop.is_set() and code != WRONG_CONFIGURATION:
        ended = [child.look() for child in children]
        code = WRONG_CONFIGURATION if WRONG_CONFIGURATION in ended else 0
        stop.wait(LOOK_EVERY_S)
    for child in children:
        child.ask_to_end()
    until = time.monotonic() + grace_s
    for child in children:
        child.end(until)
    return code


def until_told() -> threading.Event:
    """An event that is set once the process is told to end, by SIGTERM or Ctrl+C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def end_with_supervisor() -> None:
    """Has this process told to end where it is a child whose supervisor is killed."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(supervisor):  # it was killed before that line
            sys.exit(0)
