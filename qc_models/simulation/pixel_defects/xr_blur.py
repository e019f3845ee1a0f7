"""Unsharp radiographs: the patient moved, or the focal spot was too large or too near."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene

Frequencies = NDArray[np.floating]


def draw_motion(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the way in mm, at the detector, that the part moved along a line during the exposure."""
    return {"direction": float(rng.uniform(0, np.pi)), "pixel_mm": [float(value) for value in scene.spacing_mm[1:]]}


def blur_motion(stack: Floats, params: Params) -> Floats:
    """Averages along a line at even speed: a sinc in the Fourier plane along the line's direction."""
    direction, length = params["direction"], params["strength"]
    return _filtered(
        stack,
        params["pixel_mm"],
        lambda down, right: np.sinc(length * (down * np.sin(direction) + right * np.cos(direction))),
    )


def draw_focal_blur(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the full width at half maximum in mm, at the detector, of the geometric blur; nothing is left to chance."""
    return {"pixel_mm": [float(value) for value in scene.spacing_mm[1:]]}


def blur_focus(stack: Floats, params: Params) -> Floats:
    """Blurs with a Gaussian of that width, in all directions alike."""
    sigma = params["strength"] / 2.3548
    return _filtered(
        stack, params["pixel_mm"], lambda down, right: np.exp(-2 * (np.pi * sigma) ** 2 * (down**2 + right**2))
    )


def _filtered(
    stack: Floats, pixel_mm: list[float], transfer: Callable[[Frequencies, Frequencies], Frequencies]
) -> Floats:
    """Multiplies the spectrum by a transfer function of cycles per mm; edges are mirrored first."""
    rows, columns = stack.shape[1:]
    margin = min(rows, columns, 256) // 4
    wide = np.pad(stack, ((0, 0), (margin, margin), (margin, margin)), "reflect")
    down, right = np.fft.fftfreq(wide.shape[1], pixel_mm[0])[:, None], np.fft.rfftfreq(wide.shape[2], pixel_mm[1])[None]
    blurred = np.fft.irfft2(np.fft.rfft2(wide) * transfer(down, right), wide.shape[1:])
    return blurred[:, margin : margin + rows, margin : margin + columns].astype(np.float32)
