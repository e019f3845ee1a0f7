"""What does not come from the body in MR: noise of coil and receiver, a spike in k-space, a radio line."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import signal_level


def draw_noise(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the standard deviation of each channel as a share of tissue signal: 1 / SNR."""
    return {"seed": int(rng.integers(2**32))}


def add_noise(stack: Floats, params: Params) -> Floats:
    """Adds Gaussian noise to the real and imaginary part and takes the magnitude (Gudbjartsson and Patz 1995: Rician)."""
    sigma = np.float32(params["strength"] * signal_level(stack))
    rng = np.random.default_rng(params["seed"])
    result = np.empty_like(stack)
    for index, image in enumerate(stack):
        real, imaginary = rng.standard_normal((2, *image.shape), np.float32) * sigma
        result[index] = np.hypot(image + real, imaginary)
    return result


def draw_spike(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the amplitude of the stripes as a share of tissue signal; one or two spikes in one slice of two."""
    slices = scene.shape[0]
    hit = rng.permutation(slices)[: max(slices // 2, 1)]
    count = int(rng.integers(1, 3))
    return {
        "slices": sorted(int(index) for index in hit),
        "frequencies": [
            [float(value) for value in rng.uniform(0.06, 0.3, 2) * rng.choice([-1, 1], 2)] for _ in range(count)
        ],
        "phases": [float(value) for value in rng.uniform(0, 2 * np.pi, count)],
    }


def add_spike(stack: Floats, params: Params) -> Floats:
    """Adds single points of k-space: stripes over the whole picture; `frequencies` are cycles a pixel down and right."""
    rows, columns = np.arange(stack.shape[1])[:, None], np.arange(stack.shape[2])[None]
    amplitude = params["strength"] * signal_level(stack) / len(params["phases"])
    stripes = np.zeros(stack.shape[1:])
    for (down, right), phase in zip(params["frequencies"], params["phases"], strict=True):
        stripes += amplitude * np.cos(2 * np.pi * (down * rows + right * columns) + phase)
    result = stack.copy()
    result[params["slices"]] = np.abs(stack[params["slices"]] + stripes)
    return result


def draw_zipper(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the line's mean brightness as a share of tissue signal; one to three lines, each a few pixels wide."""
    count = int(rng.integers(1, 4))
    return {
        "axis": scene.encoding_axis(rng),
        "places": [float(value) for value in rng.uniform(0.2, 0.8, count)],
        "width": max(round(max(scene.shape[1:]) / 256), 1),
        "seed": int(rng.integers(2**32)),
    }


def add_zipper(stack: Floats, params: Params) -> Floats:
    """Adds lines of alternating noise along phase encoding, at fixed frequencies of readout, in every slice."""
    axis, width = params["axis"], params["width"]
    rng = np.random.default_rng(params["seed"])
    result = stack.copy()
    view = result if axis == 1 else result.transpose(0, 2, 1)
    # The mean of the magnitude of a complex normal variable is sqrt(pi) / 2.
    level = params["strength"] * signal_level(stack) * 2 / np.sqrt(np.pi)
    for place in params["places"]:
        start = int(place * (view.shape[2] - width))
        parts = rng.standard_normal((2, *view.shape[:2]), np.float32) * np.sqrt(0.5) * level
        line = np.repeat((parts[0] + 1j * parts[1])[:, :, None], width, axis=2)
        view[:, :, start : start + width] = np.abs(view[:, :, start : start + width] + line)
    return result
