"""A tiny model and its bundle on disk: a network of one weight that tells the mean grey of a frame, exported as real ones are."""

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from qc_models.facts import StackFacts
from qc_models.model_outputs import Output
from qc_models.model_registry import Model
from qc_models.preprocessing import InputSpec

SIDE = 8
SPEC = InputSpec(rows=SIDE, columns=SIDE, scaling="window", low=0.0, high=100.0)
VERSION = "20260901-0123456789"
SLOPE = 20.0  # raw number of the first class of each output: SLOPE x (mean grey - 1/2); the others 0


def tiny_model(
    name: str = "tiny",
    outputs: tuple[Output, ...] = (Output("region", "each", ("chest", "abdomen")),),
    most_frames: int = 4,
    applies: Callable[[StackFacts], bool] = lambda stack: True,
    spec: InputSpec = SPEC,
) -> Model:
    """A model as one file of `qc_models/zoo` is."""
    module: Any = ModuleType(name)
    module.INPUT, module.OUTPUTS, module.MOST_FRAMES, module.applies = spec, outputs, most_frames, applies
    return Model(name, module)


class _Tiny(nn.Module):
    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.slope = nn.Parameter(torch.tensor(SLOPE))

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        grey = (pictures.mean((1, 2, 3)) - 0.5)[:, None]
        return tuple(self._raw(grey, size) for size in self.sizes)

    def _raw(self, grey: Tensor, size: int) -> Tensor:
        return torch.cat([self.slope * grey, *[0.0 * grey] * (size - 1)], dim=1)


class _Dividing(_Tiny):
    """Gives no number where a frame is black all over."""

    def _raw(self, grey: Tensor, size: int) -> Tensor:
        return super()._raw(grey, size) * ((grey + 0.5) / (grey + 0.5))


@cache
def _exported(kind: type[_Tiny], sizes: tuple[int, ...], rows: int, columns: int) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            kind(sizes).eval(),
            (torch.zeros(2, 1, rows, columns),),
            dynamo=True,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None
    program.save(file)
    return file.getvalue()


def write_bundle(
    model: Model, bundles: Path, /, *, finite: bool = True, num_classes: int | None = None, **metadata: Any
) -> Path:
    """Exports a network for a model, releases it, and returns the folder of its bundle.

    `num_classes` is what the network gives instead of what the model says, `metadata` what its file says instead of the truth.
    """
    folder = bundles / model.name / VERSION
    folder.mkdir(parents=True)
    sizes = tuple(num_classes or len(output.classes) for output in model.outputs)
    onnx = _exported(_Tiny if finite else _Dividing, sizes, model.input.rows, model.input.columns)
    (folder / "model.onnx").write_bytes(onnx)
    content = {
        "model": model.name,
        "version": VERSION,
        "input_digest": model.input.digest,
        "outputs": [[output.name, output.kind, list(output.classes)] for output in model.outputs],
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "temperatures": {},
        **metadata,
    }
    (folder / "metadata.json").write_text(json.dumps(content), encoding="utf-8")
    released = bundles / "released.json"
    history = json.loads(released.read_text(encoding="utf-8")) if released.exists() else {}
    history.setdefault(model.name, []).append({"version": VERSION})
    released.write_text(json.dumps(history), encoding="utf-8")
    return folder
