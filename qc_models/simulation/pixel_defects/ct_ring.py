"""Rings of badly calibrated detector elements in CT."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene


def draw_rings(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the amplitude in HU of the strongest ring; three to five rings or arcs about the isocentre."""
    count = int(rng.integers(3, 6))
    half = min(scene.shape[1] * scene.spacing_mm[1], scene.shape[2] * scene.spacing_mm[2]) / 2
    weights = rng.uniform(0.5, 1.0, count)
    return {
        "radii_mm": [float(value) for value in rng.uniform(0.05, 0.6, count) * half],
        "weights": [float(value) for value in weights / weights.max() * rng.choice([-1, 1], count)],
        "width_mm": float(max(rng.uniform(0.9, 1.8), scene.spacing_mm[1])),
        "arc_starts": [float(value) for value in rng.uniform(0, 2 * np.pi, count)],
        "arc_lengths": [
            float(value) for value in np.where(rng.random(count) < 0.6, 2 * np.pi, rng.uniform(2, 5, count))
        ],
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def add_rings(stack: Floats, params: Params) -> Floats:
    """Adds the same rings to every slice: a gain error of one element stays at its radius (Sijbers, Phys Med Biol 2004)."""
    rows, columns = (
        (np.arange(size) - (size - 1) / 2) * step
        for size, step in zip(stack.shape[1:], params["pixel_mm"], strict=True)
    )
    radius = np.hypot(rows[:, None], columns[None])
    angle = np.arctan2(rows[:, None], columns[None])
    rings = np.zeros(stack.shape[1:])
    for place, weight, start, length in zip(
        params["radii_mm"], params["weights"], params["arc_starts"], params["arc_lengths"], strict=True
    ):
        profile = weight * np.exp(-(((radius - place) / (0.6 * params["width_mm"])) ** 2))
        rings += np.where((angle - start) % (2 * np.pi) <= length, profile, 0)
    changed: Floats = stack + (params["strength"] * rings / max(np.abs(rings).max(), 1e-6)).astype(np.float32)
    return changed
