"""Takes what a gateway leaves in a folder: each file once it is whole. It is deleted then, or moved aside with the reason.

A file is whole when it bears its final name and nothing about it has changed for some seconds. Names may be patients', so that
none is ever logged. Several processes may watch one folder: the intake takes an object once.
"""

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

from serving.intake import Intake, Refused
from serving.jobs import reason_of
from serving.recording import Sender

SETTLE_S = 5.0  # without any change
LOOK_EVERY_S = 1.0
REFUSED = "refused"  # folder of what was moved aside
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", ".writing", "~")
_EMPTY_FOLDER_S = 3600.0  # after which an empty folder is removed
_CHUNK = 1 << 20

log = structlog.get_logger(__name__)

_Signature = tuple[int, int, int, int]  # inode, size, times of change in ns


class FolderWatch:
    """Watches one folder of a hospital, with all folders in it but those that are hidden."""

    def __init__(self, intake: Intake, hospital_id: str, folder: Path, settle_s: float = SETTLE_S) -> None:
        self._intake = intake
        self._folder = folder
        self._sender = Sender(hospital_id, "folder", folder.name)
        self._settle_s = settle_s
        self._seen: dict[Path, tuple[_Signature, float]] = {}  # since when a file is as it is
        self._left: dict[Path, _Signature] = {}  # what we may not move away

    def run(self, stop: threading.Event) -> None:
        """Watches until it is told to stop."""
        while not stop.is_set():
            try:
                self.step(stop)
            except Exception as error:  # the watch goes on
                log.exception("folder not watched", folder=self._folder.name, reason=reason_of(error), exc_info=False)
            stop.wait(LOOK_EVERY_S)

    def step(self, stop: threading.Event | None = None) -> int:
        """Looks at every file once, and takes those that are whole; how many were taken."""
        now, taken = time.monotonic(), 0
        found: dict[Path, tuple[_Signature, float]] = {}
        for path, signature in self._files():
            before, since = self._seen.get(path, (None, now))
            found[path] = (signature, since if before == signature else now)
        self._seen = found
        self._left = {path: signature for path, signature in self._left.items() if path in found}
        for path, (signature, since) in found.items():
            if stop is not None and stop.is_set():
                break
            if now - since >= self._settle_s and self._left.get(path) != signature:
                try:
                    taken += self._take(path, signature)
                except Refused as refused:  # our side cannot take anything now
                    log.warning("folder waits", folder=self._folder.name, kind=refused.kind, reason=refused.reason)
                    break
        return taken

    def _files(self) -> Iterator[tuple[Path, _Signature]]:
        """Every regular file with its final name and something in it; removes folders that have been empty for long."""
        for root, folders, names in os.walk(self._folder):
            here = Path(root)
            folders[:] = sorted(
                name for name in folders if name[0] != "." and not (here == self._folder and name == REFUSED)
            )
            with suppress(OSError):
                if here != self._folder and not folders and not names and _age_s(here) > _EMPTY_FOLDER_S:
                    here.rmdir()
            for name in sorted(names):
                if name[0] == "." or name.lower().endswith(UNFINISHED):
                    continue
                with suppress(OSError):
                    status = os.lstat(here / name)
                    if stat.S_ISREG(status.st_mode) and status.st_size:
                        yield here / name, _signature(status)

    def _take(self, path: Path, signature: _Signature) -> bool:
        """Takes one file; raises Refused where our side cannot take it now."""
        try:
            self._intake.take(_content(path, signature), self._sender)
            if _signature(os.lstat(path)) != signature:  # written anew meanwhile
                return False
            path.unlink()
            return True
        except Refused as refused:
            if not refused.is_senders:
                raise
            log.info(
                "object refused", came_by="folder", sender=self._sender.name, kind=refused.kind, reason=refused.reason
            )
            self._move_aside(path, signature, refused.reason)
        except FileNotFoundError:  # another process was faster
            pass
        except OSError as error:
            self._leave(path, signature, error.strerror or type(error).__name__)
        except Exception as error:  # a mistake of ours about one file must not keep the others waiting
            self._leave(path, signature, reason_of(error))
        return False

    def _move_aside(self, path: Path, signature: _Signature, reason: str) -> None:
        aside = self._folder / REFUSED / path.relative_to(self._folder)
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            number = 0
            while (target := aside.with_name(f"{aside.name}.{number}" if number else aside.name)).exists():
                number += 1
            path.rename(target)
            target.with_name(f"{target.name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
        except FileNotFoundError:
            pass
        except OSError as error:
            self._leave(path, signature, error.strerror or type(error).__name__)

    def _leave(self, path: Path, signature: _Signature, reason: str) -> None:
        """Leaves a file alone until it changes."""
        self._left[path] = signature
        log.warning("file left where it is", folder=self._folder.name, reason=reason)


def _content(path: Path, signature: _Signature) -> Iterator[bytes]:
    """The bytes of a file that is still the one that was looked at; nothing is followed, and nothing waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if _signature(os.fstat(descriptor)) != signature:
            raise FileNotFoundError(path.name)
        while chunk := stream.read(_CHUNK):
            yield chunk


def _signature(status: os.stat_result) -> _Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime
