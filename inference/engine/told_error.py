"""An error on its way from one process to another: kind and words, and no traceback, whose lines may quote a patient's data."""

from dataclasses import dataclass

from qc_models.errors import CrashError, InputError, ModelError, QcError, ServiceError, reason_of

_KINDS = {kind.__name__: kind for kind in (InputError, ModelError, ServiceError, CrashError)}


@dataclass(frozen=True, slots=True)
class ToldError:
    """What went wrong elsewhere."""

    kind: str
    words: str

    @staticmethod
    def of(error: BaseException) -> "ToldError":
        """What is told of an error; whatever is none of ours is a CrashError."""
        kind = next((name for name, kind in _KINDS.items() if isinstance(error, kind)), CrashError.__name__)
        return ToldError(kind, reason_of(error))

    @property
    def error(self) -> QcError:
        """The same error, to be raised here."""
        return _KINDS[self.kind](self.words)
