"""Uneven brightness in MR: the sensitivity of a coil, and fat that was not suppressed everywhere."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import signal_level


def draw_bias_field(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the non-uniformity (max − min) / (max + min) of the sensitivity (NEMA MS 3)."""
    return {"weights": [float(value) for value in rng.normal(0, 1, 5) * (1.0, 1.0, 0.7, 0.7, 0.7)]}


def add_bias_field(stack: Floats, params: Params) -> Floats:
    """Multiplies every slice by one smooth field, the exponential of a polynomial of second order, about 1."""
    half_range = 0.5 * np.log((1 + params["strength"]) / (1 - params["strength"]))
    changed: Floats = stack * np.exp(np.float32(half_range) * _smooth_field(stack.shape, params["weights"]))
    return changed


def draw_fat_failure(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the brightness of unsuppressed fat as a share of tissue signal; a part of the picture is hit."""
    return {"weights": [float(value) for value in rng.normal(0, 1, 5) * (1.0, 1.0, 0.4, 0.4, 0.4)]}


def add_fat_failure(stack: Floats, params: Params) -> Floats:
    """Brightens what is dark inside the body, there where the field is off: suppressed fat is dark.

    Field inhomogeneity moves fat out of the suppression band in a smooth region with a fairly sharp border. What is dark and
    what is body is told from smoothed pictures, so that texture and thin structures stay.
    """
    level = signal_level(stack)
    field = _smooth_field(stack.shape, params["weights"])
    body_field = np.broadcast_to(field, stack.shape)[stack > 0.17 * level]
    region = 1 / (1 + np.exp(-12 * (field - (np.percentile(body_field, 60) if body_field.size else 0.0))))
    down, right = np.fft.fftfreq(stack.shape[1])[:, None], np.fft.rfftfreq(stack.shape[2])[None]
    wide, narrow = (
        np.exp(-2 * (np.pi * max(stack.shape[1:]) / part) ** 2 * (down**2 + right**2)) for part in (100, 200)
    )
    result = stack.copy()
    for image in result:
        spectrum = np.fft.rfft2(image)
        around, near = (
            np.fft.irfft2(spectrum * smoothing, image.shape) / max(level, 1e-6) for smoothing in (wide, narrow)
        )
        body = 1 / (1 + np.exp(-np.clip((around - 0.17) / 0.015, -50, 50)))
        dark = np.exp(-((near / 0.5) ** 4)) / (1 + np.exp(-np.clip((near - 0.13) / 0.01, -50, 50)))
        image += (params["strength"] * level * region * dark * body).astype(np.float32)
    return result


def _smooth_field(shape: tuple[int, ...], weights: list[float]) -> Floats:
    """A polynomial of second order over rows and columns, scaled to −1 … 1."""
    rows, columns = np.linspace(-1, 1, shape[1])[:, None], np.linspace(-1, 1, shape[2])[None]
    terms = (rows, columns, rows**2, columns**2, rows * columns)
    field = sum((weight * term for weight, term in zip(weights, terms, strict=True)), np.zeros(shape[1:]))
    scaled: Floats = (2 * (field - field.min()) / max(float(np.ptp(field)), 1e-9) - 1).astype(np.float32)
    return scaled
