"""Starts a test's own Ray cluster, finds its processes, and waits until one of them is in the middle of a study."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_S = 180.0
MUCH = 1 << 20  # bytes: nothing but a study, or what it needs, makes an examiner read so many


def patiently(start: Callable[[], Any]) -> Any:
    """What a start of Ray makes: it gives each of its processes half a minute, which a busy machine may not have at first."""
    for _ in range(2):
        with suppress(Exception):
            return start()
    return start()


def replicas(name: str, of: int | None = None) -> list[int]:
    """The ids of the processes of a deployment, below the process `of`; below this one otherwise."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and f":{name}" in _title(folder) and _is_below(int(folder.name), of or os.getpid()):
            found.append(int(folder.name))
    return sorted(found)


def bytes_read(pids: list[int]) -> dict[int, int]:
    """How many bytes each process has read so far."""
    return {pid: _read(pid) for pid in pids}


def in_the_middle(before: Mapping[int, int]) -> int:
    """The first of some processes that has read much since."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for pid, number in before.items():
            if _read(pid) > number + MUCH:
                return pid
        time.sleep(0.005)
    raise AssertionError("no process began with a study")


def _title(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == ancestor:
            return True
    return False


def _read(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/io").read_text().split()[1])
    except OSError:
        return 0
