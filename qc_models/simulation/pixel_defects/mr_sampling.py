"""Too little of k-space in MR: a field of view smaller than the body folds over, missing outer lines ring."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import signal_level


def draw_wrap(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the share of the body's extent along phase encoding that lies outside the field of view."""
    return {"axis": scene.encoding_axis(rng)}


def add_wrap(stack: Floats, params: Params) -> Floats:
    """Leaves one period of the folded picture, about the body's middle, and blank lines beyond. Zero leaves it alone.

    Sampling k-space too coarsely sums all copies of the object that lie a field apart, and shows one field of them: opposite
    edges of it run on in each other. Matrix and spacing are kept, as where a rectangular field is padded to a square.
    """
    axis = params["axis"]
    share = (stack > 0.25 * signal_level(stack)).mean(tuple({0, 1, 2} - {axis}))
    filled = np.flatnonzero(share > 0.02)
    if not len(filled):
        return stack.copy()
    size = stack.shape[axis]
    period = max(round((filled[-1] - filled[0] + 1) * (1 - params["strength"])), 8)
    first = min(max((filled[0] + filled[-1] + 1 - period) // 2, 0), size - period)
    body = np.moveaxis(stack, axis, 0)
    field = np.zeros((period, *body.shape[1:]), np.float32)
    for start in range(first % period - period, size, period):
        low, high = max(start, 0), min(start + period, size)
        field[low - start : high - start] += body[low:high]
    result = np.zeros_like(stack)
    np.moveaxis(result, axis, 0)[first : first + period] = field
    return result


def draw_gibbs(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the share of k-space left out on each axis; nothing is left to chance."""
    return {}


def add_gibbs(stack: Floats, params: Params) -> Floats:
    """Sets the outer lines of k-space to zero on both axes: ringing along edges, and blur."""
    kept = [np.abs(np.fft.fftfreq(size)) <= (1 - params["strength"]) / 2 for size in stack.shape[1:]]
    mask = kept[0][:, None] & kept[1][None]
    return np.stack([np.abs(np.fft.ifft2(np.fft.fft2(image) * mask)) for image in stack]).astype(np.float32)
