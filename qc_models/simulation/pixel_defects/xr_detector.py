"""Faults between patient and picture of a radiograph: lines of a grid, a grid out of focus, dead detector lines."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import grey_range
from qc_models.simulation.pixel_defects.xr_exposure import LATITUDE, share_not_black


def draw_grid_lines(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the amplitude of the lines as a share of the grey range; a standing grid beats with the pixels."""
    return {
        "axis": int(rng.integers(1, 3)),
        "cycles_a_pixel": float(rng.uniform(0.04, 0.25)),
        "phase": float(rng.uniform(0, 2 * np.pi)),
    }


def add_grid_lines(stack: Floats, params: Params) -> Floats:
    """Adds straight lines of one spatial frequency over the whole picture."""
    low, high = grey_range(stack)
    place = np.arange(stack.shape[params["axis"]])
    wave = params["strength"] * (high - low) * np.sin(2 * np.pi * params["cycles_a_pixel"] * place + params["phase"])
    changed: Floats = stack + (wave[:, None] if params["axis"] == 1 else wave[None]).astype(np.float32)
    return changed


def draw_grid_cutoff(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the share of primary radiation lost at the worst edge: of one side (decentred), or of both (out of focus)."""
    return {"axis": int(rng.integers(1, 3)), "side": int(rng.choice([-1, 0, 1]))}


def add_grid_cutoff(stack: Floats, params: Params) -> Floats:
    """Loses radiation in proportion to the distance from the grid's focus: brighter towards the edge. Black stays."""
    low, high = grey_range(stack)
    place = np.linspace(-1, 1, stack.shape[params["axis"]])
    side = params["side"]
    lost = params["strength"] * (np.abs(place) if side == 0 else (1 + side * place) / 2)
    added = -np.log(np.maximum(1 - lost, 0.01)) / LATITUDE * (high - low)
    brighter = np.minimum(stack + (added[:, None] if params["axis"] == 1 else added[None]), stack.max())
    changed: Floats = (stack + share_not_black(stack, low, high) * (brighter - stack)).astype(np.float32)
    return changed


def draw_dead_lines(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the number of dead rows or columns of the detector, black or white."""
    axis = int(rng.integers(1, 3))
    size = scene.shape[axis]
    places = rng.permutation(size)[: max(round(strength), 0)]
    return {
        "axis": axis,
        "places": [int(place) for place in places],
        "white": [bool(value) for value in rng.random(size)[: len(places)] < 0.5],
        "width": max(round(size / 1000), 1),
    }


def add_dead_lines(stack: Floats, params: Params) -> Floats:
    """Replaces whole lines by the darkest or brightest grey; a line is a thousandth of the picture wide, at least a pixel."""
    low, high = grey_range(stack)
    result = stack.copy()
    view = np.moveaxis(result, params["axis"], 0)
    for place, white in zip(params["places"], params["white"], strict=True):
        view[place : place + params["width"]] = high if white else low
    return result
