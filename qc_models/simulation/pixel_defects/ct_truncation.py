"""A body that reaches beyond the CT scan field: it is cut, with a bright rim at the edge."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene

_BODY_HU = -300.0
_AIR_HU = -1000.0


def draw_truncation(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the share of the body that lies outside the scan field."""
    return {
        "shift_mm": [float(value) for value in rng.normal(0, 8, 2)],
        "rim_hu": float(rng.uniform(250, 500)),
        "rim_mm": float(rng.uniform(6, 14)),
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def cut_field(stack: Floats, params: Params) -> Floats:
    """Leaves air outside a circle and brightens the rim inside it where body was cut (Ohnesorge et al., Med Phys 2000)."""
    rows, columns = (
        (np.arange(size) - (size - 1) / 2) * step - shift
        for size, step, shift in zip(stack.shape[1:], params["pixel_mm"], params["shift_mm"], strict=True)
    )
    radius = np.hypot(rows[:, None], columns[None]).astype(np.float32)
    body = stack > _BODY_HU
    if not body.any():
        return stack.copy()
    edge = float(np.quantile(np.broadcast_to(radius, stack.shape)[body], 1 - params["strength"]))
    sector = (np.arctan2(rows[:, None], columns[None]) / np.pi * 180 % 360).astype(int)
    outside = radius > edge
    near = outside & (radius < edge + 6)
    rim = (params["rim_hu"] * np.exp(-np.maximum(edge - radius, 0) / params["rim_mm"])).astype(np.float32)
    kernel = np.hanning(25) / np.hanning(25).sum()
    result = stack.copy()
    for image, inside in zip(result, body, strict=True):
        cut = np.bincount(sector[near], inside[near], 360) / np.maximum(np.bincount(sector[near], minlength=360), 1)
        smooth = np.convolve(np.concatenate([cut[-12:], cut, cut[:12]]), kernel, "valid")
        image += np.where(inside, rim * smooth[sector].astype(np.float32), 0)
        image[outside] = np.minimum(image[outside], _AIR_HU)
    return result
