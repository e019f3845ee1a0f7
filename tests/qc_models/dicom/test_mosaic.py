"""Tests of taking Siemens mosaics apart."""

import numpy as np
import pytest

from qc_models.dicom.header import Header, read_header
from qc_models.dicom.mosaic import mosaic_tiles
from qc_models.dicom.pixel_layout import PixelError
from tests.qc_models.dicom.element_bytes import EXPLICIT, explicit, image, native, uint16


def header_of(count: int | None) -> Header:
    private = explicit(0x00190010, b"LO", b"SIEMENS MR HEADER ")
    if count is not None:
        private += explicit(0x0019100A, b"US", uint16(count))
    return read_header(image(EXPLICIT, native(bytes(72)), rows=6, columns=6, more=private))


def test_tiles_are_cut_row_by_row() -> None:
    frame = np.arange(36).reshape(6, 6)
    tiles = mosaic_tiles(frame, header_of(5))  # five of the nine places of a 3 x 3 grid
    assert tiles.shape == (5, 2, 2)
    assert tiles[0].tolist() == [[0, 1], [6, 7]]
    assert tiles[2].tolist() == [[4, 5], [10, 11]]
    assert tiles[4].tolist() == [[14, 15], [20, 21]]
    assert mosaic_tiles(frame, header_of(4)).shape == (4, 3, 3)
    assert mosaic_tiles(frame, header_of(1)).shape == (1, 6, 6)


@pytest.mark.parametrize("count", [None, 0])
def test_a_mosaic_that_does_not_tell_its_number_is_refused(count: int | None) -> None:
    with pytest.raises(PixelError, match="without its number of images"):
        mosaic_tiles(np.zeros((6, 6)), header_of(count))


@pytest.mark.parametrize("shape", [(7, 6), (6, 8)])
def test_a_frame_that_the_grid_does_not_divide_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(PixelError, match="is no mosaic of 5"):
        mosaic_tiles(np.zeros(shape), header_of(5))
