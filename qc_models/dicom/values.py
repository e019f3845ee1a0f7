"""Turn the bytes of one value into text or numbers, by its value representation (PS3.5 6.2)."""

import math
from collections.abc import Sequence
from struct import Struct

from qc_models.dicom.character_set import decode

PADDING = " \0\t\r\n"  # what stands around a value and is none of it
_QUOTED_LENGTH = 16  # the longest decimal string there is
_UNDIVIDED = frozenset({"LT", "ST", "UR", "UT"})  # a backslash is a letter in these
_BINARY = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d",
    "OB": "B", "OW": "H", "OL": "I", "OV": "Q", "OF": "f", "OD": "d",
}  # fmt: skip
_LITTLE = {vr: Struct("<" + code) for vr, code in _BINARY.items()}
_BIG = {vr: Struct(">" + code) for vr, code in _BINARY.items()}

NUMBER_VRS = frozenset({"AT", "DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)


def text_values(vr: str, raw: bytes, charset: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The values as text without padding, and whether the bytes are valid in the character set declared.

    Text is decoded before it is divided, for in GB 18030 a backslash may be half of a character.
    """
    text, valid = decode(raw, charset)
    parts = (text,) if vr in _UNDIVIDED else text.split("\\")
    values = tuple(part.strip(PADDING) for part in parts)
    return (values if any(values) else ()), valid


def number_values(vr: str, raw: bytes, little_endian: bool) -> tuple[tuple[float, ...], str | None]:
    """The values as numbers, and what is wrong with them, quoting what is short enough to be a number gone wrong.

    No values at all come back where one cannot be read or is not finite.
    """
    if vr == "AT":  # a tag, as group << 16 | element
        groups, _ = number_values("US", raw[: len(raw) & ~3], little_endian)
        return tuple(group * 65536 + element for group, element in zip(groups[::2], groups[1::2], strict=True)), None
    layout = (_LITTLE if little_endian else _BIG).get(vr)
    if layout is not None:
        if len(raw) % layout.size:
            return (), f"{len(raw)} bytes are no whole number of {vr} values"
        unpacked = tuple(float(value) for (value,) in layout.iter_unpack(raw))
        return (unpacked, None) if all(map(math.isfinite, unpacked)) else ((), "a value is not finite")
    parts = [part.strip(PADDING.encode()) for part in raw.split(b"\\")]
    if not any(parts):
        return (), None
    values = [_number(part) for part in parts]
    whole = [value for value in values if value is not None]
    kind = "an integer" if vr == "IS" else "a number"
    if len(whole) < len(values):
        return (), f"{_quote(parts[values.index(None)])} is not {kind}"
    if vr == "IS" and not all(value.is_integer() for value in whole):
        return tuple(whole), f"{_quote(raw)} is not {kind}"
    return tuple(whole), None


def _number(part: bytes) -> float | None:
    try:
        value = float(part)
    except ValueError:
        return None
    return value if math.isfinite(value) and b"_" not in part else None


def _quote(part: bytes) -> str:
    text = part.decode("ascii", "replace")
    return f"'{text}'" if len(text) <= _QUOTED_LENGTH and text.isprintable() else "a value"
