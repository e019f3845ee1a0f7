"""Drawing analytic shapes: volumes and path lengths against geometry done by hand."""

import math

import numpy as np
import pytest

from qc_models.simulation.shapes import Shape, draw_labels, ellipsoid, mirrored, plane_grid, ray_lengths, rod
from qc_models.simulation.tissues import TISSUE_INDEX


def drawn_volume_mm3(shape: Shape, step_mm: float = 1.0) -> float:
    size = int(80 / step_mm)
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (80, 80), (size, size), size, step_mm)
    return int((draw_labels([shape], grid) > 0).sum()) * step_mm**3


def test_an_ellipsoid_fills_its_volume() -> None:
    expected = 4 / 3 * math.pi * 20 * 15 * 30
    assert drawn_volume_mm3(ellipsoid("fat", "air", (1, 2, 3), (20, 15, 30))) == pytest.approx(expected, rel=0.01)
    turned = ellipsoid("fat", "air", (1, 2, 3), (20, 15, 30), tilt_deg=(30, 40, 50))
    assert drawn_volume_mm3(turned) == pytest.approx(expected, rel=0.01)


def test_a_slanted_rod_fills_its_volume() -> None:
    length = math.dist((-10, -12, -20), (14, 8, 22))
    shape = rod("fat", "air", (-10, -12, -20), (14, 8, 22), 9)
    assert drawn_volume_mm3(shape) == pytest.approx(math.pi * 81 * length, rel=0.02)


def test_the_last_shape_covers_earlier_ones_and_air_is_0() -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (40, 40), (41, 41), 1, 1)
    shapes = [ellipsoid("fat", "air", (0, 0, 0), (15, 15, 15)), ellipsoid("muscle", "fat", (0, 0, 0), (5, 5, 5))]
    labels = draw_labels(shapes, grid)[0]
    assert labels[20, 20] == TISSUE_INDEX["muscle"]
    assert labels[20, 30] == TISSUE_INDEX["fat"]
    assert labels[0, 0] == TISSUE_INDEX["air"] == 0


def test_any_plane_shows_the_same_body() -> None:
    shape = ellipsoid("fat", "air", (5, -8, 12), (20, 9, 14))
    axial = plane_grid((0, 0, 12), (1, 0, 0), (0, 1, 0), (81, 81), (81, 81), 1, 1)
    coronal = plane_grid((0, -8, 0), (1, 0, 0), (0, 0, -1), (81, 81), (81, 81), 1, 1)
    assert draw_labels([shape], axial).sum() == pytest.approx(math.pi * 20 * 9 * TISSUE_INDEX["fat"], rel=0.03)
    assert draw_labels([shape], coronal).sum() == pytest.approx(math.pi * 20 * 14 * TISSUE_INDEX["fat"], rel=0.03)


def test_rays_through_the_middle_have_the_length_of_the_shape() -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 0, -1), (101, 101), (101, 101), 1, 1)
    box, lengths = ray_lengths(ellipsoid("fat", "air", (0, 5, 0), (20, 13, 17)), grid)  # type: ignore[misc]
    whole = np.zeros((101, 101))
    whole[box] = lengths
    assert whole[50, 50] == pytest.approx(26, abs=0.01)
    assert whole.sum() == pytest.approx(4 / 3 * math.pi * 20 * 13 * 17, rel=0.01)
    assert whole[50, 75] == 0


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        ((0.0, -30.0, 0.0), (0.0, 20.0, 0.0), 50),
        ((-25.0, 0.0, 0.0), (25.0, 0.0, 0.0), 16),
        ((0.0, 0.0, -9.0), (0.0, 0.0, 9.0), 16),
    ],
)
def test_rays_along_and_across_a_rod(
    start: tuple[float, float, float], end: tuple[float, float, float], length: float
) -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 0, -1), (101, 101), (101, 101), 1, 1)
    box, lengths = ray_lengths(rod("fat", "air", start, end, 8), grid)  # type: ignore[misc]
    assert lengths[50 - box[0].start, 50 - box[1].start] == pytest.approx(length, abs=0.01)


def test_a_mirror_image_lies_on_the_other_side() -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (81, 81), (81, 81), 1, 1)
    shape = ellipsoid("fat", "air", (15, 3, 0), (12, 6, 9), tilt_deg=(0, 0, 30))
    left, right = draw_labels([shape], grid)[0], draw_labels(mirrored([shape]), grid)[0]
    assert np.array_equal(right, left[:, ::-1])
    assert left[:, :40].sum() == 0


def test_a_reversed_grid_holds_the_same_slices() -> None:
    grid = plane_grid((0, 0, 0), (1, 0, 0), (0, 1, 0), (40, 40), (20, 20), 5, 3)
    shape = ellipsoid("fat", "air", (0, 0, 4), (9, 9, 9))
    assert np.array_equal(draw_labels([shape], grid.reversed()), draw_labels([shape], grid)[::-1])
    assert np.allclose(grid.reversed().position_mm(0), grid.position_mm(4))
