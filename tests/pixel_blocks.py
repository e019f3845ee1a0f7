"""Images as blocks of a stack, run through an image check; and a head with noise whose truth is known."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qc_models.check_registry import Check
from qc_models.facts import StackFacts
from qc_models.features.curve import Curve
from qc_models.features.frame_features import FrameFeatures
from qc_models.findings import Measurement
from qc_models.pixels import Block, Unit
from tests.judged_facts import stack as stack_facts

UNITS: Mapping[str, Unit] = {"CT": "HU", "MR": "arbitrary", "XR": "exposure"}


def features(image: Any, modality: str = "MR", spacing_mm: tuple[float, float] = (0.8, 0.8)) -> FrameFeatures:
    """The features of one image [rows, columns] or of frames [frames, rows, columns]."""
    pixels = torch.as_tensor(np.asarray(image, dtype=np.float32))
    return FrameFeatures(pixels if pixels.ndim == 3 else pixels[None], None, UNITS[modality], spacing_mm)


def run(
    check: ModuleType,
    images: Any,
    modality: str = "MR",
    *,
    block: int = 16,
    spacing_mm: tuple[float, float] = (0.8, 0.8),
    padding: NDArray[np.bool_] | None = None,
    facts: StackFacts | None = None,
) -> dict[str, Measurement]:
    """What a check measures in frames [frames, rows, columns] of one stack, by the last part of the metric."""
    pixels = torch.as_tensor(np.asarray(images, dtype=np.float32))
    registered = Check("tests.check", check)
    curve = Curve(stack_facts("1.2", modality=modality, index=3) if facts is None else facts)
    for first in range(0, len(pixels), block):
        numbers = tuple(range(first, min(first + block, len(pixels))))
        part = slice(first, first + block)
        mask = None if padding is None else torch.as_tensor(padding[part])
        uids = tuple(f"1.2.{i}" for i in numbers)
        seen = Block(pixels[part], mask, UNITS[modality], spacing_mm, numbers, uids, (0,) * len(numbers))
        curve.add(seen.places, registered.look(seen))
    return {found.metric.rpartition(".")[2]: found for found in registered.finish(curve)}


def ellipse(side: int, height: float, width: float, row: float = 0.5, column: float = 0.5) -> NDArray[np.bool_]:
    """A filled ellipse in a square frame; sizes and middle as shares of the side, sizes from the middle to the rim."""
    y, x = np.mgrid[:side, :side] / side
    inside: NDArray[np.bool_] = ((y - row) / height) ** 2 + ((x - column) / width) ** 2 < 1
    return inside


def head(side: int = 256) -> NDArray[np.float64]:
    """A head without noise, 1000 in grey and 1300 in white matter, a brighter scalp, 0 in air."""
    image = np.zeros((side, side))
    image[ellipse(side, 0.40, 0.33)] = 1500
    image[ellipse(side, 0.36, 0.29)] = 1000
    for row, column in ((0.38, 0.40), (0.38, 0.60), (0.60, 0.40), (0.60, 0.60)):
        image[ellipse(side, 0.11, 0.08, row, column)] = 1300
    return image


def magnitude(image: NDArray[Any], sigma: float, seed: int = 0) -> NDArray[np.float64]:
    """The magnitude of an image with Gaussian noise in both channels: Rayleigh in air, Rician elsewhere."""
    random = np.random.default_rng(seed)
    found: NDArray[np.float64] = np.hypot(
        image + random.normal(0, sigma, image.shape), random.normal(0, sigma, image.shape)
    )
    return found


def trunk(side: int = 256, noise_hu: float = 10.0, seed: int = 0) -> NDArray[np.float64]:
    """A CT slice of a trunk in HU: soft tissue at 50 in a skin of fat, air around, white noise."""
    image = np.full((side, side), -1000.0)
    image[ellipse(side, 0.34, 0.42)] = -100
    image[ellipse(side, 0.32, 0.40)] = 50
    return image + np.random.default_rng(seed).normal(0, noise_hu, image.shape)


def radiograph(rows: int = 600, columns: int = 500, noise: float = 10.0, seed: int = 0) -> NDArray[np.float64]:
    """A radiograph: broad shapes between 500 and 3000, one steep edge, white noise."""
    y, x = np.mgrid[:rows, :columns]
    image = 1500 + 800 * np.sin(y / 90) * np.cos(x / 70)
    image[rows // 2 : rows // 2 + 100, columns // 3 : columns // 2] += 700
    return image + np.random.default_rng(seed).normal(0, noise, image.shape)
