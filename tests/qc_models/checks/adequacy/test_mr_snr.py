"""The signal-to-noise ratio against a head whose signal and noise are known, and against NumPy on the same pixels."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch

from qc_models.checks.adequacy import mr_snr
from qc_models.findings import Measurement
from tests.judged_facts import stack as stack_facts
from tests.pixel_blocks import features, head, magnitude, run


def test_formula_by_hand() -> None:
    assert mr_snr.dietrich_snr(torch.tensor(500.0), torch.tensor(6.551364)).item() == pytest.approx(50.0)


@pytest.mark.parametrize("sigma", [10.0, 40.0])
def test_signal_over_the_gaussian_noise_that_was_put_in(sigma: float) -> None:
    truth = head()[head() > 0].mean() / sigma
    found = run(mr_snr, [magnitude(head(), sigma)])["dietrich"]
    assert found.value == pytest.approx(truth, rel=0.03)


def test_numpy_agrees_on_the_same_pixels() -> None:
    frames = features(magnitude(head(), 25.0))
    values, body, air = (tensor[0].numpy() for tensor in (frames.samples, frames.body, frames.air))
    expected = 0.6551364 * values[body].mean() / values[air].std(ddof=1)
    assert mr_snr.dietrich_snr(frames.body_mean, frames.air_deviation).item() == pytest.approx(expected, rel=1e-3)


def test_the_noisiest_slice_is_named(sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]) -> None:
    found = run(mr_snr, [magnitude(head(128), sigma) for sigma in (10, 10, 50, 10)])["dietrich"]
    assert found.location.slice == 2
    assert found.value == pytest.approx(5 * found.detail["worst"], rel=0.1)
    assert "slice 3" in sentences(mr_snr, found)[0]
    assert all(sentences(mr_snr, found))


def test_without_noise_in_air_nothing_is_measured() -> None:
    assert run(mr_snr, [head(), np.full((256, 256), 900.0)]) == {}


def test_mr_as_acquired_alone() -> None:
    assert mr_snr.applies(stack_facts("1", modality="MR"))
    assert not mr_snr.applies(stack_facts("1", modality="MR", role="LOC"))
    assert not mr_snr.applies(stack_facts("1", modality="MR", derived=True))
    assert not mr_snr.applies(stack_facts("1"))
