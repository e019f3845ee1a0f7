"""Artifact voxels in air: none in noise, all of a patch."""

import numpy as np
import pytest

from qc_models.checks.artifacts import background
from tests.pixel_blocks import features, head, magnitude, run


def test_noise_alone_is_no_artifact() -> None:
    assert run(background, [magnitude(head(), 20.0, seed) for seed in range(4)])["share"].value < 0.0005


def test_a_patch_counts_with_its_area() -> None:
    image = head()
    image[8:40, 8:56] += 150  # a corner, in air
    noisy = magnitude(image, 20.0)
    area = 32 * 48 / 4 / features(noisy).air.sum().item()  # cells of 2 x 2
    assert run(background, [noisy])["share"].value == pytest.approx(area, rel=0.15)


def test_lone_bright_voxels_are_noise() -> None:
    image = magnitude(head(), 20.0)
    image[10:40:8, 10:250:8] = 900
    assert run(background, [image])["share"].value < 0.0005


def test_air_set_to_zero_is_not_measured() -> None:
    assert run(background, [np.where(head() > 0, head(), 0)]) == {}
