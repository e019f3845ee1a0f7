"""Dead lines of known place and number in a radiograph."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from qc_models.checks.artifacts import dead_lines
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS
from tests.pixel_blocks import radiograph, run

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "dead_lines.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("row", "column"), [(222, None), (None, 333)])
def test_a_dead_line_is_found_where_it_lies(row: int | None, column: int | None) -> None:
    image = radiograph()
    if row is not None:
        image[row] -= 60
    else:
        image[:, column] -= 60
    found = run(dead_lines, [image], "XR")["line_contrast"]
    assert found.value > 3
    assert found.location.box == ((row, 0, 1, 500) if row is not None else (0, column, 600, 1))


def test_noise_alone_is_no_line() -> None:
    found = run(dead_lines, [radiograph()], "XR")
    assert found["line_contrast"].value < 1
    assert found["num_lines"].value == 0


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_dead_lines_are_counted(case: dict[str, Any]) -> None:
    image = radiograph(case["rows"], 500)
    defect = PIXEL_DEFECTS["dead_lines"]
    drawn = defect.make_params(np.random.default_rng(case["seed"]), image.shape, case["lines"])
    found = run(dead_lines, [defect.apply(image.astype(np.float32), drawn | {"axis": 1})], "XR")
    low, high = case["measured"]
    assert low <= found["num_lines"].value <= high


@pytest.mark.parametrize("shape", [(600, 500), (1800, 1500)])
def test_a_line_over_half_of_the_length_has_half_of_the_contrast_whatever_the_size(shape: tuple[int, int]) -> None:
    image = radiograph(*shape)
    image[300, : shape[1] // 2] += 500
    assert run(dead_lines, [image], "XR")["line_contrast"].value == pytest.approx(2.5, abs=0.3)


def test_neighbours_count_once() -> None:
    scores = torch.tensor([[5.0, 6, 1, 1, 7, 7, 7, 0, 9]])
    assert dead_lines.num_runs(scores, 4.0).item() == 3
