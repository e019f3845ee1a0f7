"""Motion during a CT rotation: streaks, double contours and blur."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene


def draw_motion(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is how far in mm the body moves during the half turn that makes a slice; a run of slices is hit."""
    length = rng.uniform(0.4, 1.0)
    start = rng.uniform(0, 1 - length)
    return {
        "direction": float(rng.uniform(0, 2 * np.pi)),
        "start_angle": float(rng.uniform(0, np.pi)),
        "tremor": float(rng.uniform(0, 0.3)),
        "slices": [round(start * (scene.shape[0] - 1)), round((start + length) * (scene.shape[0] - 1)) + 1],
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def add_motion(stack: Floats, params: Params) -> Floats:
    """Shifts each projection by where the body was when it was taken: a phase along each ray of the slice's Fourier plane.

    By the central section theorem the projection at an angle is the Fourier transform along that angle, so that the shift is
    exact and needs no projector. Ends of the half turn do not fit each other: that seam makes the streaks.
    """
    rows, columns = stack.shape[1:]
    row_mm, column_mm = params["pixel_mm"]
    down, right = np.fft.fftfreq(rows, row_mm)[:, None], np.fft.rfftfreq(columns, column_mm)[None]
    time = ((np.arctan2(down, right) - params["start_angle"]) % np.pi) / np.pi
    path = params["strength"] * (time - 0.5 + params["tremor"] * np.sin(4 * np.pi * time))
    phase = np.exp(-2j * np.pi * path * (down * np.sin(params["direction"]) + right * np.cos(params["direction"])))
    result = stack.copy()
    for image in result[slice(*params["slices"])]:
        clean = np.maximum(image, -1000)
        image += np.fft.irfft2(np.fft.rfft2(clean) * phase, clean.shape).astype(np.float32) - clean
    return result
