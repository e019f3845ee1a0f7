"""A trained model on disk: network as ONNX, what it expects and says, how sure it may be, where it comes from, and its card.

`qc_models/bundles/<model>/<version>/` holds `model.onnx`, `metadata.json` (with the keys of a MONAI bundle), `card.md`, and maybe
copies of the network that lose next to nothing, for a GPU (`model.float16.onnx`) or a processor (`model.int8.onnx`).
`qc_models/bundles/released.json` names the version of each model that is served, and all that were before it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from qc_models.errors import ModelError
from qc_models.model_registry import Model

SHIPPED = Path(__file__).parent / "bundles"
RELEASED = "released.json"
UNFINISHED = "bundle"  # the folder in which an export makes one, before it is named by its version


@dataclass(frozen=True)
class ModelBundle:
    """One version of one model. `metadata` is that of `metadata.json`."""

    model: Model
    folder: Path
    metadata: dict[str, Any]

    @property
    def version(self) -> str:
        """Its version, a digest of what it was made from."""
        return str(self.metadata["version"])

    @property
    def onnx(self) -> Path:
        """The file of its network."""
        return self.folder / "model.onnx"

    def onnx_of(self, variant: str) -> Path:
        """The file of its copy in float16 or int8 where it has one, else of its network; ModelError where the copy is another."""
        told = self.metadata.get("variants", {}).get(variant)
        if told is None or not told["kept"]:
            return self.onnx
        path = self.folder / f"model.{variant}.onnx"
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != told["onnx_sha256"]:
            raise ModelError(f"{path}: is not there, or not what was exported; export the model again")
        return path

    def temperature(self, output: str) -> float:
        """What the raw numbers of an output are divided by before they become probabilities."""
        return float(self.metadata["temperatures"].get(output, 1.0))


def load_bundle(model: Model, folder: Path) -> ModelBundle:
    """Reads a bundle; raises ModelError where it is not whole, or was made for another input or other outputs."""
    path = folder / "metadata.json"
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: is no bundle ({error}); export the model again") from error
    if not isinstance(metadata, dict):
        raise ModelError(f"{path}: holds no metadata of a bundle; export the model again")
    expected = {
        "model": model.name,
        "input_digest": model.input_digest,
        "outputs": [[output.name, output.kind, list(output.classes)] for output in model.outputs],
        "onnx_sha256": digest,
    }
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise ModelError(f"{path}: {key} is not that of {model.name} as it stands in the code; train it again")
    if folder.name not in (UNFINISHED, metadata.get("version")):
        raise ModelError(f"{path}: its version is not the name of its folder; export the model again")
    if wrong := _wrong(metadata):
        raise ModelError(f"{path}: {wrong}; export the model again")
    return ModelBundle(model, folder, metadata)


def releases(bundles: Path = SHIPPED) -> dict[str, list[dict[str, Any]]]:
    """Every release by model, the last one served; none where nothing was released. Raises ModelError for a broken list."""
    path = bundles / RELEASED
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: cannot be read ({type(error).__name__}); restore it") from error
    whole = isinstance(found, dict) and all(
        isinstance(entries, list)
        and all(isinstance(entry, dict) and isinstance(entry.get("version"), str) for entry in entries)
        for entries in found.values()
    )
    if not whole:
        raise ModelError(f"{path}: is no list of releases; restore it")
    return dict(found)


def released_version(name: str, bundles: Path = SHIPPED) -> str | None:
    """The version of a model that is served; None where none was released. Raises ModelError for a broken list."""
    entries = releases(bundles).get(name)
    return str(entries[-1]["version"]) if entries else None


def released_bundle(model: Model, bundles: Path = SHIPPED) -> ModelBundle | None:
    """The bundle of a model that is served; None where none was released."""
    version = released_version(model.name, bundles)
    return None if version is None else load_bundle(model, bundles / model.name / version)


def _wrong(metadata: Mapping[str, Any]) -> str:
    """What is wrong with what service reads of the metadata; empty where nothing is."""
    warmth = metadata.get("temperatures", {})
    sound = isinstance(warmth, dict) and all(
        isinstance(value, int | float) and isfinite(value) and value > 0 for value in warmth.values()
    )
    if not sound:
        return "temperatures are not all finite numbers above 0"
    variants = metadata.get("variants", {})
    if not isinstance(variants, dict) or not all(
        isinstance(told, dict) and {"kept", "onnx_sha256"} <= told.keys() for told in variants.values()
    ):
        return "variants are not told as an export tells them"
    return ""
