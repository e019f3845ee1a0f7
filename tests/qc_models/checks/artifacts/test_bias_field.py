"""The bias field against a known field, and against what N4 of SimpleITK makes of the same image."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from qc_models.checks.artifacts import bias_field
from tests.pixel_blocks import ellipse, magnitude, run

SIDE = 128


def shaded(strength: float) -> np.ndarray:
    """A phantom with fine texture under a slow field exp(± strength)."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    texture = 1000 + 30 * np.sin(60 * x) * np.cos(55 * y)
    field = np.exp(strength * np.sin(2.6 * (x - 0.5)) * np.cos(1.3 * (y - 0.5)))
    return np.where(ellipse(SIDE, 0.42, 0.4), texture * field, 0)


@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_n4_sees_the_same_range(strength: float) -> None:
    image = magnitude(shaded(strength), 5.0)
    inside = ellipse(SIDE, 0.42, 0.4)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([50, 50, 50])
    source = sitk.GetImageFromArray(image.astype(np.float32))
    n4.Execute(source, sitk.GetImageFromArray(inside.astype(np.uint8)))
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(source))[inside]
    expected = np.exp(np.quantile(field, 0.98) - np.quantile(field, 0.02))
    assert run(bias_field, [image])["range"].value == pytest.approx(expected, rel=0.15)


def test_an_even_phantom_has_none_and_the_worst_slice_is_named() -> None:
    found = run(bias_field, [shaded(0.0), shaded(0.9), shaded(0.1)])["range"]
    assert found.detail["curve"][0][1] < 1.08
    assert found.location.slice == 1
    assert found.value > 3


@pytest.mark.parametrize("times", [2.0, 6.0])
def test_a_field_that_falls_off_to_one_side_is_measured_over_the_frame(times: float) -> None:
    y = np.mgrid[:SIDE, :SIDE][0] / SIDE
    tilted = [shaded(0.0) * np.exp(np.log(times) * y) for _ in range(3)]
    assert run(bias_field, tilted)["tilt"].value == pytest.approx(times, rel=0.1)
    assert run(bias_field, [shaded(0.0)])["tilt"].value < 1.1
