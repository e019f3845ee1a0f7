"""Who looked at what: a line in the audit chain before anything is shown, one an hour for each caller, subject and kind of look."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from serving import audit
from serving.api.callers import Caller
from serving.database.sessions import Database

LOOKED = "looked"  # the action of a line
EVERY_S = 3600.0
_MOST = 100_000  # looks that a process remembers


class Looks:
    """The looks that this process wrote down; each process has its own memory, so that two of them write two lines."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._noted: dict[tuple[str, str, str], float] = {}  # when each was; what comes first was longest ago

    def note(self, caller: Caller, at: str, *subjects: str) -> None:
        """Writes down that somebody looks at images, a report or the like of `study:17`; ServiceError where it cannot be."""
        new = self._not_noted(caller.actor, at, subjects)
        if not new:
            return
        try:
            with self._database.writing() as session:
                for subject in new:
                    audit.append(session, caller.actor, LOOKED, subject, {"at": at}, at=self._database.now())
        except Exception:
            with self._lock:
                for subject in new:
                    self._noted.pop((caller.actor, at, subject), None)
            raise

    def _not_noted(self, actor: str, at: str, subjects: tuple[str, ...]) -> list[str]:
        """Those of the subjects for which a line is due; from now on they are noted, so that no other request waits for it."""
        now = self._clock()
        with self._lock:
            new = []
            for subject in dict.fromkeys(subjects):
                key = (actor, at, subject)
                if now - self._noted.get(key, float("-inf")) >= EVERY_S:
                    self._noted.pop(key, None)
                    self._noted[key] = now
                    new.append(subject)
            if len(self._noted) > _MOST:
                self._noted = dict(list(self._noted.items())[-_MOST // 2 :])
        return new


def the_looks(request: Request) -> Looks:
    """The looks of this process."""
    looks: Looks = request.app.state.looks
    return looks


Noting = Annotated[Looks, Depends(the_looks)]
