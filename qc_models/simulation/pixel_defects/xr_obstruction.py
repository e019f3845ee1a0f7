"""What stands in the way of a radiograph: a collimator blade across the part, jewellery, buttons, wires."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene
from qc_models.simulation.pixel_defects.signal_level import grey_range


def draw_collimation_cut(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the share of the open field that one blade covers, shown white as it came or black as a shutter leaves it."""
    axis = int(rng.integers(1, 3))
    return {
        "axis": axis,
        "far_side": bool(rng.random() < 0.5),
        "white": bool(rng.random() < 0.5),
        "penumbra_pixels": float(rng.uniform(1, 3) / scene.spacing_mm[axis]),
    }


def cut_collimation(stack: Floats, params: Params) -> Floats:
    """Covers one side with a blade whose edge is a few millimetres soft.

    Many pictures have black borders where other blades are: a blade that moves behind them would hide nothing.
    """
    low, high = grey_range(stack)
    size = stack.shape[params["axis"]]
    before, behind = _covered(stack, params["axis"], 0.05 * (high - low))
    deep = (behind if params["far_side"] else before) + params["strength"] * (size - before - behind)
    place = np.arange(size) if not params["far_side"] else np.arange(size)[::-1]
    cover = np.clip((deep - place) / max(params["penumbra_pixels"], 0.5) + 0.5, 0, 1)
    cover = (cover[:, None] if params["axis"] == 1 else cover[None]).astype(np.float32)
    changed: Floats = stack * (1 - cover) + np.float32(high if params["white"] else low) * cover
    return changed


def _covered(stack: Floats, axis: int, tolerance: float) -> tuple[int, int]:
    """How many lines at both ends of an axis are flat and as bright as the outermost, a tenth at each end left out."""
    lines = np.moveaxis(stack, axis, 0).reshape(stack.shape[axis], -1)
    low, middle, high = np.percentile(lines, [10, 50, 90], axis=1)

    def run(order: slice) -> int:
        even = (high - low < tolerance) & (np.abs(middle - middle[order][0]) < tolerance)
        return 0 if even.all() else int(np.argmin(even[order]))

    return run(slice(None)), run(slice(None, None, -1))


def draw_foreign_object(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is how much brighter the object is, as a share of the grey range: 0.1 plastic, 0.3 thin metal, 1 thick.

    What absorbs more is also larger: 0.5 + strength times the size of a common wire, bead or button.
    """
    kind = ("necklace", "button", "wire")[int(rng.integers(3))]
    return {
        "kind": kind,
        "middle": [float(value) for value in rng.uniform(0.3, 0.6, 2)],
        "reach": [float(value) for value in rng.uniform(0.2, 0.4, 2)],
        "lean": float(rng.uniform(-0.2, 0.2)),
        "count": int(rng.integers(1, 5)),
        "radius_mm": float(
            {"necklace": 2.0, "button": 7.0, "wire": 0.9}[kind] * rng.uniform(0.8, 1.3) * (0.5 + strength)
        ),
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def add_foreign_object(stack: Floats, params: Params) -> Floats:
    """Lays a necklace, some buttons or a wire with its electrode over the part; no brighter than the brightest grey."""
    low, high = grey_range(stack)
    pixel_mm = params["pixel_mm"]
    rows, columns = (size * step for size, step in zip(stack.shape[1:], pixel_mm, strict=True))
    radius = max(params["radius_mm"], 0.7 * pixel_mm[0])
    down, right = params["middle"][0] * rows, params["middle"][1] * columns
    deep, wide = params["reach"][0] * rows, params["reach"][1] * columns
    shadow = np.zeros(stack.shape[1:], np.float32)
    if params["kind"] == "button":
        for number in range(params["count"]):
            y, x = down + number * deep / 2, right + number * params["lean"] * deep / 2
            _stamp(shadow, y, x, radius, pixel_mm, 1.0)
            for hole in range(4):
                angle = np.pi * (hole / 2 + 0.25)
                _stamp(
                    shadow,
                    y + radius * 0.3 * np.sin(angle),
                    x + radius * 0.3 * np.cos(angle),
                    radius * 0.14,
                    pixel_mm,
                    0.0,
                )
    else:
        along = np.linspace(-1, 1, 4000)
        if params["kind"] == "necklace":
            y, x = down - deep / 2 + deep * (1 - along**2), right + wide / 2 * along * (1.2 - 0.2 * along**2)
            step = 2.5 * radius
        else:
            y = down + deep * (along + params["lean"] * np.sin(5 * along))
            x = right + wide * (0.6 * along**2 + params["lean"] * along)
            step = 0.3 * radius
            _stamp(shadow, float(y[-1]), float(x[-1]), 6.0, pixel_mm, 0.7)
        way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(y), np.diff(x)))])
        for place in np.arange(0, way[-1], step):
            _stamp(shadow, float(np.interp(place, way, y)), float(np.interp(place, way, x)), radius, pixel_mm, 1.0)
    brighter = stack + np.float32(params["strength"] * (high - low)) * shadow
    return np.minimum(brighter, np.maximum(stack, high))


def _stamp(
    shadow: Floats, down_mm: float, right_mm: float, radius_mm: float, pixel_mm: list[float], level: float
) -> None:
    """Draws one disc with soft edges in place: the higher level stays, unless it is 0, a hole."""
    windows = []
    for centre, step, size in zip((down_mm, right_mm), pixel_mm, shadow.shape, strict=True):
        first = max(int((centre - radius_mm) / step) - 1, 0)
        windows.append(slice(first, max(min(int((centre + radius_mm) / step) + 2, size), first)))
    rows, columns = (
        np.arange(window.start, window.stop) * step for window, step in zip(windows, pixel_mm, strict=True)
    )
    distance = np.hypot(rows[:, None] - down_mm, columns[None] - right_mm)
    cover = np.clip((radius_mm - distance) / pixel_mm[0] + 0.5, 0, 1).astype(np.float32)
    part = shadow[windows[0], windows[1]]
    part[...] = np.maximum(part, level * cover) if level else part * (1 - cover)
