"""Batches of several studies run together: what is said of each depends on no other, whatever the others are."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from inference.engine.shared_runner import PIECE_FRAMES, Asked, Said, SharedRunner
from inference.engine.told_error import ToldError
from inference.model_runner import served
from qc_models.model_outputs import Floats
from qc_models.model_registry import models
from tests.tiny_bundle import SIDE, VERSION, tiny_model, write_bundle


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A model that gives no number where a frame is black."""
    model = tiny_model()
    write_bundle(model, tmp_path, finite=False)
    monkeypatch.setitem(models(), model.name, model)
    return Asked(tmp_path, model.name, VERSION)


def frames(number: int, seed: int) -> Floats:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (number, 1, SIDE, SIDE)).astype(np.float32)


def said_of(runner: SharedRunner, asked: Asked, *batches: Floats) -> list[Said | ToldError]:
    return asyncio.run(runner.run_all([(asked, batch) for batch in batches]))


def numbers(said: Said | ToldError) -> Floats:
    assert isinstance(said, dict)
    return said["region"]


@pytest.mark.parametrize("on_gpu", [False, True])
def test_each_batch_gets_its_own_answer_in_its_order(on_gpu: bool, asked: Asked) -> None:
    batches = [frames(number, number) for number in (3, PIECE_FRAMES, 1)]
    alone = served(models()["tiny"], VERSION, asked.bundles)
    for batch, said in zip(batches, said_of(SharedRunner("m", on_gpu), asked, *batches), strict=True):
        assert numbers(said) == pytest.approx(alone.run(batch)["region"], abs=1e-6)


@pytest.mark.parametrize("on_gpu", [False, True])
def test_neighbours_change_no_bit(on_gpu: bool, asked: Asked) -> None:
    batch = frames(5, 1)
    (alone,) = said_of(SharedRunner("m", on_gpu), asked, batch)
    _, among, _ = said_of(SharedRunner("m", on_gpu), asked, frames(70, 2), batch, frames(2, 3))
    assert numbers(alone).tobytes() == numbers(among).tobytes()


@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_bad_batch_fails_alone(on_gpu: bool, asked: Asked) -> None:
    black = np.zeros((2, 1, SIDE, SIDE), np.float32)
    other_shape = np.zeros((2, 1, SIDE + 1, SIDE), np.float32)
    good, bad, odd, last = said_of(SharedRunner("m", on_gpu), asked, frames(2, 1), black, other_shape, frames(3, 2))
    assert (len(numbers(good)), len(numbers(last))) == (2, 3)
    assert isinstance(bad, ToldError)
    assert (bad.kind, "no number" in bad.words) == ("ModelError", True)
    assert isinstance(odd, ToldError)


def test_batches_that_cannot_be_written_to_are_read(asked: Asked) -> None:
    batch = frames(3, 1)
    batch.flags.writeable = False  # as Ray hands them over
    for on_gpu in (False, True):
        assert len(numbers(said_of(SharedRunner("m", on_gpu), asked, batch)[0])) == 3


def test_a_version_is_made_ready_or_its_error_told(asked: Asked) -> None:
    runner = SharedRunner("m", False)
    assert runner.ready(asked) is None
    told = runner.ready(Asked(asked.bundles, "tiny", "never exported"))
    assert told is not None
    assert told.kind == "ModelError"
    runner.check_health()


def test_a_gpu_that_is_not_used_is_ill_health(asked: Asked) -> None:
    runner = SharedRunner("m", True)
    runner.check_health()
    assert runner.ready(asked) is None
    with pytest.raises(RuntimeError, match="a processor where a GPU was given"):
        runner.check_health()
