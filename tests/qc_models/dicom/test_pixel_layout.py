"""Tests of the layout of pixels and of taking values out of their bits."""

import numpy as np
import pytest

from qc_models.dicom.header import read_header
from qc_models.dicom.pixel_layout import PixelError, align_bits, pixel_layout
from tests.qc_models.dicom.element_bytes import EXPLICIT, image, native


def test_layout_of_a_colour_image() -> None:
    file = image(
        EXPLICIT, native(bytes(12)), rows=2, columns=2, bits=8, samples=3, photometric="RGB", planar=1, frames=4
    )
    layout = pixel_layout(read_header(file))
    assert (layout.shape, layout.values, layout.dtype, layout.frames) == ((2, 2, 3), 12, np.uint8, 4)
    assert (layout.planar, layout.high_bit, layout.signed) == (True, 7, False)


def test_a_number_of_frames_that_is_none_counts_as_one() -> None:
    for frames in (None, 0, -3):
        assert (
            pixel_layout(read_header(image(EXPLICIT, native(bytes(8)), rows=2, columns=2, frames=frames))).frames == 1
        )


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (image(EXPLICIT, b"", rows=2, columns=2), "no pixel data"),
        (image(EXPLICIT, native(bytes(8)), rows=0, columns=2), "Rows is 0"),
        (image(EXPLICIT, native(bytes(8)), rows=2, columns=2, bits=12), "BitsAllocated is 12"),
        (image(EXPLICIT, native(bytes(8)), rows=2, columns=2, bits=8, stored=9), "BitsStored is 9"),
        (image(EXPLICIT, native(bytes(8)), rows=2, columns=2, samples=4), "SamplesPerPixel 4"),
        (image(EXPLICIT, native(bytes(8)), rows=2, columns=2, samples=3), "do not go together"),
        (image(EXPLICIT, native(bytes(8)), rows=65535, columns=65535), "1024 MiB"),
    ],
)
def test_an_impossible_layout_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(PixelError, match=words):
        pixel_layout(read_header(file))


@pytest.mark.parametrize(
    ("stored", "bits", "high_bit", "dtype", "value"),
    [
        (0x0FFF, 12, 11, np.uint16, 4095),
        (0x0FFF, 12, 11, np.int16, -1),
        (0x07FF, 12, 11, np.int16, 2047),
        (0xF123, 12, 11, np.uint16, 0x123),  # an overlay stands in the upper bits
        (0x1230, 12, 15, np.uint16, 0x123),
        (0xFFF5, 12, 15, np.int16, -1),
        (0xF830, 16, 15, np.int16, -2000),
        (0xF830, 16, 15, np.uint16, 63536),
    ],
)
def test_values_are_taken_out_of_their_bits(stored: int, bits: int, high_bit: int, dtype: type, value: int) -> None:
    aligned = align_bits(np.array([stored], np.uint16), np.dtype(dtype), bits, high_bit)
    assert aligned.dtype == dtype
    assert aligned[0] == value
