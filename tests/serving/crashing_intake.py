"""Takes objects in child processes that end by SIGKILL at one step of the way each, and once more without; prints what came of it.

Called as `python -m tests.serving.crashing_intake DATABASE_URL ARCHIVE`.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event

from serving.archive import FolderArchive
from serving.database.sessions import Database, open_database
from serving.intake import Intake, Limits
from serving.recording import Sender
from tests.serving.conftest import object_bytes

SENDER = Sender("city", "dimse", "CT1")


def dying(function: Callable[..., Any], *, at_call: int = 1, after: bool = False) -> Callable[..., Any]:
    """The function, by which the process ends before or after one of its calls."""
    calls = 0

    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at_call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if calls == at_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def at_write(_: Database) -> None:
    """Half of the object is written."""
    os.write = dying(os.write, at_call=2)


def at_sync(_: Database) -> None:
    """The whole object is written."""
    os.fsync = dying(os.fsync)


def at_rename(_: Database) -> None:
    """The object is synced."""
    Path.rename = dying(Path.rename)  # type: ignore[method-assign]


def at_folder_sync(_: Database) -> None:
    """The object has its name."""
    os.fsync = dying(os.fsync, at_call=2)


def at_commit(database: Database) -> None:
    """The rows are written and not committed."""
    event.listen(database.engine, "commit", dying(lambda *_: None))


def after_commit(database: Database) -> None:
    """The rows are committed, and the sender does not know it."""
    database.engine.dialect.do_commit = dying(database.engine.dialect.do_commit, after=True)  # type: ignore[method-assign]


STEPS = (at_write, at_sync, at_rename, at_folder_sync, at_commit, after_commit)


def content(number: int) -> bytes:
    """The object that is sent while the process ends at a step; each belongs to a study of its own."""
    return object_bytes(StudyInstanceUID=f"1.2.{number}", SOPInstanceUID=f"1.2.{number}.1", InstanceNumber=number)


def chunks(whole: bytes) -> Iterator[bytes]:
    """Two halves."""
    yield whole[: len(whole) // 2]
    yield whole[len(whole) // 2 :]


def take(number: int, prepare: Callable[[Database], None] | None) -> int:
    """Takes an object in a child process; how that ended, and `outcome` printed where it did not die."""
    child = os.fork()
    if not child:
        database = open_database(sys.argv[1])
        intake = Intake(database, FolderArchive(Path(sys.argv[2])), Limits())
        if prepare is not None:
            prepare(database)
        print(number, intake.take(chunks(content(number)), SENDER).outcome, flush=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for number, step in enumerate(STEPS):
        assert take(number, step) == -signal.SIGKILL, step.__name__
        assert take(number, None) == 0, step.__name__
