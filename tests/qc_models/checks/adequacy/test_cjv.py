"""Joint variation of two tissues of known means and noise."""

import numpy as np
import pytest
import torch

from qc_models.checks.adequacy import cjv
from tests.judged_facts import stack as stack_facts
from tests.pixel_blocks import features, head, magnitude, run


def test_formula_by_hand() -> None:
    values = (torch.tensor(float(number)) for number in (100, 10, 160, 20))
    assert cjv.joint_variation(*values).item() == pytest.approx(0.5)


def test_numpy_agrees_on_the_same_classes() -> None:
    image = magnitude(head(), 40.0)
    frames = features(image)
    dark, bright = (frames.samples[0].numpy()[mask[0].numpy()] for mask in frames.tissue_classes)
    expected = (dark.std(ddof=1) + bright.std(ddof=1)) / abs(dark.mean() - bright.mean())
    assert run(cjv, [image])["coefficient"].value == pytest.approx(expected, rel=0.01)


def test_known_tissues_and_noise() -> None:
    value = run(cjv, [magnitude(head(), 30.0)])["coefficient"].value
    assert value == pytest.approx(2 * 30 / 300, rel=0.15)  # the tails that are cut off take a little


def test_noise_without_contrast_lies_near_three_quarters() -> None:
    image = np.where(head() > 0, 1000.0, 0.0)
    assert run(cjv, [magnitude(image, 30.0)])["coefficient"].value == pytest.approx(0.7, abs=0.1)


def test_weighted_images_of_brains_alone() -> None:
    assert cjv.applies(stack_facts("1", region=("brain",), modality="MR", role="T1"))
    assert not cjv.applies(stack_facts("1", region=("knee",), modality="MR", role="T1"))
    assert not cjv.applies(stack_facts("1", region=("brain",), modality="MR", role="DWI"))
