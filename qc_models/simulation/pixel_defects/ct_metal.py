"""Metal and dense bone in CT: what a beam of many energies and too few photons makes of them."""

import numpy as np

from qc_models.simulation.pixel_defects.parallel_projection import project, reconstruct, shrunk, view_angles, widened
from qc_models.simulation.pixel_defects.pixel_defect import Floats, Params, Scene

# Linear attenuation in 1/mm at 50 and 90 keV (NIST XCOM: water; titanium of 4.5 g/cm3).
_WATER = (0.0227, 0.0177)
_TITANIUM = (0.55, 0.14)
_METAL_HU = 3071.0
_PHOTONS = 2e6  # of a ray through air
_WATER_HARDENS = 0.05  # for a dense bone's 1: what the scanner's correction for water leaves
_BONE_HU = 250.0
_BODY_HU = -300.0


def draw_metal(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the metal's thickness in mm; one or two pieces, two to four times as long, lie in bone if there is any."""
    count = 1 + int(rng.random() < 0.5)
    return {
        "places": [float(value) for value in rng.random(count)],
        "angles": [float(value) for value in rng.uniform(0, np.pi, count)],
        "aspects": [float(value) for value in rng.uniform(2, 4, count)],
        "depth": float(rng.uniform(0.3, 0.7)),
        "height_mm": float(strength * rng.uniform(2, 4)),
        "seed": int(rng.integers(2**32)),
        "spacing_mm": [float(value) for value in scene.spacing_mm],
    }


def add_metal(stack: Floats, params: Params) -> Floats:
    """Puts titanium into the slices about a height, with the streaks of beam hardening and photon starvation.

    Projections of body and metal at two energies, with Poisson noise, less those of the body alone, are reconstructed as the
    error (De Man et al., IEEE Trans Nucl Sci 1999). Values end at 3071 HU.
    """
    slice_mm, row_mm, column_mm = params["spacing_mm"]
    middle = round(params["depth"] * (len(stack) - 1))
    reach = int(params["height_mm"] / 2 / slice_mm)
    touched = slice(max(middle - reach, 0), middle + reach + 1)
    part = stack[touched]
    coarse, block = shrunk(np.clip(part, -1000.0, 2000.0), 256)
    cover = _pieces(stack[middle], params, (row_mm, column_mm))
    metal, _ = shrunk(cover[None], 256)
    angles = view_angles(240)
    pixel_mm = np.float32(block * row_mm)
    path = project((coarse + np.float32(1000)) / np.float32(1000), angles) * pixel_mm
    through = project(metal, angles) * pixel_mm
    error = _measured(path, through, np.random.default_rng(params["seed"])) - _measured(path, 0.0 * through, None)
    error -= through * np.float32(_TITANIUM[1])
    error[:, through[0] <= 0] = 0
    wrong = reconstruct(error, angles, (coarse.shape[1], coarse.shape[2])) / (pixel_mm * np.float32(_WATER[1])) * 1000
    result = stack.copy()
    result[touched] += widened(wrong, part.shape)
    result[touched] = np.clip(result[touched] * (1 - cover) + _METAL_HU * cover, np.minimum(part, -1024), _METAL_HU)
    return result


def draw_beam_hardening(rng: np.random.Generator, scene: Scene, strength: float) -> Params:
    """Strength is the depth in HU of the dark bands in soft tissue; nothing is left to chance."""
    return {}


def add_beam_hardening(stack: Floats, params: Params) -> Floats:
    """Darkens what lies between dense bones, and the middle of the body a little where there are none.

    The second-order error of a polychromatic projection, −(∫bone + 0.05·∫water)², is reconstructed and scaled so that its first
    percentile in soft tissue is the strength (Joseph and Spital, J Comput Assist Tomogr 1978). Bone loses at most twice as much.
    """
    coarse, _ = shrunk(np.clip(stack, -1000.0, 2000.0), 128)
    angles = view_angles(160)
    hardening = np.maximum(coarse - 150, 0) / 1000 + _WATER_HARDENS * np.clip(
        (coarse + np.float32(1000)) / np.float32(1000), 0, 1
    )
    error = -(project(hardening, angles) ** 2)
    error[:, :, 1:-1] = (error[:, :, :-2] + 2 * error[:, :, 1:-1] + error[:, :, 2:]) / 4  # of a coarse grid's weave
    bands = reconstruct(error, angles, (coarse.shape[1], coarse.shape[2]))
    soft = (coarse > -200) & (coarse < 150)
    depth = -float(np.percentile(bands[soft], 1)) if soft.any() else 0.0
    if depth <= 0:
        return stack.copy()
    strength = params["strength"]
    return stack + widened(np.clip(bands * np.float32(strength / depth), -2 * strength, 0.4 * strength), stack.shape)


def _measured(path: Floats, metal: Floats, rng: np.random.Generator | None) -> Floats:
    """Line integrals as a detector without energy resolution gives them, with photon noise where there is an `rng`."""
    shares = [np.exp(-water * path - titanium * metal) for water, titanium in zip(_WATER, _TITANIUM, strict=True)]
    transmitted = (shares[0] + shares[1]) / 2
    if rng is not None:
        # A detector reads at least its dark current, here one photon.
        transmitted = np.maximum(rng.poisson(transmitted * _PHOTONS), 1.0) / _PHOTONS
    return -np.log(transmitted).astype(np.float32)


def _pieces(image: Floats, params: Params, pixel_mm: tuple[float, float]) -> Floats:
    """Share of metal in each pixel: ellipses centred on bone, or on any tissue, or in the middle of an empty picture."""
    rows, columns = (np.arange(size, dtype=np.float32) for size in image.shape)
    candidates = np.flatnonzero(image > _BONE_HU)
    if not len(candidates):
        candidates = np.flatnonzero(image > _BODY_HU)
    cover = np.zeros_like(image)
    for place, angle, aspect in zip(params["places"], params["angles"], params["aspects"], strict=True):
        chosen = candidates[int(place * len(candidates))] if len(candidates) else image.size // 2 + image.shape[1] // 2
        down = ((rows - chosen // image.shape[1]) * pixel_mm[0])[:, None]
        right = ((columns - chosen % image.shape[1]) * pixel_mm[1])[None]
        along, across = down * np.sin(angle) + right * np.cos(angle), down * np.cos(angle) - right * np.sin(angle)
        half = params["strength"] / 2
        inside = half - np.hypot(along / aspect, across)
        cover = np.maximum(
            cover, np.clip(inside / pixel_mm[0] + 0.5, 0, 1) * min(1.0, params["strength"] / pixel_mm[0])
        )
    return cover.astype(np.float32)
