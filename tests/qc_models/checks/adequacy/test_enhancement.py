"""Enhanced regions of known brightness and size in a trunk."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.checks.adequacy import enhancement
from qc_models.findings import Measurement
from tests.judged_facts import stack as stack_facts
from tests.pixel_blocks import ellipse, run, trunk


def with_heart(hu: float, radius: float, noise_hu: float = 12.0, seed: int = 0) -> NDArray[np.float64]:
    """A trunk of 410 mm (0.8 mm pixels) with a round chamber of a radius (share of the side) in its middle."""
    image = trunk(512, noise_hu=noise_hu, seed=seed)
    image[ellipse(512, radius, radius)] += hu - 50
    return image


@pytest.mark.parametrize("hu", [120.0, 250.0, 400.0])
def test_a_chamber_of_forty_millimetres_has_its_brightness(hu: float) -> None:
    found = run(enhancement, [with_heart(hu, 0.05, seed=seed) for seed in range(3)], "CT")
    assert found["brightest_hu"].value == pytest.approx(hu, abs=6)


def test_without_contrast_it_is_tissue() -> None:
    assert run(enhancement, [trunk(512)], "CT")["brightest_hu"].value == pytest.approx(50, abs=8)


def test_what_is_too_small_or_too_coarse_does_not_count() -> None:
    artery = with_heart(400, 0.007)  # 6 mm across
    bone = trunk(512)
    bone[ellipse(512, 0.05, 0.05)] += np.random.default_rng(1).normal(250, 150, (512, 512))[ellipse(512, 0.05, 0.05)]
    for image in (artery, bone):
        assert run(enhancement, [image], "CT")["brightest_hu"].value < 70


def test_marrow_within_its_cortex_does_not_count() -> None:
    image = trunk(512)
    image[ellipse(512, 0.045, 0.06, row=0.66)] = 900
    image[ellipse(512, 0.04, 0.055, row=0.66)] = 200
    assert run(enhancement, [image], "CT")["brightest_hu"].value < 70


def test_a_quarter_of_the_slices_decides() -> None:
    bright, plain = with_heart(300, 0.05), trunk(512)
    assert run(enhancement, [bright, plain, plain], "CT")["brightest_hu"].value == pytest.approx(300, abs=6)
    assert run(enhancement, [bright, plain, plain, plain, plain], "CT")["brightest_hu"].value < 70


@pytest.mark.parametrize(
    ("components", "names"),
    [
        (("arterial", "enhanced"), {"brightest_hu", "vessel_hu", "arterial_hu"}),
        (("portal", "enhanced"), {"brightest_hu", "vessel_hu"}),
        (("delayed", "enhanced"), {"brightest_hu"}),
        (("plain",), {"brightest_hu"}),
    ],
)
def test_vessels_are_told_of_where_they_ought_to_shine(
    components: tuple[str, ...],
    names: set[str],
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    found = list(run(enhancement, [with_heart(200, 0.05)], "CT", facts=stack_facts("1.2", *components)).values())
    assert {measurement.metric.rpartition(".")[2] for measurement in found} == names
    assert {measurement.value for measurement in found} == {found[0].value}
    assert all(all(sentences(enhancement, measurement)) for measurement in found)


def test_a_frame_without_soft_tissue_says_nothing() -> None:
    assert run(enhancement, [np.full((128, 128), -1000.0)], "CT") == {}
