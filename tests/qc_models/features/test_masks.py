"""Morphology against SciPy-free definitions by hand, and the body found in phantoms."""

import numpy as np
import pytest
import torch

from qc_models.features import masks
from tests.pixel_blocks import ellipse, head, magnitude


def grown_by_hand(mask: np.ndarray, radius: int) -> np.ndarray:
    grown = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        grown[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1] = True
    return grown


@pytest.mark.parametrize("radius", [0, 1, 2, 5, 40])
def test_dilation_and_erosion_by_a_square(radius: int) -> None:
    mask = np.random.default_rng(1).random((20, 31)) < 0.03
    tensor = torch.tensor(mask)[None]
    assert np.array_equal(masks.dilated(tensor, radius)[0].numpy(), grown_by_hand(mask, radius))
    assert np.array_equal(masks.eroded(~tensor, radius)[0].numpy(), ~grown_by_hand(mask, radius))


def test_otsu_parts_two_classes_whatever_a_few_bright_pixels() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate((random.normal(10, 1, 5000), random.normal(50, 5, 3000), [4000.0]))
    threshold = masks.otsu(torch.tensor(values, dtype=torch.float32)[None]).item()
    assert 14 < threshold < 36


def test_a_ring_is_closed_and_an_open_bay_is_not() -> None:
    ring = ellipse(64, 0.4, 0.4) & ~ellipse(64, 0.3, 0.3)
    closed = masks.without_holes(torch.tensor(ring)[None])[0].numpy()
    assert np.array_equal(closed, ellipse(64, 0.4, 0.4))
    open_below = torch.zeros(1, 9, 9, dtype=torch.bool)
    open_below[0, 2:, (2, 6)] = True
    assert not masks.without_holes(open_below)[0, 5, 4]


def test_the_body_of_a_ct_is_taken_without_its_table() -> None:
    hu = np.full((128, 128), -1000.0)
    body = ellipse(128, 0.3, 0.35)
    hu[body] = 40
    hu[ellipse(128, 0.1, 0.1)] = -850  # lung
    hu[106:108, 10:118] = 200  # table
    hu[112:122, 20:110] = 100  # a thicker one, apart
    found = masks.ct_body(torch.tensor(hu, dtype=torch.float32)[None], 3.0)[0].numpy()
    assert (found ^ body).mean() < 0.01


@pytest.mark.parametrize("sigma", [20, 80])
def test_head_and_air_of_an_mr_image(sigma: float) -> None:
    image = torch.tensor(magnitude(head(128), sigma), dtype=torch.float32)[None]
    body = masks.mr_body(image)
    truth = head(128) > 0
    assert (body[0].numpy() ^ truth).mean() < 0.02
    air = masks.mr_air(image, image, body)[0].numpy()
    assert air.mean() > 0.3
    assert not (air & truth).any()


def test_a_frame_without_dark_noisy_air_has_none() -> None:
    full = torch.rand(1, 128, 128) * 200 + 800
    assert not masks.mr_air(full, full, masks.mr_body(full)).any()
    blanked = torch.tensor(head(128), dtype=torch.float32)[None]
    assert not masks.mr_air(blanked, blanked, masks.mr_body(blanked)).any()
