"""Radiographs of a wrong dose: quantum noise, under- and over-exposure with clipping, and two exposures on one detector.

Grey values are taken for attenuation: over the range that a picture is shown in, 100 times less radiation arrives.
"""

import math

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import grey_range

LATITUDE = math.log(100.0)  # natural logarithms of radiation across the grey range
_BLACK = 0.05  # of the grey range: direct radiation, or a shutter
_BLACK_PART = 0.05  # of the picture
_PHOTONS_RIGHT_DOSE = 1600.0  # a pixel behind average attenuation: 2.5 uGy on pixels of 0.15 mm


def draw_noise(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the relative noise 1 / √N of the photons behind average attenuation."""
    return {"seed": int(rng.integers(2**32))}


def add_noise(stack: Floats, params: Params) -> Floats:
    """Counts photons behind each pixel (Poisson), and turns counts back into grey: dense parts suffer most."""
    return _counted(stack, params["strength"] ** -2, params["seed"])


def draw_under_exposure(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is how many times the dose was halved."""
    return {"seed": int(rng.integers(2**32))}


def under_expose(stack: Floats, params: Params) -> Floats:
    """Brightens the picture, clips its dense parts to white and adds the noise of the photons that are missing.

    What is black stays black: it is a shutter, or so much radiation that half of it saturates the detector too.
    """
    low, high = grey_range(stack)
    stops = params["strength"]
    noisy = _counted(stack, _PHOTONS_RIGHT_DOSE / (2**stops - 1), params["seed"])
    bright = np.minimum(noisy + np.float32(stops * math.log(2) / LATITUDE * (high - low)), high)
    changed: Floats = stack + share_not_black(stack, low, high) * (bright - stack)
    return changed


def draw_over_exposure(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is how many times the dose was doubled; nothing is left to chance."""
    return {}


def over_expose(stack: Floats, params: Params) -> Floats:
    """Darkens the picture and clips to black what burns through: lungs, skin, fingers."""
    low, high = grey_range(stack)
    changed: Floats = np.maximum(stack - np.float32(params["strength"] * math.log(2) / LATITUDE * (high - low)), low)
    return changed


def draw_double_exposure(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the second exposure's share of the dose of the first; it is the same part, displaced and perhaps mirrored."""
    return {
        "shift": [float(value) for value in rng.uniform(0.08, 0.25, 2) * rng.choice([-1, 1], 2)],
        "mirrored": bool(rng.random() < 0.5),
    }


def expose_twice(stack: Floats, params: Params) -> Floats:
    """Sums the radiation of two pictures and shows it at the dose of both.

    Of the second no more counts than reaches the darkest third: beyond it the detector is full, or a shutter was closed.
    """
    low, high = grey_range(stack)
    scale = LATITUDE / max(high - low, 1e-6)
    second = stack[:, :, ::-1] if params["mirrored"] else stack
    rows, columns = (_shifted(size, share) for size, share in zip(stack.shape[1:], params["shift"], strict=True))
    second = np.maximum(second[:, rows][:, :, columns], low + (high - low) / 3)
    share = params["strength"]
    radiation = (np.exp(-scale * (stack - low)) + share * np.exp(-scale * (second - low))) / (1 + share)
    changed: Floats = (low - np.log(radiation) / scale).astype(np.float32)
    return changed


def share_not_black(stack: Floats, low: float, high: float) -> Floats:
    """From 0 where a picture is black to 1 where something absorbs; 1 everywhere where no sizeable part is black."""
    if (stack <= low + _BLACK / 2 * (high - low)).mean() < _BLACK_PART:
        return np.ones_like(stack)
    share: Floats = np.clip((stack - low) / max(_BLACK * (high - low), 1e-6), 0, 1).astype(np.float32)
    return share


def _counted(stack: Floats, photons: float, seed: int) -> Floats:
    """The picture as `photons` photons a pixel behind average attenuation show it."""
    low, high = grey_range(stack)
    scale = LATITUDE / max(high - low, 1e-6)
    inside = np.clip(stack, low, high)
    expected = photons * np.exp(-scale * (inside - float(inside.mean())))
    counted = np.random.default_rng(seed).poisson(expected)
    changed: Floats = (stack - np.log(np.maximum(counted, 0.5) / expected) / scale).astype(np.float32)
    return changed


def _shifted(size: int, share: float) -> NDArray[np.intp]:
    """Indices moved by a share of the picture; what comes in from outside mirrors the edge."""
    places: NDArray[np.intp] = np.abs(np.arange(size) - round(share * size))
    mirrored: NDArray[np.intp] = size - 1 - np.abs(size - 1 - places)
    return mirrored
