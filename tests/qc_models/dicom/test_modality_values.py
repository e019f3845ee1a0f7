"""Tests of modality values and padding."""

import struct

import numpy as np
import pytest

from qc_models.dicom.header import Header, read_header
from qc_models.dicom.modality_values import modality_values, padding_mask
from qc_models.dicom.pixel_layout import PixelError
from tests.qc_models.dicom.element_bytes import EXPLICIT, explicit, image, item, native, uint16

FRAME = np.array([[0, 1000], [2000, 4095]], np.uint16)


def scaled(slope: bytes, intercept: bytes) -> bytes:
    return explicit(0x00281052, b"DS", intercept) + explicit(0x00281053, b"DS", slope)


def header_of(more: bytes = b"", photometric: str = "MONOCHROME2", stored: int = 12, signed: bool = False) -> Header:
    file = image(
        EXPLICIT, more + native(bytes(8)), rows=2, columns=2, stored=stored, signed=signed, photometric=photometric
    )
    return read_header(file)


def test_hounsfield_units_by_slope_and_intercept() -> None:
    values = modality_values(FRAME, header_of(scaled(b"2 ", b"-1024 ")))
    assert values.dtype == np.float32
    assert values.tolist() == [[-1024, 976], [2976, 7166]]
    assert FRAME[0, 0] == 0, "the frame itself is left alone"


def test_without_a_scale_stored_values_are_modality_values() -> None:
    assert modality_values(FRAME, header_of()).tolist() == FRAME.tolist()


def test_a_frame_of_an_enhanced_object_has_a_scale_of_its_own() -> None:
    def group(slope: bytes, intercept: bytes) -> bytes:
        return item(explicit(0x00289145, b"SQ", item(scaled(slope, intercept))))

    per_frame = explicit(0x52009230, b"SQ", item(b"") + group(b"3 ", b"1 "))
    shared = explicit(0x52009229, b"SQ", group(b"2 ", b"10"))
    header = header_of(shared + per_frame)
    assert modality_values(FRAME, header, 0)[0].tolist() == [10, 2010]
    assert modality_values(FRAME, header, 1)[0].tolist() == [1, 3001]


def test_a_modality_table_takes_the_place_of_a_scale() -> None:
    table = explicit(0x00283002, b"US", uint16(3, 1000, 16)) + explicit(0x00283006, b"OW", uint16(7, 8, 9))
    header = header_of(explicit(0x00283000, b"SQ", item(table)))
    assert modality_values(np.array([[0, 1000, 1001, 4000]], np.uint16), header).tolist() == [[7, 7, 8, 9]]


def test_display_sense_turns_monochrome1_over_and_nothing_else() -> None:
    inverse = header_of(scaled(b"2 ", b"5 "), photometric="MONOCHROME1")
    assert modality_values(FRAME, inverse)[0].tolist() == [5, 2005]
    assert modality_values(FRAME, inverse, display_sense=True)[0].tolist() == [4095 * 2 + 5, 3095 * 2 + 5]
    signed = header_of(photometric="MONOCHROME1", signed=True)
    assert modality_values(np.array([[-2048, 2047]], np.int16), signed, display_sense=True).tolist() == [[2047, -2048]]
    assert modality_values(FRAME, header_of(), display_sense=True).tolist() == FRAME.tolist()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (scaled(b"0 ", b"5 "), "RescaleSlope is 0"),
        (scaled(b"1,5 ", b"5 "), "RescaleSlope is no number"),
        (explicit(0x00283000, b"SQ", item(explicit(0x00283002, b"US", uint16(3, 0, 16)))), "LUT has 0 entries"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(more: bytes, words: str) -> None:
    with pytest.raises(PixelError, match=words):
        modality_values(FRAME, header_of(more))


def test_colour_has_no_modality_values() -> None:
    with pytest.raises(PixelError, match="colour"):
        modality_values(np.zeros((2, 2, 3), np.uint8), header_of())


def padded(value: bytes, vr: bytes, limit: bytes = b"") -> bytes:
    more = explicit(0x00280120, vr, value)
    return more + explicit(0x00280121, vr, limit) if limit else more


@pytest.mark.parametrize("vr", [b"US", b"SS"])
def test_padding_is_found_whatever_sign_its_value_was_written_with(vr: bytes) -> None:
    frame = np.array([[-2000, 0], [5, -2000]], np.int16)
    header = header_of(padded(struct.pack("<h", -2000), vr), stored=16, signed=True)
    assert padding_mask(frame, header).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(("first", "last"), [(10, 20), (20, 10)])
def test_padding_may_be_a_range(first: int, last: int) -> None:
    header = header_of(padded(uint16(first), b"US", uint16(last)))
    frame = np.array([[9, 10], [20, 21]], np.uint16)
    assert padding_mask(frame, header).tolist() == [[False, True], [True, False]]


def test_without_a_padding_value_nothing_is_padding() -> None:
    assert not padding_mask(FRAME, header_of()).any()
    assert padding_mask(np.zeros((2, 2, 3), np.uint8), header_of(padded(uint16(0), b"US"))).shape == (2, 2)
