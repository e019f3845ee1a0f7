"""Lines that stand out, on profiles made by hand."""

import pytest
import torch

from qc_models.features import lines


def test_a_ridge_is_the_height_of_a_line_and_a_step_is_none() -> None:
    image = torch.zeros(1, 18, 5)
    image[:, 3] = 4.0
    image[:, 8:] = 10.0
    image[:, 13] = 7.0
    ridge = lines.ridges(image, 1)[0, :, 0].tolist()  # rows 2 to 15
    assert ridge == [0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, -3, 0, 0]
    assert torch.equal(lines.ridges(image.transpose(1, 2), 2), lines.ridges(image, 1).transpose(1, 2))


def test_medians_and_means_run_along_a_profile() -> None:
    profile = torch.tensor([[1.0, 9, 2, 3, 4]])
    assert lines.running_median(profile, 1).tolist() == [[1, 2, 3, 3, 4]]
    assert lines.running_mean(profile, 1)[0].tolist() == pytest.approx([5, 4, 14 / 3, 3, 3.5])


def test_the_greater_side_is_beside() -> None:
    profile = torch.tensor([[2.0] * 10 + [50.0] + [8.0] * 10])
    assert lines.beside(profile, 1, 1, lines.running_median)[0, 10].item() == 8.0
