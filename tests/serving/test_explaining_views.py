"""Explaining views bring out what they are for: a ring as a line, a pattern as a point, what is faint as grey."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qc_models.check_registry import checks
from qc_models.study import Frame
from serving import explaining_views
from serving.explaining_views import VIEWS, Drawing, View, drawing, views_of

SIDE = 128
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
FRAME = Frame("1.2.3", "1.2.3.4", 0, 1, SIDE, SIDE, (), pixel_spacing_mm=(1.0, 1.0))


def view_of(view: View, values: NDArray[Any]) -> Drawing:
    shown = drawing(view, values, FRAME)
    assert shown is not None
    return shown


def noise(deviation: float) -> NDArray[np.float32]:
    return np.random.default_rng(5).normal(0, deviation, (SIDE, SIDE)).astype(np.float32)


def test_views_are_of_checks_that_are_there() -> None:
    assert set(VIEWS) <= set(checks())
    assert views_of("artifacts.ring.amplitude_hu", {}) == (explaining_views.POLAR,)
    assert views_of("metadata.uids.malformed", {}) == ()


def test_a_ring_is_a_bright_line_across_the_polar_view() -> None:
    radius = np.hypot(ROWS - 63.5, COLUMNS - 63.5)
    grey = view_of(explaining_views.POLAR, np.where(np.abs(radius - 40) < 1, 80.0, 0.0) + noise(5)).grey
    means = grey.astype(float).mean(axis=1)
    assert abs(int(means.argmax()) - 40) <= 1
    assert means.max() > np.median(means) + 60
    assert grey[40].min() > 128 + 30  # all the way round


def test_a_stripe_pattern_is_two_opposite_points_of_the_spectrum() -> None:
    stripes = 20 * np.cos(2 * np.pi * (24 * COLUMNS + 10 * ROWS) / SIDE)
    shown = view_of(explaining_views.SPECTRUM, 100 + stripes + noise(5))
    assert {(round(row), round(column)) for row, column in shown.marks} == {(74, 88), (54, 40)}
    assert shown.grey[74, 88] == 255


def test_noise_alone_has_no_point_that_is_ringed() -> None:
    assert view_of(explaining_views.SPECTRUM, 100 + noise(5)).marks == ()


def test_a_signal_in_the_air_comes_to_light() -> None:
    values = np.where(COLUMNS > 64, 1000.0, 0.0)
    values[10:20, 10:20] = 50.0
    grey = view_of(explaining_views.FAINT_SIGNAL, values).grey
    assert grey[15, 15] == pytest.approx(127, abs=1)  # half of a tenth
    assert grey[100, 100] == 255
    assert grey[100, 10] == 0


def test_the_noisy_half_is_brighter_in_the_map_of_noise() -> None:
    shown = view_of(explaining_views.NOISE_MAP, np.where(COLUMNS > 64, noise(20), noise(5)))
    quiet, loud = shown.grey[20:-20, 20:50].mean(), shown.grey[20:-20, 80:-20].mean()
    white = float(shown.scale.rpartition(" ")[2])
    assert quiet / 255 * white == pytest.approx(5, rel=0.15)
    assert loud > 1.8 * quiet


def test_shading_is_shown_without_fine_structure_and_not_where_no_signal_is() -> None:
    values = np.where(ROWS < 100, (200 + COLUMNS) * (1 + 0.5 * ((ROWS + COLUMNS) % 2)), 0)
    grey = view_of(explaining_views.SHADING, values).grey.astype(int)
    assert grey[50, 110] > grey[50, 20] + 30
    assert abs(grey[50, 60] - grey[50, 61]) <= 2
    assert grey[120, 64] == 0


@pytest.mark.parametrize(
    "view", dict.fromkeys(view for views in VIEWS.values() for view in views), ids=lambda view: view.en
)
@pytest.mark.parametrize("values", [np.zeros((40, 57)), np.full((41, 40), -1024.0), np.ones((3000, 40))])
def test_an_empty_frame_is_drawn_without_complaint(view: View, values: NDArray[Any]) -> None:
    with np.errstate(all="raise", under="ignore"):
        shown = view_of(view, values)
    assert shown.grey.dtype == np.uint8


def test_colours_and_thumbnails_have_no_view() -> None:
    assert drawing(explaining_views.POLAR, np.zeros((64, 64, 3), dtype=np.uint8), FRAME) is None
    assert drawing(explaining_views.POLAR, np.zeros((8, 8)), FRAME) is None


def test_the_map_of_a_model_lies_over_the_frame() -> None:
    digits = "".join("f" if number == 9 else "0" for number in range(64))  # second row, second column of eight
    (view,) = views_of("artifacts.seen.ring", {"map": digits})
    wide = np.full((32, 64), 100.0, np.float32)  # rows 16 to 47 of the square of 64: its cell rows 2 to 5
    shown = drawing(view, wide, FRAME)
    assert shown is not None
    assert shown.is_in_place
    hot = shown.grey[..., 0].astype(int) - shown.grey[..., 2]
    row, column = np.unravel_index(hot.argmax(), hot.shape)
    assert (row, 8 <= column < 16) == (0, True)  # the nearest to the cell above
    assert not hot[8:].any()
    assert not hot[:, 32:].any()
