"""Smaller copies of an exported network, in float16 for a GPU and in int8 for processors, kept only where they say as much.

Static quantization after Jacob et al. 2018 (arXiv 1712.05877) as ONNX Runtime does it: weights by channel, activations by what
calibration pictures make of them.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qc_models.model_outputs import Floats
from training.examples import Examples

CALIBRATION_PICTURES = 128
MOST_LOST = 0.005  # of any figure with a target; more is no copy
_BATCH = 32


def write_variant(name: str, onnx: Path, calibrated: Examples, path: Path) -> None:
    """Writes a copy of a network in float16 or int8; inputs and outputs stay float32."""
    _WRITERS[name](onnx, calibrated, path)


def lost(exact: Sequence[Mapping[str, Any]], copy: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """By figure, how much worse the copy is than the exact network; entries are those of an evaluation's targets."""
    found = {}
    for one, other in zip(exact, copy, strict=True):
        if one["value"] is not None and other["value"] is not None:
            worse = other["value"] - one["value"] if one["lower_is_better"] else one["value"] - other["value"]
            found[one["name"]] = round(worse, 4)
    return found


class Said(torch.nn.Module):
    """A network that stands in a file, asked like one of torch."""

    def __init__(self, onnx: Path) -> None:
        super().__init__()
        import onnxruntime

        self._session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """The raw numbers of each output."""
        return [torch.from_numpy(found) for found in self._session.run(None, {"frames": pictures.numpy()})]


def _float16(onnx: Path, calibrated: Examples, path: Path) -> None:
    import onnx as onnx_format
    from onnxruntime.transformers.float16 import convert_float_to_float16

    network = convert_float_to_float16(onnx_format.load(str(onnx)), keep_io_types=True)
    onnx_format.save(network, str(path))


def _int8(onnx: Path, calibrated: Examples, path: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pictures(CalibrationDataReader):  # type: ignore[misc]
        """Batches of calibration pictures, evenly spread."""

        def __init__(self) -> None:
            self._batches = _batches(calibrated)

        def get_next(self) -> dict[str, Floats] | None:
            """The next batch, or None after the last."""
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(onnx), str(ready), skip_symbolic_shape=True)  # which stumbles over a turned picture
        quantize_static(
            str(ready),
            str(path),
            Pictures(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )


def _batches(calibrated: Examples) -> Iterator[dict[str, Floats]]:
    chosen = np.linspace(0, len(calibrated) - 1, min(CALIBRATION_PICTURES, len(calibrated))).round().astype(int)
    for start in range(0, len(chosen), _BATCH):
        yield {"frames": calibrated.pictures[torch.from_numpy(chosen[start : start + _BATCH])].numpy()}


_WRITERS: Mapping[str, Callable[[Path, Examples, Path], None]] = {"float16": _float16, "int8": _int8}
VARIANTS = tuple(_WRITERS)
