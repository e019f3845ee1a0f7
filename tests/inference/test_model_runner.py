"""The runner runs released bundles as they are, and says of a broken one what is wrong with it."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.model_runner import OnnxRunner
from inference.threads import Threads
from qc_models.errors import ModelError
from qc_models.model_outputs import Floats, Output
from tests.tiny_bundle import SIDE, SLOPE, VERSION, tiny_model, write_bundle


@pytest.fixture
def threads() -> Iterator[Threads]:
    with Threads(2) as two:
        yield two


def grey(*values: float) -> Floats:
    """Frames of one grey each."""
    return np.stack([np.full((1, SIDE, SIDE), value, np.float32) for value in values])


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_raw_numbers_become_probabilities_at_the_temperature_of_the_bundle(tmp_path: Path, threads: Threads) -> None:
    outputs = (Output("region", "each", ("chest", "abdomen")), Output("scope", "one_of", ("inside", "outside")))
    model = tiny_model(outputs=outputs)
    write_bundle(model, tmp_path, temperatures={"region": 2.0})
    runner = OnnxRunner(tmp_path, threads)
    assert runner.version(model) == VERSION
    assert runner.device(model) == "cpu"
    said = runner.submit(model, grey(0.4, 0.5, 0.6)).result()
    raw = [SLOPE * (value - 0.5) for value in (0.4, 0.5, 0.6)]
    assert said["region"][:, 0].tolist() == pytest.approx([sigmoid(value / 2) for value in raw], abs=1e-5)
    assert said["region"][:, 1].tolist() == pytest.approx([0.5] * 3)
    assert said["scope"][:, 0].tolist() == pytest.approx([sigmoid(value) for value in raw], abs=1e-5)
    assert said["scope"].sum(1).tolist() == pytest.approx([1.0] * 3)


def test_a_model_without_a_release_is_not_served(tmp_path: Path, threads: Threads) -> None:
    runner = OnnxRunner(tmp_path, threads)
    assert runner.version(tiny_model()) is None
    assert runner.device(tiny_model()) is None
    with pytest.raises(ModelError, match="no version is released"):
        runner.submit(tiny_model(), grey(0.5))


@pytest.mark.parametrize(
    ("metadata", "wrong"),
    [
        ({"input_digest": "0" * 64}, "input_digest"),
        ({"onnx_sha256": "0" * 64}, "onnx_sha256"),
        ({"model": "x"}, "model"),
    ],
)
def test_a_foreign_bundle_is_refused(metadata: dict[str, str], wrong: str, tmp_path: Path, threads: Threads) -> None:
    write_bundle(tiny_model(), tmp_path, **metadata)
    with pytest.raises(ModelError, match=f"{wrong} is not that of tiny"):
        OnnxRunner(tmp_path, threads).version(tiny_model())


@pytest.mark.parametrize("name", ["model.onnx", "metadata.json"])
def test_a_bundle_with_a_missing_file_is_refused(name: str, tmp_path: Path, threads: Threads) -> None:
    (write_bundle(tiny_model(), tmp_path) / name).unlink()
    with pytest.raises(ModelError, match="is no bundle"):
        OnnxRunner(tmp_path, threads).version(tiny_model())


def test_what_is_no_network_is_refused(tmp_path: Path, threads: Threads) -> None:
    digest = "c7be1ed902fb8dd4d48997c6452f5d7e509fbcdbe2808b16bcf4edce4c07d14e"  # sha256sum of "This is a test"
    folder = write_bundle(tiny_model(), tmp_path, onnx_sha256=digest)
    (folder / "model.onnx").write_bytes(b"This is a test")
    with pytest.raises(ModelError, match="cannot be loaded"):
        OnnxRunner(tmp_path, threads).version(tiny_model())


def test_a_network_with_other_outputs_than_its_model_is_refused(tmp_path: Path, threads: Threads) -> None:
    write_bundle(tiny_model(), tmp_path, num_classes=3)
    with pytest.raises(ModelError, match="other outputs"):
        OnnxRunner(tmp_path, threads).submit(tiny_model(), grey(0.5)).result()


def test_what_is_no_number_is_refused(tmp_path: Path, threads: Threads) -> None:
    write_bundle(tiny_model(), tmp_path, finite=False)
    runner = OnnxRunner(tmp_path, threads)
    assert np.isfinite(runner.submit(tiny_model(), grey(0.5)).result()["region"]).all()
    with pytest.raises(ModelError, match="no number"):
        runner.submit(tiny_model(), grey(0.5, 0.0)).result()


def test_a_session_is_made_once_a_process_and_again_for_a_new_release(
    tmp_path: Path, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    made: list[str] = []
    create = onnxruntime.InferenceSession

    def counted(path: str, *arguments: object, **options: object) -> object:
        made.append(path)
        return create(path, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    model = tiny_model()
    folder = write_bundle(model, tmp_path)
    for _ in range(2):
        OnnxRunner(tmp_path, threads).submit(model, grey(0.5)).result()
    assert len(made) == 1
    old = OnnxRunner(tmp_path, threads)
    old.version(model)
    newer = folder.rename(tmp_path / "tiny" / "newer")
    metadata = newer / "metadata.json"
    metadata.write_text(metadata.read_text().replace(VERSION, newer.name))
    released = tmp_path / "released.json"
    released.write_text(released.read_text().replace(VERSION, newer.name))
    OnnxRunner(tmp_path, threads).submit(model, grey(0.5)).result()
    assert [Path(path).parent.name for path in made] == [VERSION, "newer"]
    old.submit(model, grey(0.5)).result()  # a study that began with a version ends with it
    assert len(made) == 2
