"""Spikes put into k-space."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_models.checks.artifacts import spike
from tests.pixel_blocks import features, head, magnitude, run

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "spike.yaml").read_text(encoding="utf-8"))


def spiked(side: int, height: float, row: int = 40, column: int = 70) -> np.ndarray:
    """A noisy head with one point of its spectrum raised to `height` times the DC value."""
    spectrum = np.fft.fft2(magnitude(head(side), 30.0))
    spectrum[row, column] += height * abs(spectrum[0, 0])
    return np.abs(np.fft.ifft2(spectrum))


@pytest.mark.parametrize("side", [192, 256, 384])
def test_a_spike_stands_out_and_noise_does_not(side: int) -> None:
    images = [magnitude(head(side), 30.0), spiked(side, 0.05), magnitude(head(side), 30.0, 5)]
    found = run(spike, images)["peak_db"]
    assert found.location.slice == 1
    assert found.value > 18
    assert found.detail["median"] < 14


def test_peak_over_its_tile_by_hand() -> None:
    import torch

    power = torch.ones(1, 64, 33)
    power[0, 20, 21] = 1000.0
    peak, others = spike.peaks(power)
    assert spike.spike_db(peak, others).item() == pytest.approx(30.0, abs=0.01)
    # Power 1000 is a modulus of 31.623, of which 5 is what chance gives; a wave of height h has a modulus of N h / 2.
    assert spike.stripe_height(peak, others, 64 * 64).item() == pytest.approx(2 / 4096 * (31.623 - 5), rel=1e-4)


def test_an_interpolated_spectrum_has_no_spikes() -> None:
    inner = np.fft.fftshift(np.fft.fft2(magnitude(head(128), 30.0)))
    image = np.abs(np.fft.ifft2(np.fft.ifftshift(np.pad(inner, 64))))
    assert run(spike, [image])["peak_db"].value < 16


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_stripes_are_as_high_as_they_were_made(case: dict[str, Any]) -> None:
    image = magnitude(head(), 20.0)
    down, right = case["frequency"]
    rows, columns = np.mgrid[:256, :256]
    body = features(image).body_mean.item()
    stripes = case["height"] * body * np.cos(2 * np.pi * (down * rows + right * columns))
    found = run(spike, [np.abs(image + stripes)])["amplitude"]
    low, high = case["measured"]
    assert low <= found.value <= high
