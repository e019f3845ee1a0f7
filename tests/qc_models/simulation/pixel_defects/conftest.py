"""Pictures made of simple shapes, whose defects can be worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray


def ellipse(size: int, high: float, wide: float, down: float = 0.0, right: float = 0.0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return ((rows - down) / high) ** 2 + ((columns - right) / wide) ** 2 <= 1


@pytest.fixture(scope="session")
def stacks() -> dict[str, NDArray[np.float32]]:
    """By modality: a trunk with two dense bones in HU, a head with a bright rim, a radiograph of a bone in soft tissue."""
    rng = np.random.default_rng(7)
    ct = np.full((6, 128, 128), -1000, np.float32)
    ct[:, ellipse(128, 0.55, 0.85)] = 40
    for side in (-0.5, 0.5):
        ct[:, ellipse(128, 0.15, 0.12, 0.1, side)] = 900
    mr = np.full((4, 96, 96), 4, np.float32)
    mr[:, ellipse(96, 0.8, 0.65)] = 600
    mr[:, ellipse(96, 0.72, 0.57)] = 90
    mr[:, ellipse(96, 0.3, 0.2)] = 300
    mr += rng.uniform(0, 4, mr.shape).astype(np.float32)
    rows = np.linspace(0, 1, 160)[:, None]
    xr = np.broadcast_to(200 + 300 * rows, (160, 160)).astype(np.float32)[None].copy()
    xr[0, ellipse(160, 0.9, 0.5)] += 1200
    xr[0, ellipse(160, 0.8, 0.15)] += 1200
    return {"CT": ct, "MR": mr, "XR": xr}
