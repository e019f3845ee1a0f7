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


def test_without_noise_in_air_the_tissue_alone_is_measured() -> None:
    assert "dietrich" not in run(mr_snr, [np.where(head() > 0, magnitude(head(), 20.0), 0)])
    assert run(mr_snr, [np.full((256, 256), 900.0)]) == {}


@pytest.mark.parametrize("sigma", [20.0, 60.0, 150.0])
@pytest.mark.parametrize("side", [256, 384])
def test_noise_within_the_body_is_what_was_put_in(sigma: float, side: int) -> None:
    image = np.where(head(side) > 0, 1000.0, 0.0)
    found = run(mr_snr, [magnitude(image, sigma, seed) for seed in range(3)])["tissue"]
    # The quietest tenth of windows of 64 pixels lies below the mean by about 1.28 of their scatter, 1/sqrt(2 · 64) and, as the
    # second differences of neighbours share pixels, somewhat more.
    assert 1.0 < found.value * sigma / 1000 < 1.25


def test_interpolation_does_not_hide_the_noise() -> None:
    small = magnitude(np.where(head(192) > 0, 1000.0, 0.0), 60.0)
    spectrum = np.fft.fftshift(np.fft.fft2(small))
    large = np.abs(np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, 96)))) * 4
    values = [run(mr_snr, [image])["tissue"].value for image in (small, large)]
    assert values[1] == pytest.approx(values[0], rel=0.25)


def test_mr_as_acquired_alone() -> None:
    assert mr_snr.applies(stack_facts("1", modality="MR"))
    assert not mr_snr.applies(stack_facts("1", modality="MR", role="LOC"))
    assert not mr_snr.applies(stack_facts("1", modality="MR", derived=True))
    assert not mr_snr.applies(stack_facts("1"))
