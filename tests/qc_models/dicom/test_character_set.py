"""Tests of text decoding and of the comparison of bytes with the character set declared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_models.dicom.character_set import declared_charset_fits, decode


@pytest.mark.parametrize(
    ("raw", "declared", "text"),
    [
        (b"CHEST PA", [], "CHEST PA"),
        ("张三".encode("gb18030"), ["GB18030"], "张三"),
        ("张三".encode("gbk"), ["GBK"], "张三"),
        ("胸部正位".encode(), ["ISO_IR 192"], "胸部正位"),
        ("Müller".encode("latin-1"), ["ISO_IR 100"], "Müller"),
        ("Люк".encode("iso8859_5"), ["ISO_IR 144"], "Люк"),
        (b"\xd4\xcf\xc0\xde", ["ISO_IR 13"], "ﾔﾏﾀﾞ"),
        # the examples of PS3.5 annexes H, I and K
        (b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J", ["ISO 2022 IR 13", "ISO 2022 IR 87"],
         "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"),
        (b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", ["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞"),
        (b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", ["", "ISO 2022 IR 58"], "Zhang^XiaoDong=张^小东="),
        # common misspellings of defined terms
        ("胸".encode(), ["ISO IR 192"], "胸"),
        ("é".encode("latin-1"), ["iso-ir-100"], "é"),
    ],
)  # fmt: skip
def test_text_in_the_set_declared_is_valid(raw: bytes, declared: list[str], text: str) -> None:
    assert decode(raw, declared) == (text, True)


@pytest.mark.parametrize(
    ("raw", "declared", "text"),
    [
        ("张三".encode("gb18030"), ["ISO_IR 192"], "张三"),
        ("胸部".encode(), [], "胸部"),
        (b"\x93CHEST\x94\xe9", ["ISO_IR 100"], None),  # C1 controls are no text
        (b"\x81\xff", ["GB18030"], None),  # no such pair
        (b"A\x1b$)A\xd5\xc5", ["ISO_IR 100"], "A张"),  # an escape to a set that is not declared
    ],
)
def test_text_outside_the_set_declared_is_read_as_well_as_can_be_and_marked(
    raw: bytes, declared: list[str], text: str | None
) -> None:
    read, valid = decode(raw, declared)
    assert not valid
    assert text is None or read == text


@given(
    st.binary(max_size=40), st.lists(st.sampled_from(["", "ISO_IR 192", "GB18030", "ISO 2022 IR 87", "?"]), max_size=3)
)
def test_any_bytes_decode_to_some_text(raw: bytes, declared: list[str]) -> None:
    text, valid = decode(raw, declared)
    assert isinstance(text, str)
    assert not (valid and "\x1b" in text)


def test_fitting_text_has_nothing_better() -> None:
    fit = declared_charset_fits([b"CHEST", "胸部正位".encode("gb18030")], ["GB18030"])
    assert (fit.beyond_ascii, fit.valid, fit.better, fit.mojibake) == (1, True, None, False)


@pytest.mark.parametrize(
    ("encoded", "declared", "better", "valid"),
    [
        ("gb18030", ["ISO_IR 100"], "GB18030", True),
        ("gb18030", ["ISO_IR 192"], "GB18030", False),
        ("gb18030", [], "GB18030", False),
        ("utf_8", ["ISO_IR 100"], "ISO_IR 192", False),  # its continuation bytes are C1 controls
        ("utf_8", ["GB18030"], "ISO_IR 192", None),
    ],
)
def test_chinese_text_in_another_set_is_found_out(
    encoded: str, declared: list[str], better: str, valid: bool | None
) -> None:
    fit = declared_charset_fits([text.encode(encoded) for text in ("胸部正位", "张三")], declared)
    assert fit.better == better
    assert valid is None or fit.valid == valid


@pytest.mark.parametrize("name", ["Müller", "Jürgen Weiß", "José Ibáñez", "Françoise"])
def test_european_names_in_latin_1_are_not_taken_for_chinese(name: str) -> None:
    fit = declared_charset_fits([name.encode("latin-1")], ["ISO_IR 100"])
    assert (fit.valid, fit.better, fit.mojibake) == (True, None, False)


@pytest.mark.parametrize(
    "text",
    ["锟斤拷锟斤拷", "\ufffd\ufffd", "张三".encode().decode("latin-1"), "胸部正位".encode("gb18030").decode("latin-1")],
)
def test_text_spoilt_before_it_was_written_is_mojibake(text: str) -> None:
    assert declared_charset_fits([text.encode()], ["ISO_IR 192"]).mojibake
