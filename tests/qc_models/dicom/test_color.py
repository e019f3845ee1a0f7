"""Tests of colour models and palettes."""

import struct

import numpy as np
import pytest
from pydicom.pixels.processing import convert_color_space

from qc_models.dicom.color import apply_palette, expand_422, ybr_to_rgb
from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_layout import PixelError
from tests.qc_models.dicom.element_bytes import EXPLICIT, explicit, file_meta, uint16


def test_ybr_of_known_colours() -> None:
    ybr = np.array([[[76, 85, 255], [150, 44, 21], [29, 255, 107], [128, 128, 128]]], np.uint8)
    expected = [[254, 0, 0], [0, 255, 1], [0, 0, 254], [128, 128, 128]]  # ITU-R BT.601 by hand
    assert ybr_to_rgb(ybr, 8)[0].tolist() == expected


def test_ybr_is_within_one_of_pydicom_everywhere() -> None:
    ybr = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    theirs = convert_color_space(ybr, "YBR_FULL", "RGB")
    assert np.abs(ybr_to_rgb(ybr, 8).astype(int) - theirs.astype(int)).max() <= 1


def test_two_pixels_share_their_chrominance_in_422() -> None:
    data = np.array([10, 11, 1, 2, 12, 13, 3, 4], np.uint8)
    assert expand_422(data, 1, 4).tolist() == [[[10, 1, 2], [11, 1, 2], [12, 3, 4], [13, 3, 4]]]
    with pytest.raises(PixelError, match="odd number of columns"):
        expand_422(np.zeros(6, np.uint8), 1, 3)


def palette(first: int, *tables: bytes, bits: int = 8) -> bytes:
    entries = len(tables[0]) if bits == 8 else len(tables[0]) // 2
    content = explicit(0x00080060, b"CS", b"US") + explicit(0x00280010, b"US", uint16(1))
    for number, _ in enumerate(tables):
        content += explicit(0x00281101 + number, b"US", struct.pack("<3H", entries, first, bits))
    for number, table in enumerate(tables):
        content += explicit(0x00281201 + number, b"OW", table)
    return file_meta(EXPLICIT) + content


def test_a_palette_is_looked_up_and_clipped_at_its_ends() -> None:
    header = read_header(palette(10, bytes([1, 2, 3, 4]), bytes([5, 6, 7, 8]), bytes([9, 10, 11, 12])))
    frame = np.array([[0, 10, 12, 200]], np.uint8)
    assert apply_palette(frame, header).tolist() == [[[1, 5, 9], [1, 5, 9], [3, 7, 11], [4, 8, 12]]]


def test_a_palette_of_sixteen_bits_keeps_them() -> None:
    table = struct.pack("<2H", 100, 65535)
    looked_up = apply_palette(np.array([[0, 1]], np.uint8), read_header(palette(0, table, table, table, bits=16)))
    assert looked_up.dtype == np.uint16
    assert looked_up[0, 1].tolist() == [65535] * 3


def test_a_palette_that_is_missing_or_short_is_refused() -> None:
    with pytest.raises(PixelError, match="green palette is missing"):
        apply_palette(np.zeros((1, 1), np.uint8), read_header(palette(0, bytes(4))))
    short = palette(0, bytes(4), bytes(4), bytes(4)).replace(struct.pack("<3H", 4, 0, 8), struct.pack("<3H", 400, 0, 8))
    with pytest.raises(PixelError, match="4 bytes for 400 entries"):
        apply_palette(np.zeros((1, 1), np.uint8), read_header(short))
