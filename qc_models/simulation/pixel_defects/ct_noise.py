"""Noise of too little radiation in CT: correlated noise everywhere, and streaks through the widest part of the body."""

import numpy as np

from qc_models.simulation.pixel_defects.parallel_projection import project, reconstruct, shrunk, view_angles, widened
from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene

_WATER_PER_MM = 0.02
_LATERAL = np.deg2rad(40.0)


def draw_noise(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the added standard deviation in HU; the cut-off is that of a reconstruction kernel, soft to sharp."""
    return {
        "seed": int(rng.integers(2**32)),
        "cutoff_per_mm": float(rng.uniform(0.35, 0.6)),
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def add_noise(stack: Floats, params: Params) -> Floats:
    """Adds noise whose power rises with frequency and falls behind the cut-off, as filtered back-projection leaves it.

    NPS(f) ∝ f·exp(−(f/f_c)²): ramp filter times the kernel's apodisation (Riederer, Pelc and Chesler, Phys Med Biol 1978).
    """
    rows, columns = stack.shape[1:]
    row_mm, column_mm = params["pixel_mm"]
    frequency = np.hypot(np.fft.fftfreq(rows, row_mm)[:, None], np.fft.fftfreq(columns, column_mm)[None])
    power = frequency * np.exp(-((frequency / params["cutoff_per_mm"]) ** 2))
    gain = np.sqrt(power / power.mean())[:, : columns // 2 + 1] * params["strength"]
    rng = np.random.default_rng(params["seed"])
    result = stack.copy()
    for image in result:
        white = np.fft.rfft2(rng.standard_normal((rows, columns), np.float32))
        image += np.fft.irfft2(white * gain, (rows, columns)).astype(np.float32)
    return result


def draw_starvation(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the standard deviation of the streaks in HU within the body, in the slice that absorbs most."""
    return {"seed": int(rng.integers(2**32)), "pixel_mm": float(scene.spacing_mm[1])}


def add_starvation(stack: Floats, params: Params) -> Floats:
    """Adds the noise of the nearly horizontal rays, of variance e^(∫μ dl): they starve first, in shoulders and hips.

    Poisson statistics of transmitted photons (Hsieh, Med Phys 1998); rays within 40 degrees of horizontal are simulated.
    """
    coarse, block = shrunk(np.clip(stack, -1000.0, 2000.0), 128)
    angles = view_angles(180)
    lateral = np.abs(angles - np.pi / 2) < _LATERAL
    path = project((coarse + np.float32(1000)) / np.float32(1000), angles[lateral]) * np.float32(
        params["pixel_mm"] * block * _WATER_PER_MM
    )
    deviation = np.exp(np.minimum(path - path.max(), 0) / 2)
    rng = np.random.default_rng(params["seed"])
    noise = rng.standard_normal((*path.shape[:2], 2 * path.shape[2]), np.float32)
    noise *= np.repeat(deviation, 2, axis=2)
    fine = (coarse.shape[1] * 2, coarse.shape[2] * 2)
    streaks = reconstruct(_as_bins(noise, fine), angles[lateral], fine, np.pi / len(angles))
    added = widened(streaks, stack.shape)
    body = stack > -300
    spreads = [float(image[inside].std()) for image, inside in zip(added, body, strict=True) if inside.any()]
    largest = max(spreads, default=0.0)
    return stack + added * np.float32(params["strength"] / largest) if largest else stack.copy()


def _as_bins(noise: Floats, shape: tuple[int, int]) -> Floats:
    """Bins centred on those of a grid of `shape`."""
    wanted = int(np.hypot(*shape)) + 4
    surplus = noise.shape[2] - wanted
    left = max(surplus // 2, 0)
    cut = noise[:, :, left : left + wanted]
    return np.pad(cut, ((0, 0), (0, 0), (0, wanted - cut.shape[2])))
