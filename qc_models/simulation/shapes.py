"""Analytic shapes in body coordinates (DICOM patient axes, mm), drawn as tissue labels on any grid or as path lengths of rays.

Anatomy is a list of shapes in painting order. Each names the tissue that it is and the tissue that it lies in, so that one list
serves slices (later shapes cover earlier ones) and radiographs (each adds its difference to the tissue around it).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qc_models.simulation.tissues import TISSUE_INDEX

Point = tuple[float, float, float]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Parallel image planes: `origin_mm` is the centre of the first voxel, rows run along `column_step_mm`.

    Steps are vectors in mm between neighbours: along a row, down a column, from slice to slice.
    """

    origin_mm: Point
    row_step_mm: Point
    column_step_mm: Point
    slice_step_mm: Point
    rows: int
    columns: int
    slices: int

    @property
    def steps_mm(self) -> NDArray[np.float64]:
        """3×3: the steps of slice, row index and column index, one a row."""
        return np.array([self.slice_step_mm, self.column_step_mm, self.row_step_mm])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return self.slices, self.rows, self.columns

    @property
    def field_mm(self) -> tuple[float, float]:
        """Height and width of its planes."""
        height, width = np.linalg.norm(self.column_step_mm) * self.rows, np.linalg.norm(self.row_step_mm) * self.columns
        return float(height), float(width)

    @property
    def center_mm(self) -> Point:
        """The middle of the volume."""
        half = [(size - 1) / 2 for size in self.shape]
        x, y, z = np.array(self.origin_mm) + np.array(half) @ self.steps_mm
        return float(x), float(y), float(z)

    def position_mm(self, index: int) -> NDArray[np.float64]:
        """ImagePositionPatient of a slice."""
        position: NDArray[np.float64] = np.array(self.origin_mm) + index * np.array(self.slice_step_mm)
        return position

    def part(self, start: int, stop: int) -> "Grid":
        """The slices from `start` up to `stop`."""
        x, y, z = self.position_mm(start)
        return Grid(
            (x, y, z), self.row_step_mm, self.column_step_mm, self.slice_step_mm, self.rows, self.columns, stop - start
        )

    def turned(self, degrees: float) -> "Grid":
        """The same planes, turned about their middle."""
        cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        row, column = np.array(self.row_step_mm), np.array(self.column_step_mm)
        row_mm, column_mm = np.linalg.norm(row), np.linalg.norm(column)
        turned_row = cosine * row + sine * column * (row_mm / column_mm)
        turned_column = cosine * column - sine * row * (column_mm / row_mm)
        steps = np.array([self.slice_step_mm, turned_column, turned_row])
        half = np.array([(size - 1) / 2 for size in self.shape])
        origin, row_step, column_step = (
            (float(x), float(y), float(z))
            for x, y, z in (np.array(self.center_mm) - half @ steps, turned_row, turned_column)
        )
        return Grid(origin, row_step, column_step, self.slice_step_mm, self.rows, self.columns, self.slices)

    def reversed(self) -> "Grid":
        """The same slices, last first."""
        x, y, z = self.position_mm(self.slices - 1)
        a, b, c = (-np.array(self.slice_step_mm)).tolist()
        return Grid((x, y, z), self.row_step_mm, self.column_step_mm, (a, b, c), self.rows, self.columns, self.slices)


def plane_grid(
    center_mm: Sequence[float],
    row_direction: Sequence[float],
    column_direction: Sequence[float],
    field_mm: tuple[float, float],
    matrix: tuple[int, int],
    num_slices: int,
    spacing_mm: float,
) -> Grid:
    """A stack of planes about a centre; `field_mm` and `matrix` are (down, along a row); slices step along the normal."""
    row, column = np.array(row_direction, float), np.array(column_direction, float)
    row_step = row / np.linalg.norm(row) * field_mm[1] / matrix[1]
    column_step = column / np.linalg.norm(column) * field_mm[0] / matrix[0]
    normal = np.cross(row, column)
    slice_step = normal / np.linalg.norm(normal) * spacing_mm
    origin = (
        np.array(center_mm, float)
        - row_step * (matrix[1] - 1) / 2
        - column_step * (matrix[0] - 1) / 2
        - slice_step * (num_slices - 1) / 2
    )
    vectors = [(float(v[0]), float(v[1]), float(v[2])) for v in (origin, row_step, column_step, slice_step)]
    return Grid(vectors[0], vectors[1], vectors[2], vectors[3], matrix[0], matrix[1], num_slices)


@dataclass(frozen=True)
class Shape:
    """An ellipsoid, or with `flat` an elliptic cylinder whose third axis ends in flat faces.

    `axes` are its three unit axes, one a row. `ripple` wrinkles its surface: amplitude (share of its size) and wavelength in mm.
    """

    tissue: str
    within: str
    center_mm: Point
    semi_axes_mm: Point
    axes: tuple[Point, Point, Point] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    flat: bool = False
    ripple: tuple[float, float] | None = None

    @cached_property
    def to_unit(self) -> NDArray[np.float64]:
        """3×3 matrix that takes mm about the centre to the unit shape."""
        matrix: NDArray[np.float64] = np.array(self.axes) / np.array(self.semi_axes_mm)[:, None]
        return matrix

    def reach_mm(self, direction: NDArray[np.float64]) -> float:
        """Half its extent along a unit direction."""
        parts = np.array(self.semi_axes_mm) * (np.array(self.axes) @ direction)
        if self.flat:
            return float(np.hypot(parts[0], parts[1]) + abs(parts[2]))
        return float(np.linalg.norm(parts)) * (1 + (3 * self.ripple[0] if self.ripple else 0))


def ellipsoid(
    tissue: str,
    within: str,
    center_mm: Point,
    semi_axes_mm: Point,
    *,
    tilt_deg: tuple[float, float, float] = (0, 0, 0),
    ripple: tuple[float, float] | None = None,
) -> Shape:
    """An ellipsoid turned about x, then y, then z."""
    return Shape(tissue, within, center_mm, semi_axes_mm, _turned(tilt_deg), ripple=ripple)


def disc(
    tissue: str, within: str, center_mm: Point, semi_axes_mm: Point, *, tilt_deg: tuple[float, float, float] = (0, 0, 0)
) -> Shape:
    """An elliptic cylinder, flat across its third axis, turned about x, then y, then z."""
    return Shape(tissue, within, center_mm, semi_axes_mm, _turned(tilt_deg), flat=True)


def rod(
    tissue: str, within: str, start_mm: Point, end_mm: Point, radius_mm: float, second_radius_mm: float | None = None
) -> Shape:
    """A straight elliptic cylinder from one point to another."""
    start, end = np.array(start_mm, float), np.array(end_mm, float)
    along = end - start
    length = float(np.linalg.norm(along))
    third = along / length
    helper = np.array([0.0, 1.0, 0.0]) if abs(third[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(helper, third)
    first /= np.linalg.norm(first)
    second = np.cross(third, first)
    rows = [(float(v[0]), float(v[1]), float(v[2])) for v in (first, second, third, (start + end) / 2)]
    return Shape(
        tissue,
        within,
        rows[3],
        (radius_mm, second_radius_mm or radius_mm, length / 2),
        (rows[0], rows[1], rows[2]),
        flat=True,
    )


def moved(shapes: Iterable[Shape], by_mm: Point) -> list[Shape]:
    """The same shapes elsewhere."""
    return [
        Shape(
            s.tissue,
            s.within,
            (s.center_mm[0] + by_mm[0], s.center_mm[1] + by_mm[1], s.center_mm[2] + by_mm[2]),
            s.semi_axes_mm,
            s.axes,
            s.flat,
            s.ripple,
        )
        for s in shapes
    ]


def mirrored(shapes: Iterable[Shape]) -> list[Shape]:
    """The same shapes on the other side of the body: x changes its sign."""
    return [
        Shape(
            s.tissue,
            s.within,
            (-s.center_mm[0], s.center_mm[1], s.center_mm[2]),
            s.semi_axes_mm,
            ((-s.axes[0][0], *s.axes[0][1:]), (-s.axes[1][0], *s.axes[1][1:]), (-s.axes[2][0], *s.axes[2][1:])),
            s.flat,
            s.ripple,
        )
        for s in shapes
    ]


def draw_labels(shapes: Iterable[Shape], grid: Grid) -> NDArray[np.uint8]:
    """Tissue labels [slices, rows, columns] of a grid, each voxel by the last shape that holds its centre; 0 is air."""
    labels = np.zeros(grid.shape, np.uint8)
    steps = grid.steps_mm
    lengths = np.linalg.norm(steps, axis=1)
    directions = steps / lengths[:, None]
    for shape in shapes:
        box = _box(shape, grid, directions, lengths)
        if box is None:
            continue
        inside = _inside(shape, grid, box)
        part = labels[tuple(slice(start, stop) for start, stop in box)]
        np.copyto(part, np.uint8(TISSUE_INDEX[shape.tissue]), where=inside)
    return labels


def ray_lengths(shape: Shape, grid: Grid) -> tuple[tuple[slice, slice], Floats] | None:
    """Path lengths in mm through a shape of rays along the grid's normal, and the (rows, columns) they fall on; None when outside.

    The grid's first plane is the detector; its distance does not matter, for beams are parallel.
    """
    steps = grid.steps_mm
    lengths = np.linalg.norm(steps, axis=1)
    directions = steps / lengths[:, None]
    box = _box(shape, grid, directions, lengths, in_plane=True)
    if box is None:
        return None
    offset = shape.to_unit @ (np.array(grid.origin_mm) - np.array(shape.center_mm))
    along = shape.to_unit @ directions[0]
    rows = np.arange(*box[1], dtype=np.float32)[:, None]
    columns = np.arange(*box[2], dtype=np.float32)[None, :]
    down, across = shape.to_unit @ steps[1], shape.to_unit @ steps[2]
    points = [np.float32(offset[m]) + np.float32(down[m]) * rows + np.float32(across[m]) * columns for m in range(3)]
    used = range(2) if shape.flat else range(3)
    a = max(float(sum(along[m] ** 2 for m in used)), 1e-12)
    b = sum((np.float32(along[m]) * points[m] for m in used), start=np.zeros(1, np.float32))
    c = sum((points[m] * points[m] for m in used), start=np.zeros(1, np.float32)) - np.float32(1)
    half = np.sqrt(np.maximum(b * b - np.float32(a) * c, 0)) / np.float32(a)
    if shape.flat:
        middle = -b / np.float32(a)
        if abs(along[2]) < 1e-6:
            half = np.where(np.abs(points[2]) <= 1, half, 0)
            result = 2 * half
        else:
            center, reach = -points[2] / np.float32(along[2]), np.float32(1 / abs(along[2]))
            result = np.minimum(middle + half, center + reach) - np.maximum(middle - half, center - reach)
            result = np.where(half > 0, np.maximum(result, 0), 0)
    else:
        result = 2 * half
    return (slice(*box[1]), slice(*box[2])), result.astype(np.float32)


def _box(
    shape: Shape, grid: Grid, directions: NDArray[np.float64], lengths: NDArray[np.float64], in_plane: bool = False
) -> list[tuple[int, int]] | None:
    """Index ranges of slices, rows and columns that a shape may touch."""
    offset = np.array(shape.center_mm) - np.array(grid.origin_mm)
    box = []
    for axis, size in enumerate(grid.shape):
        if in_plane and axis == 0:
            box.append((0, 1))
            continue
        middle, reach = (
            float(offset @ directions[axis]) / lengths[axis],
            shape.reach_mm(directions[axis]) / lengths[axis],
        )
        start, stop = max(int(np.ceil(middle - reach)), 0), min(int(np.floor(middle + reach)) + 1, size)
        if start >= stop:
            return None
        box.append((start, stop))
    return box


def _inside(shape: Shape, grid: Grid, box: list[tuple[int, int]]) -> NDArray[np.bool_]:
    steps = grid.steps_mm
    indices = [
        np.arange(start, stop, dtype=np.float32).reshape([-1 if axis == own else 1 for axis in range(3)])
        for own, (start, stop) in enumerate(box)
    ]
    offset = np.array(grid.origin_mm) - np.array(shape.center_mm)
    squares: list[Floats] = []
    for row in shape.to_unit:
        values = _linear(float(row @ offset), steps @ row, indices)
        squares.append(values * values)
    squares.sort(key=lambda values: values.size)  # small broadcasts first
    if shape.flat:
        third = _linear(float(shape.to_unit[2] @ offset), steps @ shape.to_unit[2], indices)
        radial = [_linear(float(r @ offset), steps @ r, indices) for r in shape.to_unit[:2]]
        inside: NDArray[np.bool_] = (radial[0] * radial[0] + radial[1] * radial[1] <= 1) & (np.abs(third) <= 1)
        return inside
    total = squares[0] + squares[1]
    limit: Floats = np.ones((1, 1, 1), np.float32)
    if shape.ripple:
        amplitude, wavelength = shape.ripple
        for axis in range(3):
            place = _linear(float(grid.origin_mm[axis]), steps[:, axis], indices)
            limit = limit + np.float32(amplitude) * np.sin(
                np.float32(2 * np.pi / wavelength) * place + np.float32(axis)
            )
    return np.asarray(total + squares[2] <= limit)


def _linear(constant: float, slopes: NDArray[np.float64], indices: list[Floats]) -> Floats:
    """constant + Σ slope·index, kept as small as broadcasting allows."""
    values: Floats = np.full((1, 1, 1), constant, np.float32)
    for slope, index in zip(slopes, indices, strict=True):
        if abs(slope) > 1e-9:
            values = values + np.float32(slope) * index
    return values


def _turned(tilt_deg: tuple[float, float, float]) -> tuple[Point, Point, Point]:
    x, y, z = np.radians(tilt_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    axes = (about_z @ about_y @ about_x).T
    rows = [(float(row[0]), float(row[1]), float(row[2])) for row in axes]
    return rows[0], rows[1], rows[2]
