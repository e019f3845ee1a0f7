"""Dead lines of known place in a radiograph."""

import pytest

from qc_models.checks.artifacts import dead_lines
from tests.pixel_blocks import radiograph, run


@pytest.mark.parametrize(("row", "column"), [(222, None), (None, 333)])
def test_a_dead_line_is_found_where_it_lies(row: int | None, column: int | None) -> None:
    image = radiograph()
    if row is not None:
        image[row] -= 60
    else:
        image[:, column] -= 60
    found = run(dead_lines, [image], "XR")["line_contrast"]
    assert found.value > 2
    assert found.location.box == ((row, 0, 1, 500) if row is not None else (0, column, 600, 1))


def test_noise_alone_is_no_line() -> None:
    assert run(dead_lines, [radiograph()], "XR")["line_contrast"].value < 0.9
