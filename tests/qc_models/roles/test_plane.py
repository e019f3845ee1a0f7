"""Planes from normals."""

import math

import pytest

from qc_models.roles.plane import nearest_plane_of, plane_of


@pytest.mark.parametrize(
    ("normal", "plane", "nearest"),
    [
        ((0.0, 0.0, 1.0), "axial", "axial"),
        ((0.0, 0.0, -1.0), "axial", "axial"),
        ((-1.0, 0.0, 0.0), "sagittal", "sagittal"),
        ((0.0, 1.0, 0.0), "coronal", "coronal"),
        ((0.0, math.sin(math.radians(34)), math.cos(math.radians(34))), "axial", "axial"),
        ((0.0, math.sin(math.radians(36)), math.cos(math.radians(36))), "oblique", "axial"),
        ((-0.726, 0.546, 0.418), "oblique", "sagittal"),  # a short axis of the heart
        (None, None, None),
    ],
)
def test_planes(normal: tuple[float, float, float] | None, plane: str | None, nearest: str | None) -> None:
    assert plane_of(normal) == plane
    assert nearest_plane_of(normal) == nearest
