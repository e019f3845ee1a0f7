"""Tests of native frames: bytes to values."""

import numpy as np
import pytest

from qc_models.dicom.header import read_header
from qc_models.dicom.native import frame_bits, unpack_frame
from qc_models.dicom.pixel_layout import PixelError, PixelLayout, pixel_layout
from tests.qc_models.dicom.element_bytes import EXPLICIT, image, native


def layout_of(**attributes: object) -> PixelLayout:
    return pixel_layout(read_header(image(EXPLICIT, native(b"\0\0"), **attributes)))  # type: ignore[arg-type]


@pytest.mark.parametrize("little_endian", [True, False])
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (8, True), (16, False), (16, True), (32, False), (32, True)])
def test_whole_numbers_of_any_size_sign_and_order(bits: int, signed: bool, little_endian: bool) -> None:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    expected = np.array([[low, 0, 1], [2, high - 1, high]])
    order = "little" if little_endian else "big"
    data = b"".join(int(value).to_bytes(bits // 8, order, signed=signed) for value in expected.ravel())
    frame = unpack_frame(data, layout_of(rows=2, columns=3, bits=bits, signed=signed), little_endian)
    assert frame.dtype == np.dtype(f"{'i' if signed else 'u'}{bits // 8}")
    assert frame.tolist() == expected.tolist()


def test_single_bits_begin_at_the_lowest_bit_of_a_byte() -> None:
    layout = layout_of(rows=1, columns=5, bits=1)
    assert frame_bits(layout) == 5
    assert unpack_frame(b"\x0b", layout, True).tolist() == [[1, 1, 0, 1, 0]]
    assert unpack_frame(b"\x60\x01", layout, True, first_bit=5).tolist() == [[1, 1, 0, 1, 0]]


def test_colours_side_by_side_and_in_planes_are_one_picture() -> None:
    expected = [[[1, 3, 5], [2, 4, 6]]]
    common = {"rows": 1, "columns": 2, "bits": 8, "samples": 3, "photometric": "RGB"}
    assert unpack_frame(bytes([1, 3, 5, 2, 4, 6]), layout_of(planar=0, **common), True).tolist() == expected
    assert unpack_frame(bytes([1, 2, 3, 4, 5, 6]), layout_of(planar=1, **common), True).tolist() == expected


def test_colours_without_arrangement_are_refused() -> None:
    with pytest.raises(PixelError, match="PlanarConfiguration is missing"):
        unpack_frame(bytes(6), layout_of(rows=1, columns=2, bits=8, samples=3, photometric="RGB"), True)


def test_luminance_with_shared_chrominance_takes_two_bytes_a_pixel() -> None:
    layout = layout_of(rows=1, columns=2, bits=8, samples=3, photometric="YBR_FULL_422", planar=0)
    assert frame_bits(layout) == 32
    assert unpack_frame(bytes([100, 200, 128, 128]), layout, True).tolist() == [[[100] * 3, [200] * 3]]


def test_bits_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(PixelError, match="BitsStored 12 and HighBit 5"):
        unpack_frame(bytes(8), layout_of(rows=2, columns=2, stored=12, high=5), True)
