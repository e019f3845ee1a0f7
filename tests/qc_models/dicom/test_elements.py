"""Tests of the pass over elements: sequences however written, private blocks, what is broken, and bounds."""

import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest

from qc_models.dicom.header import Header, read_header
from tests.qc_models.dicom.element_bytes import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    explicit,
    file_meta,
    implicit,
    item,
    uint16,
)

SOP_CLASS = explicit(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0")
NUMBER_7 = explicit(0x00200013, b"IS", b"7 ")


def read(dataset: bytes, transfer_syntax: str = EXPLICIT) -> Header:
    return read_header(file_meta(transfer_syntax) + dataset)


# --- sequences


CODE = explicit(0x00080100, b"SH", b"RPID16") + explicit(0x00080104, b"LO", b"CT HEAD ")


@pytest.mark.parametrize(
    "sequence",
    [
        explicit(0x00081032, b"SQ", item(CODE)),
        explicit(0x00081032, b"SQ", item(CODE + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED),
        explicit(0x00081032, b"SQ", item(CODE + ITEM_END, UNDEFINED)),
        explicit(0x00081032, b"SQ", item(CODE) + SEQUENCE_END, UNDEFINED),
        explicit(0x00081032, b"SQ", item(CODE, UNDEFINED) + SEQUENCE_END, UNDEFINED),  # the item's delimiter forgotten
        explicit(0x00081032, b"UN", item(implicit(0x00080100, b"RPID16")) + SEQUENCE_END, UNDEFINED),
        explicit(0x00081032, b"UN", item(implicit(0x00080100, b"RPID16"))),
    ],
)
def test_items_of_a_sequence_however_it_is_written(sequence: bytes) -> None:
    header = read(SOP_CLASS + sequence + NUMBER_7)
    (code,) = header.items("ProcedureCodeSequence")
    assert code.text("CodeValue") == "RPID16"
    assert header.has_value("ProcedureCodeSequence")
    assert header.integer("InstanceNumber") == 7, "what follows the sequence is read"
    assert "CodeValue" not in header
    assert header.problems == ()


@pytest.mark.parametrize("empty", [(b"", None), (SEQUENCE_END, UNDEFINED)])
def test_an_empty_sequence_is_present_without_items(empty: tuple[bytes, int | None]) -> None:
    header = read(SOP_CLASS + explicit(0x00081032, b"SQ", *empty) + NUMBER_7)
    assert "ProcedureCodeSequence" in header
    assert not header.has_value("ProcedureCodeSequence")
    assert header.items("ProcedureCodeSequence") == ()


def test_items_inherit_character_set_and_sign() -> None:
    inner = explicit(0x00080104, b"LO", "头颅".encode("gb18030"))
    header = read(SOP_CLASS + explicit(0x00080005, b"CS", b"GB18030 ") + explicit(0x00081032, b"SQ", item(inner)))
    assert header.items("ProcedureCodeSequence")[0].text("CodeMeaning") == "头颅"
    lut = implicit(0x00283002, struct.pack("<HhH", 16, -8, 16))
    body = implicit(0x00080060, b"CT") + implicit(0x00280103, uint16(1)) + implicit(0x00283000, item(lut))
    assert read(body, IMPLICIT).items("ModalityLUTSequence")[0].numbers("LUTDescriptor") == (16.0, -8.0, 16.0)


def test_unwanted_sequences_are_stepped_over_to_any_sensible_depth() -> None:
    nested = b""
    for _ in range(20):
        nested = explicit(0x00091001, b"SQ", item(nested + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED)
    assert read(SOP_CLASS + nested + NUMBER_7).integer("InstanceNumber") == 7


def test_sequences_without_end_of_nesting_are_given_up_and_told() -> None:
    opening = explicit(0x00091001, b"SQ", item(b"", UNDEFINED), UNDEFINED)
    header = read(SOP_CLASS + opening * 10_000)
    assert header.truncated
    assert any("nested more than 32 deep" in problem for problem in header.problems)
    assert header.text("SOPClassUID") is not None


def test_wanted_sequences_nested_without_end_do_not_exhaust_the_stack() -> None:
    nested = CODE
    for _ in range(2000):
        nested = explicit(0x00081032, b"SQ", item(nested)) if len(nested) < 60_000 else nested
    assert isinstance(read(SOP_CLASS + nested).problems, tuple)


def test_private_attributes_are_found_in_whatever_block_their_creator_took() -> None:
    creator = explicit(0x00190011, b"LO", b"SIEMENS MR HEADER ")
    header = read(SOP_CLASS + creator + explicit(0x0019110C, b"IS", b"1000") + explicit(0x0019100C, b"IS", b"5 "))
    assert header.integer("SiemensDiffusionBValue") == 1000
    foreign = explicit(0x00190010, b"LO", b"GEMS_ACQU_01")
    assert "SiemensDiffusionBValue" not in read(SOP_CLASS + foreign + explicit(0x0019100C, b"IS", b"5 "))


# --- what is broken


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (explicit(0x00200013, b"IS", b"7 ", length=400), r"\(0020,0013\) InstanceNumber .* declares 400 bytes"),
        (explicit(0x00091001, b"OB", b"7 ", length=0xFFFFFF00), r"\(0009,1001\) .* declares 4294967040 bytes"),
        (NUMBER_7[:-3], "within the head of an element"),
        (explicit(0x00081032, b"SQ", item(CODE), UNDEFINED), r"\(0008,1032\) ProcedureCodeSequence has no end"),
        (explicit(0x00081032, b"SQ", CODE, UNDEFINED), "other than an item"),
        (explicit(0x7FE00010, b"OB", b"1234", length=8192), "PixelData declares 8192 bytes, the data end after 4"),
    ],
)
def test_a_header_cut_short_says_where_and_keeps_what_came_before(tail: bytes, words: str) -> None:
    header = read(SOP_CLASS + explicit(0x00080060, b"CS", b"CT") + tail)
    assert header.truncated
    assert header.text("Modality") == "CT"
    assert header.integer("InstanceNumber") is None
    (problem,) = header.problems
    assert re.search(words, problem), problem


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (explicit(0x00091001, b"??", b"1234"), "no value representation"),
        (explicit(0x00091001, b"ZZ", b"1234"), "no value representation"),
        (implicit(0x00091001, b"1234"), "no value representation"),
        (SEQUENCE_END, "stray item or delimiter"),
        (item(CODE), "stray item or delimiter"),
    ],
)
def test_odd_elements_are_stepped_over_and_told(odd: bytes, words: str) -> None:
    header = read(SOP_CLASS + odd + NUMBER_7)
    assert header.integer("InstanceNumber") == 7
    assert not header.truncated
    assert [words in problem for problem in header.problems] == [True]


def test_group_lengths_are_stepped_over() -> None:
    length = explicit(0x00080000, b"UL", struct.pack("<I", 12345))
    assert read(length + SOP_CLASS + NUMBER_7).integer("InstanceNumber") == 7


def test_zeros_behind_the_data_set_end_it() -> None:
    header = read(SOP_CLASS + NUMBER_7 + bytes(100_000))
    assert header.integer("InstanceNumber") == 7
    assert len(header.problems) == 1


# --- bounds


def test_a_header_longer_than_any_window_is_read_whole() -> None:
    fillers = [explicit(0x00091000 | number, b"OB", bytes(number * 7 % 3000)) for number in range(256)]
    large = struct.pack("<20000H", *range(20000))
    header = read(SOP_CLASS + b"".join(fillers) + NUMBER_7 + explicit(0x00283006, b"OW", large))
    assert header.integer("InstanceNumber") == 7
    assert header.raw("LUTData") == large
    assert header.problems == ()


@pytest.mark.parametrize("sparse_tag", [0x7FE00010, 0x00091001])
def test_a_large_file_is_not_read_whole(tmp_path: Path, sparse_tag: int) -> None:
    path = tmp_path / "large.dcm"
    size = 1 << 30
    content = file_meta(EXPLICIT) + SOP_CLASS + explicit(sparse_tag, b"OB", b"", length=size)
    with path.open("wb") as file:
        file.write(content)
        file.seek(len(content) + size)
        file.write(NUMBER_7)
    tracemalloc.start()
    header = read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert not header.truncated
    assert (header.pixel_data is None) == (sparse_tag == 0x00091001)
    assert (header.integer("InstanceNumber") == 7) == (sparse_tag == 0x00091001)


def test_a_deflated_bomb_is_not_blown_up() -> None:
    compressor = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    content = compressor.compress(SOP_CLASS + explicit(0x7FE00010, b"OB", bytes(1 << 26))) + compressor.flush()
    tracemalloc.start()
    header = read_header(file_meta(DEFLATED) + content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.pixel_data is not None
    assert header.pixel_data.length == 1 << 26
    assert peak < 1 << 20
