"""Every error that Touchstone raises on purpose, as one tree.

- QcError
  - InputError      the sender mends it: a file, a study, a header
  - ModelError      we mend it: a model bundle, a prediction
  - ServiceError    the operator mends it: a disk, a database, a network
  - CrashError      we mend it: an examination met a mistake of ours, stood still or ended in the middle
  - ConfigError     the person who typed a file or an option mends it; raised at start only
"""

import traceback
from pathlib import Path


class QcError(Exception):
    """The root of all errors raised on purpose; the message says what, where and what to do."""


class InputError(QcError):
    """What was sent cannot be used as it is; the sender can mend it."""


class ModelError(QcError):
    """A model bundle is missing, foreign or broken; its maintainer can mend it."""


class ServiceError(QcError):
    """A disk, a database or a network failed; the operator can mend it."""


class CrashError(QcError):
    """A study's examination met a mistake of ours, stood still or ended in the middle; we mend it."""


class ConfigError(QcError):
    """A typed file, option or value is wrong; named with file and key, and raised only at start."""


def reason_of(error: BaseException) -> str:
    """What went wrong, in the words of our errors; of a mistake its kind and line, since its words may quote a patient's data."""
    if isinstance(error, QcError):
        return " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}, our mistake; please report it"
