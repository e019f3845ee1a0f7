"""Makes a bundle of a taught network: ONNX that says the same, metadata with the keys of a MONAI bundle, and a model card."""

import hashlib
import json
import logging
import shutil
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from torch import nn

from qc_models.checks.metadata.model_view import BRIGHTNESS, SURENESS, metric
from qc_models.errors import ModelError
from qc_models.model_bundle import load_bundle
from qc_models.model_registry import Model, models
from training.drift import quantiles
from training.evaluate import evaluated, raw_answers, temperatures
from training.evaluation_page import content_of, write
from training.fit import fitted, task_of
from training.manifest import Manifest
from training.model_card import card
from training.run_folder import RunFolder
from training.variants import MOST_LOST, Said, lost, write_variant

TOLERANCE = 1e-4  # of raw numbers between torch and ONNX Runtime
MOST_BYTES = 12 << 20


def export(folder: RunFolder, data: Path, bundles: Path, variants: Sequence[str] = ()) -> Path:
    """Writes the bundle of a run to `bundles/<model>/<version>` and returns it.

    Of `variants`, copies in float16 or int8, those stay that lose next to nothing; the card tells of all. Raises ModelError where
    ONNX says other than torch, or is too large.
    """
    recipe, manifest = folder.recipe(), folder.manifest()
    model = models()[recipe.model]
    network = fitted(folder)
    made = folder.path / "bundle"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    onnx = made / "model.onnx"
    write_onnx(model, network, onnx)
    difference = _difference(model, network, onnx)
    if difference > TOLERANCE:
        raise ModelError(
            f"{model.name}: ONNX differs from torch by {difference:.2g}; look at the operators of its network"
        )
    if onnx.stat().st_size > MOST_BYTES:
        raise ModelError(f"{model.name}: ONNX is {onnx.stat().st_size >> 20} MiB; make the network narrower")
    warmth = temperatures(folder, data)
    version = hashlib.sha256((recipe.digest + manifest.digest + _digest(onnx)).encode()).hexdigest()[:12]
    evaluation = evaluated(folder, data, version, warmth)
    figures = write(evaluation, made)
    metadata = _metadata(model, manifest, version, onnx, warmth) | {
        "expected": expected(model, network, folder, data, warmth),
        "recipe": recipe.model_dump(mode="json"),
        "onnx_difference": float(f"{difference:.2g}"),
        "figures": {"targets": figures["targets"], "rows": figures["rows"], "subjects": figures["subjects"]},
        "variants": {name: _variant(name, folder, data, made, figures["targets"], warmth) for name in variants},
    }
    (made / "metadata.json").write_text(json.dumps(metadata, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    parts = {part: [row for row in manifest.rows if row.part == part] for part in ("learn", "calibrate", "test")}
    (made / "card.md").write_text(card(model.name, model.page, parts, metadata, figures), encoding="utf-8")
    load_bundle(model, made)
    return copied(made, bundles, version)


def _variant(
    name: str,
    folder: RunFolder,
    data: Path,
    made: Path,
    exact: Sequence[Mapping[str, Any]],
    warmth: Mapping[str, float],
) -> dict[str, Any]:
    """Writes a copy beside `model.onnx`, asks it about the test part, and takes it away where it loses too much."""
    path = made / f"model.{name}.onnx"
    recipe = folder.recipe()
    calibrated = task_of(recipe.model).examples(folder.manifest(), data, recipe.task).of("calibrate")
    write_variant(name, made / "model.onnx", calibrated, path)
    told: dict[str, Any] = {"bytes": path.stat().st_size, "onnx_sha256": _digest(path)}
    answers = content_of(evaluated(folder, data, name, warmth, Said(path)))
    told["lost"] = lost(exact, answers["targets"])
    told["kept"] = max(told["lost"].values(), default=0.0) <= MOST_LOST
    if not told["kept"]:
        path.unlink()
    return told


def expected(
    model: Model, network: nn.Module, folder: RunFolder, data: Path, warmth: Mapping[str, float]
) -> dict[str, list[float]]:
    """How brightness and sureness of ordinary test pictures are distributed, by metric: what service is held against for drift."""
    recipe = folder.recipe()
    examples = task_of(recipe.model).examples(folder.manifest(), data, recipe.task).of("test")
    examples = examples.some([at for at, row in enumerate(examples.rows) if not row.labels.get("defects")])
    first = model.outputs[0]
    raw = raw_answers(model, network, examples)[first.name]
    return {
        metric(model.name, BRIGHTNESS): quantiles(examples.pictures.mean((1, 2, 3)).numpy()),
        metric(model.name, SURENESS): quantiles(first.probabilities(raw, warmth[first.name]).max(1)),
    }


def copied(made: Path, bundles: Path, version: str = "") -> Path:
    """Copies a finished bundle to its place, but for its page, which holds pictures; returns the place."""
    model: str = json.loads((made / "metadata.json").read_text(encoding="utf-8"))["model"]
    place = bundles / model / (version or made.name)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(made, place, ignore=shutil.ignore_patterns("evaluation.html"))
    return place


def write_onnx(model: Model, network: nn.Module, path: Path) -> None:
    """Writes a network as ONNX for any number of frames."""
    example = torch.rand(2, 1, model.input.rows, model.input.columns)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses libraries that no network here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=["frames"],
            output_names=[f"raw_{output.name}" for output in model.outputs],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    if program is None:
        raise ModelError(f"{model.name}: torch made no ONNX program")
    program.save(str(path), external_data=False)


def _difference(model: Model, network: nn.Module, onnx: Path) -> float:
    """The greatest difference of raw numbers between ONNX Runtime and torch, for one frame and for several."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in (1, 5):
        frames = torch.rand(
            count, 1, model.input.rows, model.input.columns, generator=torch.Generator().manual_seed(count)
        )
        with torch.inference_mode():
            expected = [output.numpy() for output in network(frames)]
        found = session.run(None, {"frames": frames.numpy()})
        worst = max([worst, *(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))])
    return worst


def _metadata(
    model: Model, manifest: Manifest, version: str, onnx: Path, warmth: Mapping[str, float]
) -> dict[str, Any]:
    learned = [row for row in manifest.rows if row.part == "learn"]
    return {
        "model": model.name,
        "version": version,
        "input_digest": model.input.digest,
        "outputs": [[output.name, output.kind, list(output.classes)] for output in model.outputs],
        "onnx_sha256": _digest(onnx),
        "temperatures": dict(warmth),
        "manifest": manifest.digest,
        "terms": strictest([row.terms for row in learned]),
        "made": datetime.now(UTC).date().isoformat(),
        # the keys of a MONAI bundle
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__,
        "numpy_version": np.__version__,
        "task": model.page.partition("\n")[0],
        "description": model.page,
        "network_data_format": {
            "inputs": {
                "frames": {
                    "type": "image",
                    "num_channels": 1,
                    "spatial_shape": [model.input.rows, model.input.columns],
                    "dtype": "float32",
                    "value_range": [0, 1],
                }
            },
            "outputs": {
                output.name: {
                    "type": "classification" if output.kind != "number" else "regression",
                    "channel_def": dict(enumerate(output.classes)),
                }
                for output in model.outputs
            },
        },
    }


def strictest(terms: Sequence[str]) -> str:
    """The strictest of the terms of what was seen, which the weights inherit."""
    for strict in ("non-commercial", "site", "see source", "unstated"):
        if strict in terms:
            return strict
    return "open"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
