"""Tests of turning the bytes of a value into text and numbers."""

import struct

import pytest

from qc_models.dicom.values import number_values, text_values


@pytest.mark.parametrize(
    ("vr", "raw", "expected"),
    [
        ("LO", b"CHEST PA ", ("CHEST PA",)),
        ("CS", b"ORIGINAL\\PRIMARY\\AXIAL ", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("CS", b"\\PRIMARY", ("", "PRIMARY")),
        ("UI", b"1.2.840\0", ("1.2.840",)),
        ("LO", b"   ", ()),
        ("LT", b"a\\b", ("a\\b",)),
    ],
)
def test_text_loses_its_padding_and_is_divided_at_backslashes(vr: str, raw: bytes, expected: tuple[str, ...]) -> None:
    assert text_values(vr, raw, ()) == (expected, True)


def test_a_backslash_inside_a_chinese_character_divides_nothing() -> None:
    raw = "誠".encode("gb18030")  # its second byte is 0x5C
    assert b"\\" in raw
    assert text_values("LO", raw + b"\\B", ["GB18030"]) == (("誠", "B"), True)


@pytest.mark.parametrize(
    ("vr", "raw", "expected"),
    [
        ("DS", b"1.5\\-2e3\\ 7 ", (1.5, -2000.0, 7.0)),
        ("IS", b"+12 ", (12.0,)),
        ("DS", b"3.25\0", (3.25,)),
        ("DS", b"", ()),
        ("DS", b"  ", ()),
        ("US", struct.pack("<2H", 1, 65535), (1.0, 65535.0)),
        ("SS", struct.pack("<h", -2000), (-2000.0,)),
        ("FD", struct.pack("<d", 0.1), (0.1,)),
        ("AT", struct.pack("<2H", 0x0020, 0x9057), (0x00209057,)),
    ],
)
def test_numbers(vr: str, raw: bytes, expected: tuple[float, ...]) -> None:
    assert number_values(vr, raw, little_endian=True) == (expected, None)


def test_byte_order() -> None:
    assert number_values("US", b"\x01\x02", little_endian=False)[0] == (258.0,)
    assert number_values("US", b"\x01\x02", little_endian=True)[0] == (513.0,)


@pytest.mark.parametrize(
    ("vr", "raw", "fault"),
    [
        ("IS", b"1A", "'1A' is not an integer"),
        ("DS", b"1,5", "'1,5' is not a number"),
        ("DS", b"1\\\\3", "'' is not a number"),
        ("DS", b"nan", "'nan' is not a number"),
        ("DS", b"1e999", "'1e999' is not a number"),
        ("DS", b"1_000", "'1_000' is not a number"),
        ("DS", b"somebody's whole name", "a value is not a number"),
        ("US", b"\x01\x02\x03", "3 bytes are no whole number of US values"),
        ("FD", struct.pack("<d", float("inf")), "a value is not finite"),
    ],
)
def test_what_is_no_number_gives_none_and_a_fault(vr: str, raw: bytes, fault: str) -> None:
    assert number_values(vr, raw, little_endian=True) == ((), fault)


def test_a_fraction_in_an_integer_string_is_kept_and_told() -> None:
    assert number_values("IS", b"12.5", little_endian=True) == ((12.5,), "'12.5' is not an integer")
