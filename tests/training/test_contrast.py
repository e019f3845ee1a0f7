"""Changed contrasts: windows of HU, curves that keep black, shading, and noise without a body."""

import pytest
import torch

from training.contrast import exchanged, noise, phantoms, remapped, shaded, windowed


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_only_what_has_hounsfield_units_is_windowed() -> None:
    pictures = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).expand(2, -1, -1, -1)
    span = torch.tensor([[-1000.0, 1000.0], [float("nan"), float("nan")]])
    shown = windowed(pictures, span, 1.0, chance())
    assert not torch.equal(shown[0], pictures[0])
    assert torch.equal(shown[1], pictures[1])
    assert bool((shown[0].flatten().diff() >= 0).all())  # more HU is never darker


def test_a_curve_keeps_black_and_what_was_alike() -> None:
    pictures = torch.tensor([0.0, 0.3, 0.3, 0.9]).reshape(1, 1, 2, 2)
    shown = remapped(pictures, 1.0, chance()).flatten()
    assert shown[0] == 0.0
    assert shown[1] == shown[2]
    assert not torch.equal(shown, pictures.flatten())
    assert torch.equal(remapped(pictures, 0.0, chance()), pictures)


def test_shading_leaves_the_middle() -> None:
    pictures = torch.full((1, 1, 9, 9), 0.5)
    shown = shaded(pictures, 1.0, chance())
    assert shown[0, 0, 4, 4] == pytest.approx(0.5)
    assert not torch.allclose(shown, pictures)


def test_fluid_and_tissue_exchange_and_air_stays_black() -> None:
    pictures = torch.zeros(1, 1, 20, 20)
    pictures[..., 5:15, 5:15] = 0.9  # tissue
    pictures[..., 9:11, 9:11] = 0.3  # fluid in it
    shown = exchanged(pictures)
    assert float(shown[0, 0, 0, 0]) == pytest.approx(0.0, abs=0.01)
    assert float(shown[0, 0, 10, 10]) == pytest.approx(0.75, abs=0.01)
    assert float(shown[0, 0, 7, 7]) == pytest.approx(0.15, abs=0.01)


def test_noise_has_the_shape_of_magnitudes() -> None:
    slices = noise(torch.zeros(64, 1, 32, 32), chance())
    assert slices.shape == (64, 1, 32, 32)
    assert float(slices.min()) >= 0
    assert float(slices.max()) == 1.0
    fine = slices[slices.std((1, 2, 3)) > 0.15]
    # of a Rayleigh distribution the mean is sqrt(pi / 2) sigma and the 99th percentile sqrt(2 ln 100) sigma
    assert float(fine.mean()) == pytest.approx(1.2533 / 3.0349, abs=0.02)


def test_a_phantom_is_bright_inside_and_dark_around() -> None:
    made = phantoms(torch.zeros(200, 1, 40, 40), chance())
    assert made.shape == (200, 1, 40, 40)
    assert float(made[:, :, 18:22, 18:22].mean()) > 0.4
    assert float(made[:, :, :1, :1].mean()) < 0.2
