"""Examines studies in this process, as many at once as ask."""

from inference.engine.section import EngineSection
from inference.engine.study_engine import Health, Order, carry_out, released_versions
from inference.model_runner import CUDA
from inference.pipeline import runner_here
from qc_models.errors import QcError, ServiceError
from qc_models.report import QcReport


class LocalEngine:
    """See inference.engine.study_engine.Engine."""

    def __init__(self, section: EngineSection) -> None:
        self._section = section
        self._closed = False

    def examine(self, order: Order) -> QcReport:
        """See Engine."""
        if self._closed:
            raise ServiceError("the engine is closed; start the worker again")
        return carry_out(order, runner_here)

    def lack(self) -> str:
        """See Engine."""
        return "no GPU" if self._section.gpu == "required" and _device() != "cuda" else ""

    def health(self) -> Health:
        """See Engine."""
        if self._closed:
            return Health(False, "the engine is closed")
        try:
            return Health(True, device=_device(), versions=released_versions())
        except QcError as error:
            return Health(False, str(error))

    def close(self) -> None:
        """See Engine."""
        self._closed = True


def _device() -> str:
    """Where models would run in this process: a GPU that is there, and a runtime that uses it."""
    import onnxruntime
    import torch

    return "cuda" if torch.cuda.is_available() and CUDA in onnxruntime.get_available_providers() else "cpu"
