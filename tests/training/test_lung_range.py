"""Lungs drawn into a body: where they begin and end, and what is no lung."""

import pytest
import torch

from training.lung_range import lung_cm2, lung_ends_mm
from training.volumes import SmallVolume


def chest(first: int, last: int, air_hu: float = -800.0) -> SmallVolume:
    """Thirty slices, 10 mm apart, of a body of 24 x 24 cm in air, with a lung of 8 x 8 cm from one slice to another."""
    pixels = torch.full((30, 32, 32), -1000.0)
    pixels[:, 4:28, 4:28] = 40.0
    pixels[first : last + 1, 12:20, 12:20] = air_hu
    return SmallVolume(pixels, torch.arange(30.0) * 10, 320.0, "axial")


def test_area_without_its_rim() -> None:
    area = lung_cm2(chest(5, 20))
    assert area[4] == 0.0
    assert area[5] == pytest.approx(36.0)  # 6 x 6 cm


def test_ends() -> None:
    assert lung_ends_mm(chest(5, 20)) == (50.0, 200.0)


def test_lungs_that_are_cut_off_have_no_end() -> None:
    assert lung_ends_mm(chest(0, 20)) == (None, 200.0)
    assert lung_ends_mm(chest(5, 29)) == (50.0, None)


def test_gas_in_a_bowel_and_a_short_pocket_are_no_lung() -> None:
    assert lung_ends_mm(chest(5, 20, air_hu=-1000.0)) == (None, None)
    assert lung_ends_mm(chest(5, 7)) == (None, None)
