"""Runs released models on batches of prepared frames; it knows no study.

`ModelRunner` is what the rest of the way asks of it. `OnnxRunner` runs ONNX Runtime in this process, on the threads for pixels: one
thread a batch, so that as many batches run side by side as there are threads, and the same batch gives the same bytes. Another body
(`inference.engine.remote_runner`) asks a process that runs models for several studies.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from inference.threads import Threads
from qc_models.errors import ModelError
from qc_models.model_bundle import ModelBundle, load_bundle, released_version
from qc_models.model_outputs import Floats
from qc_models.model_registry import Model

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CUDA = "CUDAExecutionProvider"
# In order of preference. On a GPU the choice of kernels is fixed and sums are of full precision, so that runs are alike.
_PROVIDERS: Mapping[str, dict[str, Any]] = {
    CUDA: {"cudnn_conv_algo_search": "DEFAULT", "use_tf32": "0"},
    "CPUExecutionProvider": {},
}


class Answer(Protocol):
    """What will be said of a batch: by output, probabilities [N, classes], N in order."""

    def result(self) -> dict[str, Floats]:
        """Waits for it; raises ModelError where the model gives anything else, ServiceError where no model can be reached."""
        ...


class ModelRunner(Protocol):
    """Where models run: in this process, or elsewhere."""

    def version(self, model: Model) -> str | None:
        """The version that is served, made ready to run; None where none was released. Raises ModelError for a broken bundle."""
        ...

    def submit(self, model: Model, batch: Floats) -> Answer:
        """Asks what the version says of a batch [N, 1, rows, columns]."""
        ...


class OnnxRunner:
    """Runs the released bundles of a folder in this process; the versions that it first meets are served as long as it lives."""

    def __init__(self, bundles: Path, threads: Threads) -> None:
        self._bundles = bundles
        self._threads = threads
        self._served: dict[str, Served] = {}

    def version(self, model: Model) -> str | None:
        """See ModelRunner."""
        served = self._of(model)
        return served.bundle.version if served is not None else None

    def submit(self, model: Model, batch: Floats) -> "Future[dict[str, Floats]]":
        """See ModelRunner."""
        served = self._of(model)
        if served is None:
            raise ModelError(f"model {model.name}: no version is released; release one")
        return self._threads.submit(served.run, batch)

    def device(self, model: Model) -> Literal["cuda", "cpu"] | None:
        """Where a model really runs, as its session says; None where none was released."""
        served = self._of(model)
        return served.device if served is not None else None

    def _of(self, model: Model) -> "Served | None":
        if model.name not in self._served and (version := released_version(model.name, self._bundles)) is not None:
            self._served.setdefault(model.name, served(model, version, self._bundles))
        return self._served.get(model.name)


@dataclass(frozen=True)
class Served:
    """A bundle and the session that runs it; any number of threads may run it at once."""

    bundle: ModelBundle
    session: "InferenceSession"

    @property
    def device(self) -> Literal["cuda", "cpu"]:
        """Where it really runs, as the session says."""
        return "cuda" if CUDA in self.session.get_providers() else "cpu"

    def run(self, batch: Floats) -> dict[str, Floats]:
        """Probabilities by output."""
        outputs = self.bundle.model.outputs
        found = self.session.run(None, {self.session.get_inputs()[0].name: batch})
        shapes = [(len(batch), len(output.classes)) for output in outputs]
        if [raw.shape for raw in found] != shapes:
            raise ModelError(f"{self.bundle.onnx}: gives other outputs than {self.bundle.model.name}; export it again")
        if not all(np.isfinite(raw).all() for raw in found):
            raise ModelError(f"{self.bundle.onnx}: gives what is no number; roll back to the version before it")
        return {
            output.name: output.probabilities(raw.astype(np.float32), self.bundle.temperature(output.name))
            for output, raw in zip(outputs, found, strict=True)
        }


_KEPT = 2  # versions of a model that stay loaded: a study that began with one ends with it
_LOADED: dict[
    tuple[Path, str], dict[str, Served]
] = {}  # by folder of bundles and model, then by version: once a process
_LOADING = Lock()


def served(model: Model, version: str, bundles: Path) -> Served:
    """A version of a model, loaded where it is not yet; raises ModelError for a broken bundle."""
    with _LOADING:
        versions = _LOADED.setdefault((bundles.resolve(), model.name), {})
        if version not in versions:
            bundle = load_bundle(model, bundles / model.name / version)
            versions[version] = Served(bundle, _session(bundle))
            while len(versions) > _KEPT:
                del versions[next(iter(versions))]
        return versions[version]


def _session(bundle: ModelBundle) -> "InferenceSession":
    import onnxruntime  # only here: scoring without models starts without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings of an export are nothing for whoever scores
    offered = onnxruntime.get_available_providers()
    providers = [(name, settings) for name, settings in _PROVIDERS.items() if name in offered]
    onnx = bundle.onnx_of("float16" if CUDA in offered else "int8")
    try:
        return onnxruntime.InferenceSession(str(onnx), options, providers=providers)
    except Exception as error:  # its errors share no class of their own
        raise ModelError(f"{onnx}: cannot be loaded ({type(error).__name__}); export the model again") from error
