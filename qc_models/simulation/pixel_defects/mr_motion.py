"""Motion in MR: poses that change between lines of k-space, and the ghosts of a periodic movement."""

import numpy as np

from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene

_DEGREES_PER_MM = 0.5  # of a head: 1 mm at the forehead goes with about half a degree


def draw_rigid_motion(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the farthest displacement in mm; two to four sudden changes of pose, with half a degree of turn a millimetre."""
    count = int(rng.integers(2, 5))
    poses = np.cumsum(rng.normal(0, 1, (count, 3)), axis=0)
    poses[:, :2] *= strength / np.hypot(poses[:, 0], poses[:, 1]).max()
    poses[:, 2] *= strength * _DEGREES_PER_MM / np.abs(poses[:, 2]).max()
    return {
        "axis": scene.encoding_axis(rng),
        "poses_mm_mm_degrees": [[float(value) for value in pose] for pose in poses],
        "changes": [float(value) for value in np.sort(rng.uniform(0.05, 0.95, count))],
        "shots": int(rng.integers(6, 17)) if rng.random() < 0.6 else 1,
        "pixel_mm": [float(value) for value in scene.spacing_mm[1:]],
    }


def add_rigid_motion(stack: Floats, params: Params) -> Floats:
    """Takes each line of k-space from the body as it lay then; interleaved shots give ghosts, one shot gives ringing.

    The middle of k-space is always that of the first pose, as the eye would register the picture. Same poses in every slice
    (Batchelor et al., Magn Reson Med 2005).
    """
    axis, shots = params["axis"], params["shots"]
    lines = stack.shape[axis]
    number = np.arange(lines)
    order = np.empty(lines)
    order[np.lexsort((number, number % shots))] = number / lines  # the time at which a line was measured
    pose_of_line = np.searchsorted(params["changes"], order)
    pose_of_line[np.abs(number - lines // 2) < max(lines // 64, 1)] = 0
    pose_of_line = np.fft.ifftshift(pose_of_line)
    shape = [1, 1]
    shape[axis - 1] = lines
    result = np.empty_like(stack)
    for index, image in enumerate(stack):
        spectrum = np.fft.fft2(image)
        for pose, (down_mm, right_mm, degrees) in enumerate(params["poses_mm_mm_degrees"], start=1):
            moved = _moved_spectrum(image, (down_mm, right_mm), degrees, params["pixel_mm"])
            spectrum = np.where((pose_of_line == pose).reshape(shape), moved, spectrum)
        result[index] = np.abs(np.fft.ifft2(spectrum))
    return result


def draw_ghost(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the first ghost's signal as a share of what it is the ghost of."""
    return {
        "axis": scene.encoding_axis(rng),
        "shift": float(rng.uniform(0.12, 0.42)),
        "phase": float(rng.uniform(0, 2 * np.pi)),
    }


def add_ghost(stack: Floats, params: Params) -> Floats:
    """Modulates lines of k-space with one frequency: copies at one shift to both sides, and weaker ones at twice the shift.

    Written as the sum of shifted pictures that such a modulation is (Wood and Henkelman, Med Phys 1985).
    """
    axis = params["axis"]
    shift = max(round(params["shift"] * stack.shape[axis]), 1)
    ratio = params["strength"] * np.exp(1j * params["phase"])
    result = np.empty_like(stack)
    for index, image in enumerate(stack):
        first = np.roll(image, shift, axis - 1) + np.roll(image, -shift, axis - 1)
        second = np.roll(image, 2 * shift, axis - 1) + np.roll(image, -2 * shift, axis - 1)
        result[index] = np.abs(image + ratio * first + ratio**2 * second)
    return result


def _moved_spectrum(image: Floats, shift_mm: tuple[float, float], degrees: float, pixel_mm: list[float]) -> np.ndarray:
    """The Fourier transform of a picture after a turn about its middle and a shift."""
    rows, columns = image.shape
    down, right = np.arange(rows)[:, None] - (rows - 1) / 2, np.arange(columns)[None] - (columns - 1) / 2
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    place_down = np.clip(cosine * down - sine * right + (rows - 1) / 2, 0, rows - 1.001)
    place_right = np.clip(sine * down + cosine * right + (columns - 1) / 2, 0, columns - 1.001)
    top, left = place_down.astype(int), place_right.astype(int)
    lower, further = place_down - top, place_right - left
    turned = (image[top, left] * (1 - further) + image[top, left + 1] * further) * (1 - lower) + (
        image[top + 1, left] * (1 - further) + image[top + 1, left + 1] * further
    ) * lower
    ramp = np.fft.fftfreq(rows, pixel_mm[0])[:, None] * shift_mm[0] + np.fft.fftfreq(columns, pixel_mm[1]) * shift_mm[1]
    moved: np.ndarray = np.fft.fft2(turned) * np.exp(-2j * np.pi * ramp)
    return moved
