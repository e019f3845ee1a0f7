"""Small volumes: HU, positions, and cuts that show what lies there."""

from pathlib import Path

import numpy as np
import pytest
import torch

from qc_models.errors import InputError
from training.manifest import Row
from training.volumes import SmallVolume, cuts, small_volume


def row(path: str = "a.npz", modality: str = "CT", plane: str = "axial", region: str = "chest") -> Row:
    labels = {"plane": [plane], "region": [region]}
    return Row(path, "volume", modality, "s", "source", "open", "drawn", 5, labels)


def test_stored_values_become_hounsfield_units(tmp_path: Path) -> None:
    stored = np.full((3, 4, 4), 125, np.uint8)
    np.savez(tmp_path / "a.npz", volume=stored, position_mm=np.array([0.0, 5.0, 15.0]), side_mm=400.0)
    volume = small_volume(row(), tmp_path)
    assert float(volume.pixels[0, 0, 0]) == 0.0  # 8 x 125 - 1000
    assert volume.share.tolist() == pytest.approx([0.0, 1 / 3, 1.0])
    assert (volume.plane, volume.side_mm) == ("axial", 400.0)
    assert float(small_volume(row(modality="MR"), tmp_path).pixels[0, 0, 0]) == 125.0


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a\.npz"):
        small_volume(row(), tmp_path)


def test_an_axial_volume_is_cut_upright() -> None:
    pixels = torch.zeros(20, 16, 16)
    pixels[10:] = 1.0  # the upper half, towards the head
    found = list(cuts(SmallVolume(pixels, torch.arange(20.0) * 5, 100.0, "axial"), 3))
    assert [plane for plane, _ in found] == ["coronal", "sagittal"]
    for _, parts in found:
        assert parts.shape == (3, 16, 16)  # 100 mm deep and 100 mm wide
        assert float(parts[:, :7].min()) == 1.0
        assert float(parts[:, 9:].max()) == 0.0


def test_a_sagittal_volume_is_cut_with_its_slices_side_by_side() -> None:
    pixels = torch.zeros(20, 16, 16)
    pixels[:, :4] = 1.0  # the upper rows of every slice
    (axial_plane, axial), (coronal_plane, coronal) = cuts(
        SmallVolume(pixels, torch.arange(20.0) * 5, 100.0, "sagittal"), 2
    )
    assert (axial_plane, coronal_plane) == ("axial", "coronal")
    assert float(coronal[:, :4].min()) == 1.0
    assert float(coronal[:, 4:].max()) == 0.0
    assert float(axial[0].min()) == 0.0 == float(axial[0].max())  # row 4 shows nothing of the upper four


@pytest.mark.parametrize(
    ("slices", "step_mm", "plane"), [(20, 9.0, "axial"), (10, 6.5, "axial"), (20, 2.0, "axial"), (20, 6.0, "")]
)
def test_coarse_thin_and_unplaced_volumes_are_not_cut(slices: int, step_mm: float, plane: str) -> None:
    volume = SmallVolume(torch.zeros(slices, 8, 8), torch.arange(float(slices)) * step_mm, 80.0, plane)
    assert list(cuts(volume, 2)) == []
