"""Every error that Touchstone raises on purpose, as one tree.

- QcError
  - InputError      the sender mends it: a file, a study, a header
  - ModelError      we mend it: a model bundle, a prediction
  - ServiceError    the operator mends it: a disk, a database, a network
  - ConfigError     the person who typed a file or an option mends it; raised at start only
"""


class QcError(Exception):
    """The root of all errors raised on purpose; the message says what, where and what to do."""


class InputError(QcError):
    """What was sent cannot be used as it is; the sender can mend it."""


class ModelError(QcError):
    """A model bundle is missing, foreign or broken; its maintainer can mend it."""


class ServiceError(QcError):
    """A disk, a database or a network failed; the operator can mend it."""


class ConfigError(QcError):
    """A typed file, option or value is wrong; named with file and key, and raised only at start."""
