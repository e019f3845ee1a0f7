"""Decode text by the character set that a file declares, and tell whether its bytes can be what is declared.

Defined terms and escape sequences are those of PS3.3 C.12.1.1.2, code extension that of PS3.5 6.1.2 and ISO 2022.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Defined term without "ISO_IR " or "ISO 2022 IR " -> Python codec; each holds ASCII in its lower half.
_CODECS = {
    "": "ascii",
    "6": "ascii",
    "13": "shift_jis",
    "58": "gb2312",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "166": "tis_620",
    "192": "utf_8",
    "203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gb18030",
}
_PREFIX = re.compile(r"^ISO[ _-]?(2022)?[ _-]?(IR)?[ _-]?")
# Bytes that a set leaves undefined although its codec takes them: C1 controls, and all but katakana in ISO_IR 13.
_C1_CONTROLS = re.compile(rb"[\x80-\x9f]")
_NOT_KATAKANA = re.compile(rb"[\x80-\xa0\xe0-\xff]")
_MULTI_BYTE = frozenset({"gb2312", "euc_kr", "utf_8", "gb18030"})

# Escape sequence -> (the half that it sets, codec, term); a two-byte set in the upper half is read by its EUC form.
_ESCAPES = {
    b"(B": ("lower", "ascii", "6"),
    b"(J": ("lower", "ascii", "13"),
    b")I": ("upper", "shift_jis", "13"),
    b"-A": ("upper", "latin_1", "100"),
    b"-B": ("upper", "iso8859_2", "101"),
    b"-C": ("upper", "iso8859_3", "109"),
    b"-D": ("upper", "iso8859_4", "110"),
    b"-F": ("upper", "iso8859_7", "126"),
    b"-G": ("upper", "iso8859_6", "127"),
    b"-H": ("upper", "iso8859_8", "138"),
    b"-L": ("upper", "iso8859_5", "144"),
    b"-M": ("upper", "iso8859_9", "148"),
    b"-T": ("upper", "tis_620", "166"),
    b"-b": ("upper", "iso8859_15", "203"),
    b"$)A": ("upper", "gb2312", "58"),
    b"$)C": ("upper", "euc_kr", "149"),
    b"$B": ("lower", "iso2022_jp", "87"),
    b"$(D": ("lower", "iso2022_jp_2", "159"),
}
_ESCAPE = re.compile(rb"\x1b(\$\([A-Z]|\$\)[A-Z]|\$[A-Z]|[()\-.][A-Za-z])")
_DELIMITER = re.compile(rb"([\\^=\r\n\f\t])")

# The first level of GB 2312, which is its 3,755 commonest ideographs.
_COMMON_HANZI = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")
_CJK = re.compile("[\u3400-\u9fff]")
# What is left when text was decoded by the wrong set once and written again.
_LEFTOVERS = re.compile("\ufffd|锟斤拷|烫烫|屯屯|\\?{3,}")


@dataclass(frozen=True, slots=True)
class CharsetFit:
    """How well the text of a file fits its declared character set.

    `beyond_ascii` counts the values that need a character set at all; `valid` says that all bytes are defined in the
    one declared; `better` is the defined term that they look like instead; `mojibake` that a reader sees nonsense.
    """

    beyond_ascii: int
    valid: bool
    better: str | None
    mojibake: bool


def decode(raw: bytes, declared: Sequence[str]) -> tuple[str, bool]:
    """The text of `raw`, and whether its bytes are valid in the character sets declared (PS3.5 6.1).

    Text that is not valid is read as UTF-8, else GB 18030, else Latin-1, so that its words can still be searched.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), True
    terms = [_bare(term) for term in declared] or [""]
    if b"\x1b" in raw:
        return _decode_extended(raw, terms)
    codec = _CODECS.get(terms[0])
    if codec is not None and _defined(raw, codec):
        try:
            return raw.decode(codec), True
        except UnicodeDecodeError:
            pass
    return _guess(raw), False


def declared_charset_fits(raw_values: Iterable[bytes], declared: Sequence[str]) -> CharsetFit:
    """Compare the bytes of a file's text values with the character sets that it declares."""
    values = [raw for raw in raw_values if not raw.isascii() or b"\x1b" in raw]
    decoded = [decode(raw, declared) for raw in values]
    valid = all(ok for _, ok in decoded)
    codec = _CODECS.get(_bare(declared[0]) if declared else "")
    better = None
    if values and not any(b"\x1b" in raw for raw in values):
        if codec != "utf_8" and _is_utf_8(values, must_hold_cjk=codec == "gb18030"):
            better = "ISO_IR 192"
        elif not (valid and codec in _MULTI_BYTE) and _is_common_chinese(values):
            better = "GB18030"
    nonsense = any(_LEFTOVERS.search(text) or _was_decoded_twice(text) for text, _ in decoded)
    return CharsetFit(len(values), valid, better, nonsense or (valid and better is not None))


def _bare(term: str) -> str:
    """A defined term without its prefix, forgiving the usual misspellings: "ISO-IR 100", "ISO 2022 GBK"."""
    return _PREFIX.sub("", term.strip().upper())


def _defined(raw: bytes, codec: str) -> bool:
    """Whether a one-byte set defines all these bytes; the codecs of Python take more than the standard does."""
    if codec in _MULTI_BYTE:
        return True
    return not (_NOT_KATAKANA if codec == "shift_jis" else _C1_CONTROLS).search(raw)


def _decodes(raw: bytes, codec: str) -> bool:
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _guess(raw: bytes) -> str:
    return next(raw.decode(codec) for codec in ("utf_8", "gb18030", "latin_1") if _decodes(raw, codec))


def _decode_extended(raw: bytes, terms: list[str]) -> tuple[str, bool]:
    """Text with escape sequences: a set holds to the next escape, or to a delimiter if the first set is not ASCII."""
    first = _CODECS.get(terms[0], "ascii")
    lower, opening, upper = "ascii", b"", first
    valid = True
    text = []
    for index, piece in enumerate(_ESCAPE.split(raw)):
        if index % 2:
            half, codec, term = _ESCAPES.get(piece, ("", "", ""))
            valid &= term in terms or term == "6"
            if half == "lower":
                lower, opening = codec, b"\x1b" + piece
            elif half == "upper":
                upper = codec
            continue
        if lower != "ascii":
            parts = [(opening + piece, lower)]
        else:
            head, *tail = _DELIMITER.split(piece, maxsplit=1)
            # Where the first set is plain ASCII, upper bytes behind a delimiter mean the set in force before it.
            if tail and first != "ascii":
                parts, upper = [(head, upper), (b"".join(tail), first)], first
            else:
                parts = [(piece, upper)]
        for part, part_codec in parts:
            valid &= _decodes(part, part_codec) and (lower != "ascii" or _defined(part, part_codec))
            text.append(part.decode(part_codec, "replace"))
    whole = "".join(text)
    return whole.replace("\x1b", ""), valid and "\x1b" not in whole


def _is_utf_8(values: list[bytes], must_hold_cjk: bool) -> bool:
    """Whether all values are UTF-8; against a Chinese set only if ideographs come out, as short GB text can be both."""
    if not all(_decodes(raw, "utf_8") for raw in values):
        return False
    return not must_hold_cjk or all(_CJK.search(raw.decode("utf_8")) for raw in values)


def _is_common_chinese(values: list[bytes]) -> bool:
    """Whether all values are GB 18030, most of it common ideographs: hardly ever so in a European language."""
    if not all(_decodes(raw, "gb18030") for raw in values):
        return False
    letters = [letter for raw in values for letter in raw.decode("gb18030") if letter > "\x7f"]
    return sum(1 for letter in letters if _COMMON_HANZI.fullmatch(letter.encode("gb18030"))) > len(letters) / 2


def _was_decoded_twice(text: str) -> bool:
    """Whether text is UTF-8 or Chinese that someone read as Latin-1 and wrote again."""
    letters = "".join(character for character in text if character > "\x7f")
    if not letters or max(letters) > "\xff":
        return False
    raw = text.encode("latin_1")
    return (_decodes(raw, "utf_8") and len(letters) > 1) or (len(letters) > 3 and _is_common_chinese([raw]))
