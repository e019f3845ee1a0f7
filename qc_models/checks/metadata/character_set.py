"""Text of the header cannot be read by the character set that the file declares, so that names turn into nonsense.

Higher is worse: numbers of instances. `undecodable`: bytes of the patient's name that the declared set does not define;
`mismatch`: text that is valid UTF-8 or common Chinese (GB 18030) where another set is declared: it decodes without an error and
reads as mojibake; `undeclared`: a patient's name beyond ASCII without any declared set; `mojibake`: a patient's name that was
spoilt before it was stored; `text`: any of these in other text alone, which harms nobody's identity.
Formula: bytes against the defined terms; Chinese is told by its pairs of upper bytes being common ideographs of GB 2312.
Source: DICOM PS3.3 C.12.1.1.2, PS3.5 6.1.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qc_models.dicom.attributes import ATTRIBUTES
from qc_models.dicom.character_set import declared_charset_fits, decode
from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

_REMEDY_EN = "let the device declare the character set that it writes (SpecificCharacterSet), and send the study again"
_REMEDY_ZH = "请在设备上正确设置字符集（SpecificCharacterSet）后重新上传"

QUANTITIES = {
    "undecodable": Quantity(
        "instances",
        "{value:.0f} instances: {attributes} holds bytes that {declared} does not define",
        "{value:.0f} 幅图像的 {attributes} 含有声明字符集 {declared} 之外的字节",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "mismatch": Quantity(
        "instances",
        "{value:.0f} instances: {attributes} is written in {written} and declared as {declared}",
        "{value:.0f} 幅图像的 {attributes} 实际编码为 {written}，声明为 {declared}，显示为乱码",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "undeclared": Quantity(
        "instances",
        "{value:.0f} instances: {attributes} goes beyond ASCII and no character set is declared",
        "{value:.0f} 幅图像的 {attributes} 含非 ASCII 字符，但未声明字符集",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "mojibake": Quantity(
        "instances",
        "{value:.0f} instances: {attributes} was spoilt by a wrong conversion before it was stored",
        "{value:.0f} 幅图像的 {attributes} 在存储前已因转码错误变为乱码",
        "enter the patient's name again and send the study again",
        "请重新录入患者姓名后重新上传",
    ),
    "text": Quantity(
        "instances",
        "{value:.0f} instances: {attributes} does not fit the declared character set {declared} ({written})",
        "{value:.0f} 幅图像的 {attributes} 与声明的字符集 {declared} 不符（{written}）",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
}

_NAME = "PatientName"
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})  # what SpecificCharacterSet governs (PS3.5 6.1.2.3)
_TEXTS = tuple(keyword for keyword, attribute in ATTRIBUTES.items() if attribute.vr in _TEXT_VRS)
_SEQUENCES = ("RequestAttributesSequence", "RequestedProcedureCodeSequence", "ProcedureCodeSequence")
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one text: the quantity that it counts for, and how the text is written instead."""

    quantity: str
    written: str = ""


def problem_of(raw: bytes, declared: Sequence[str]) -> Problem | None:
    """What is wrong with the bytes of one text under the declared defined terms; None where they fit."""
    fit = declared_charset_fits([raw], declared)
    if not fit.beyond_ascii:
        return None
    if not any(declared) and b"\x1b" not in raw:
        return Problem("undeclared")
    if fit.better is not None and (fit.better != "GB18030" or reads_as_chinese(raw)):
        return Problem("mismatch", fit.better)
    if not fit.valid:
        return Problem("undecodable")
    return Problem("mojibake") if fit.mojibake and fit.better is None else None


def reads_as_chinese(raw: bytes) -> bool:
    """Whether bytes decode as GB 18030 to ideographs of which most are among the 3,755 commonest (GB 2312, level 1)."""
    text, valid = decode(raw, ["GB18030"])
    beyond = [character for character in text if character > "\x7f"]
    common = [c for c in beyond if b"\xb0\xa1" <= c.encode("gb2312", "ignore") < b"\xd8"]
    return valid and len(common) > len(beyond) / 2


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """One measurement for each quantity, in which the attributes concerned are named; its place is the first such instance."""
    known: dict[tuple[bytes, tuple[str, ...]], Problem | None] = {}
    found: dict[Problem, dict[str, Instance]] = defaultdict(dict)
    attributes: dict[Problem, dict[str, None]] = defaultdict(dict)
    declarations: dict[Problem, tuple[str, ...]] = {}
    for instance in evidence.study.instances:
        for keyword, raw, declared in _beyond_ascii(instance.header):
            key = (raw, declared)
            if key not in known:
                known[key] = problem_of(raw, declared)
            problem = known[key]
            if problem is None:
                continue
            if keyword != _NAME and problem.quantity != "mismatch":
                problem = Problem("text", problem.quantity)
            found[problem].setdefault(instance.sop_instance_uid, instance)
            attributes[problem].setdefault(keyword)
            declarations.setdefault(problem, declared)
    for problem, instances in sorted(found.items(), key=lambda entry: (entry[0].quantity, entry[0].written)):
        first = next(iter(instances.values()))
        yield Measurement(
            f"metadata.character_set.{problem.quantity}",
            len(instances),
            "instances",
            Location(first.series_instance_uid, first.sop_instance_uid),
            {
                "attributes": list(attributes[problem])[:_LISTED],
                "declared": "\\".join(declarations[problem]) or "none",
                "written": problem.written,
            },
        )


def _beyond_ascii(header: Header) -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    """Keyword, bytes and declared terms of every text that needs a character set, those of the request's sequences included."""
    declared = header.texts("SpecificCharacterSet")
    for place in (header, *(item for keyword in _SEQUENCES for item in header.items(keyword))):
        own = place.texts("SpecificCharacterSet") or declared
        for keyword in _TEXTS:
            raw = place.raw(keyword)
            if raw is not None and (not raw.isascii() or b"\x1b" in raw):
                yield keyword, raw, own
