"""Runs released models on batches of prepared frames; it knows no study.

`Engine` is what the rest of the way asks of it. `OnnxEngine` runs ONNX Runtime in this process, on the threads for pixels: one
thread a batch, so that as many batches run side by side as there are threads, and the same batch gives the same bytes.
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


class Engine(Protocol):
    """Where models run: in this process, or elsewhere."""

    def version(self, model: Model) -> str | None:
        """The version that is served, made ready to run; None where none was released. Raises ModelError for a broken bundle."""

    def submit(self, model: Model, batch: Floats) -> "Future[dict[str, Floats]]":
        """What the version says of a batch [N, 1, rows, columns]: by output, probabilities [N, classes], N in order.

        The result raises ModelError where the model gives anything else.
        """


class OnnxEngine:
    """Runs the released bundles of a folder in this process; the versions that it first meets are served as long as it lives."""

    def __init__(self, bundles: Path, threads: Threads) -> None:
        self._bundles = bundles
        self._threads = threads
        self._served: dict[str, _Served] = {}

    def version(self, model: Model) -> str | None:
        """See Engine."""
        served = self._of(model)
        return served.bundle.version if served is not None else None

    def submit(self, model: Model, batch: Floats) -> "Future[dict[str, Floats]]":
        """See Engine."""
        served = self._of(model)
        if served is None:
            raise ModelError(f"model {model.name}: no version is released; release one")
        return self._threads.submit(served.run, batch)

    def device(self, model: Model) -> Literal["cuda", "cpu"] | None:
        """Where a model really runs, as its session says; None where none was released."""
        served = self._of(model)
        return served.device if served is not None else None

    def _of(self, model: Model) -> "_Served | None":
        if model.name not in self._served and (loaded := _loaded(model, self._bundles)) is not None:
            self._served.setdefault(model.name, loaded)
        return self._served.get(model.name)


@dataclass(frozen=True)
class _Served:
    """A bundle and the session that runs it; any number of threads may run it at once."""

    bundle: ModelBundle
    session: "InferenceSession"

    @property
    def device(self) -> Literal["cuda", "cpu"]:
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


_LOADED: dict[tuple[Path, str], _Served] = {}  # by folder of bundles and model: once a process
_LOADING = Lock()


def _loaded(model: Model, bundles: Path) -> _Served | None:
    """The version that is released now, loaded where another one was, or none."""
    version = released_version(model.name, bundles)
    if version is None:
        return None
    key, folder = (bundles.resolve(), model.name), bundles / model.name / version
    with _LOADING:
        if key not in _LOADED or _LOADED[key].bundle.folder != folder:
            bundle = load_bundle(model, folder)
            _LOADED[key] = _Served(bundle, _session(bundle))
        return _LOADED[key]


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
