"""Has the models of one study run by a shared process: frames travel by reference, once a stack and model.

The versions that are released when the study first asks are the ones that it is examined with. A process that ends in the middle
costs nothing but time, since what a model says of frames may be asked again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import ray
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from inference.engine.shared_runner import Asked
from inference.engine.told_error import ToldError
from qc_models.errors import ModelError, ServiceError
from qc_models.model_bundle import released_version
from qc_models.model_outputs import Floats
from qc_models.model_registry import Model

PATIENCE_S = 60.0  # while no process answers; Serve starts another one
PAUSE_S = 0.3


class RemoteRunner:
    """See inference.model_runner.ModelRunner; for one study."""

    def __init__(self, runners: "DeploymentHandle[Any]", bundles: Path) -> None:
        self._runners = runners
        self._bundles = bundles
        self._asked: dict[str, Asked | None] = {}
        self._lock = Lock()

    def version(self, model: Model) -> str | None:
        """See ModelRunner."""
        asked = self._of(model)
        return asked.version if asked is not None else None

    def submit(self, model: Model, batch: Floats) -> "_RemoteAnswer":
        """See ModelRunner."""
        asked = self._of(model)
        if asked is None:
            raise ModelError(f"model {model.name}: no version is released; release one")
        frames = ray.put(batch)
        return _RemoteAnswer(_Call(lambda: self._runners.run.remote(asked, frames)))

    def _of(self, model: Model) -> Asked | None:
        with self._lock:
            if model.name not in self._asked:
                version = released_version(model.name, self._bundles)
                asked = Asked(self._bundles, model.name, version) if version is not None else None
                if asked is not None:
                    _Call(lambda: self._runners.ready.remote(asked)).result()
                self._asked[model.name] = asked
            return self._asked[model.name]


class _Call:
    """One call, made at once, and again where its process ended."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._response = make()

    def result(self) -> Any:
        """Waits for the answer; raises the error that it tells, and ServiceError where none comes."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                said = self._response.result(timeout_s=PATIENCE_S)
            except (RayError, RayServeException, TimeoutError) as error:
                if time.monotonic() > until:
                    raise ServiceError("no process that runs models answers; look at the nodes of Ray") from error
                time.sleep(PAUSE_S)
                self._response = self._make()
                continue
            if isinstance(said, ToldError):
                raise said.error
            return said


@dataclass(frozen=True, slots=True)
class _RemoteAnswer:
    """See inference.model_runner.Answer."""

    call: _Call

    def result(self) -> dict[str, Floats]:
        """See Answer."""
        said: dict[str, Floats] = self.call.result()
        return said
