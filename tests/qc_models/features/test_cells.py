"""Cells: their means and peaks are those of pooling, whatever is left at the edges."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from qc_models.features.cells import cell_means, cell_peaks, window_means


def test_means_and_peaks_by_hand() -> None:
    values = torch.tensor([[[1.0, 3.0, 9.0], [5.0, 7.0, 9.0], [9.0, 9.0, 9.0]]])
    assert cell_means(values, 2, 2).tolist() == [[[4.0]]]  # the last row and column are left over
    assert cell_peaks(values, 2, 2).tolist() == [[[7.0]]]
    assert cell_means(values, 1, 3)[0, :, 0].tolist() == pytest.approx([13 / 3, 7.0, 9.0])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (3, 4), (4, 3), (5, 20), (23, 23)])
def test_they_equal_pooling(rows: int, columns: int) -> None:
    values = torch.rand(3, 101, 97, generator=torch.Generator().manual_seed(0))
    pooled = avg_pool2d(values[:, None], (rows, columns))[:, 0]
    torch.testing.assert_close(cell_means(values, rows, columns), pooled)
    assert torch.equal(cell_peaks(values, rows, columns), max_pool2d(values[:, None], (rows, columns))[:, 0])


def test_values_stay_as_they_were() -> None:
    values = torch.rand(1, 8, 8)
    before = values.clone()
    cell_means(values, 1, 2)
    assert torch.equal(values, before)


@pytest.mark.parametrize(("size", "step"), [(1, 1), (3, 1), (3, 2), (4, 3), (5, 5)])
def test_windows_equal_pooling(size: int, step: int) -> None:
    values = torch.rand(2, 31, 40, generator=torch.Generator().manual_seed(1))
    before = values.clone()
    torch.testing.assert_close(window_means(values, size, step), avg_pool2d(values[:, None], size, step)[:, 0])
    assert torch.equal(values, before)
