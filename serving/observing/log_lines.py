"""Log lines on standard error: JSON, or `key=value` where a person on trial reads them in a terminal.

Whatever is bound (request, job, study) stands in each line. What libraries say, and what an error says that nobody raised on
purpose, may quote a patient's data: of these a line tells kind and place, never the words.
"""

import logging
import sys
import threading
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

log = structlog.get_logger(__name__)


def log_as(process: str, *, for_a_person: bool) -> None:
    """Logs as a process from here on; `for_a_person` by key=value, else as JSON."""

    def named(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"process": process, **event}

    renderer: Any = structlog.processors.JSONRenderer()
    if for_a_person:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "process", "event"])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            named,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_OfLibraries()], level=logging.WARNING, force=True)
    warnings.showwarning = _warning
    sys.excepthook = _ended
    threading.excepthook = lambda ended: _ended(ended.exc_type, ended.exc_value, ended.exc_traceback)


class _OfLibraries(logging.Handler):
    """What libraries log: that they did, and where."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        place = f"{Path(record.pathname).name}:{record.lineno}"
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log.warning(
            "a library has something to say", library=record.name, severity=record.levelname, at=place, error=kind
        )


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Writes one line of a warning of Python's."""
    log.warning(
        "a library has something to say",
        library=category.__name__,
        severity="WARNING",
        at=f"{Path(filename).name}:{lineno}",
    )


def _ended(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Writes what ended a thread or the process: its kind, and where."""
    if issubclass(kind, SystemExit | KeyboardInterrupt):
        return
    frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
    log.critical("our mistake; please report it", error=kind.__name__, at=frames)
