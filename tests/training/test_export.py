"""A run becomes a bundle that says the same, that the registry takes, and whose weights are bound by the strictest terms."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from qc_models.errors import ModelError
from qc_models.model_bundle import load_bundle
from qc_models.model_registry import models
from tests.training.drawn_data import write_data
from training.export import export, strictest
from training.fit import fit, fitted
from training.manifest import build
from training.recipe import Recipe
from training.run_folder import RunFolder

RECIPE = Recipe(model="xr_anatomy", epochs=1, batch_size=8, warmup_epochs=0, targets={"rotation.accuracy": 0.9})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    data = write_data(tmp_path_factory.mktemp("data"), 24)
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    fit(RECIPE, build(data), data, folder, lambda _: None)
    (folder.path / "data").symlink_to(data)
    return folder


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run, run.path / "data", tmp_path_factory.mktemp("bundles"), ("float16", "int8"))


def test_onnx_says_what_torch_says_for_any_number_of_frames(run: RunFolder, bundle: Path) -> None:
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"))
    network = fitted(run)
    for count in (1, 3, 32):
        frames = torch.rand(count, 1, 160, 160, generator=torch.Generator().manual_seed(count))
        with torch.inference_mode():
            expected = [output.numpy() for output in network(frames)]
        for one, other in zip(expected, session.run(None, {"frames": frames.numpy()}), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_bundle_is_whole_and_small(bundle: Path) -> None:
    found = load_bundle(models()["xr_anatomy"], bundle)
    assert found.version == bundle.name
    assert found.onnx.stat().st_size < 12 << 20
    assert {"monai_version", "pytorch_version", "task", "network_data_format"} <= found.metadata.keys()
    card = (bundle / "card.md").read_text("utf-8")
    assert "rotation.accuracy" in card
    assert "**non-commercial**" in card


def test_a_copy_stays_where_it_loses_nothing_and_is_run_where_it_was_exported(bundle: Path) -> None:
    found = load_bundle(models()["xr_anatomy"], bundle)
    for name, told in found.metadata["variants"].items():
        path = bundle / f"model.{name}.onnx"
        assert told["lost"].keys() == {"rotation.accuracy"}
        assert told["kept"] == (told["lost"]["rotation.accuracy"] <= 0.005) == path.exists()
        assert found.onnx_of(name) == (path if told["kept"] else found.onnx)
    assert found.metadata["variants"]["float16"][
        "kept"
    ]  # eleven bits of each weight change no order of untaught answers
    (bundle / "model.float16.onnx").write_bytes(b"another")
    with pytest.raises(ModelError, match="float16"):
        found.onnx_of("float16")


def test_the_card_tells_what_service_is_held_against(bundle: Path) -> None:
    reference = load_bundle(models()["xr_anatomy"], bundle).metadata["expected"]
    assert reference.keys() == {
        "metadata.model_view.xr_anatomy_brightness",
        "metadata.model_view.xr_anatomy_sureness",
    }
    for values in reference.values():
        assert len(values) == 101
        assert values == sorted(values)
        assert 0 <= values[0] <= values[-1] <= 1


def test_a_bundle_of_another_input_is_refused(bundle: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "metadata.json"):
        (tmp_path / name).write_bytes((bundle / name).read_bytes())
    metadata = json.loads((tmp_path / "metadata.json").read_text("utf-8"))
    (tmp_path / "metadata.json").write_text(json.dumps(metadata | {"input_digest": "another"}), "utf-8")
    with pytest.raises(ModelError, match="input_digest"):
        load_bundle(models()["xr_anatomy"], tmp_path)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"temperatures": {"region": float("inf")}}, "temperatures"),
        ({"temperatures": {"region": -1.0}}, "temperatures"),
        ({"temperatures": []}, "temperatures"),
        ({"variants": {"int8": {}}}, "variants"),
        ({"version": "another"}, "version"),
    ],
)
def test_metadata_that_service_cannot_rely_on_is_refused(
    bundle: Path, tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    copy = tmp_path / bundle.name
    copy.mkdir()
    (copy / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    metadata = json.loads((bundle / "metadata.json").read_text("utf-8"))
    (copy / "metadata.json").write_text(json.dumps(metadata | changed), "utf-8")
    with pytest.raises(ModelError, match=reason):
        load_bundle(models()["xr_anatomy"], copy)


def test_weights_inherit_the_strictest_terms() -> None:
    assert strictest(["open", "unstated", "non-commercial"]) == "non-commercial"
    assert strictest(["open", "unstated"]) == "unstated"
    assert strictest(["open", "open"]) == "open"
