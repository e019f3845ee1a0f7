"""What the service notes of a received object, read from its header without its pixels, and whether it is fit to be kept at all."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from struct import Struct
from typing import Literal

from qc_models.dicom.byte_source import ByteSource, open_bytes
from qc_models.dicom.header import Header, NotDicomError, read_header
from qc_models.errors import InputError, ServiceError

Fault = Literal["not_dicom", "corrupt", "missing_uid"]

_NAME = "the object"
_UID = re.compile(r"[0-9.]{1,64}")  # no more is asked: whether it is a sound one is a finding of the study
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_URGENT = frozenset(("STAT", "HIGH", "URGENT", "EMERGENCY"))
_LARGEST = (1 << 31) - 1  # that a column of the database holds
_ITEM = Struct("<4sI")
_FRAGMENT, _FRAGMENTS_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1 << 20


class UnfitObjectError(InputError):
    """An object that cannot be kept as one; `fault` says why, and the UIDs that could be read say which it is."""

    def __init__(self, fault: Fault, message: str, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.sop_class_uid = sop_class_uid
        self.sop_instance_uid = sop_instance_uid


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """Who and what a study is about, as one of its objects says; `issuer` is empty where it names none."""

    issuer: str
    id: str
    name: str
    birth_date: date | None
    sex: str
    accession_number: str
    study_date: date | None
    description: str


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What one object says of itself; texts are as long as their columns at most."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax_uid: str
    modality: str
    instance_number: int | None
    num_frames: int
    rows: int
    columns: int
    series_description: str
    series_number: int | None
    num_study_instances: int | None  # that the sender says there are
    urgent: bool
    patient: PatientFacts


def read_object(path: Path) -> ObjectFacts:
    """Reads a staged object; UnfitObjectError where it is no DICOM object, is cut short, or lacks what places it in a study.

    Only what is certain is refused: whatever else is wrong with an object is found, and told, when its study is examined.
    """
    try:
        header = read_header(path, _NAME)
        if header.is_dicomdir:
            raise UnfitObjectError("not_dicom", "a DICOMDIR holds no image; send the files that it lists")
        return _facts(header, path)
    except NotDicomError as error:
        raise UnfitObjectError("not_dicom", str(error)) from error
    except (UnfitObjectError, ServiceError):
        raise
    except InputError as error:
        raise UnfitObjectError("corrupt", str(error)) from error
    except (
        Exception
    ) as error:  # bytes that nobody thought of: refused like other broken ones, and kept for us to look at
        raise UnfitObjectError("corrupt", f"{_NAME} cannot be read ({type(error).__name__}); send it again") from error


def _facts(header: Header, path: Path) -> ObjectFacts:
    uids = {keyword: header.text(keyword) or "" for keyword in _UIDS}
    named = {
        "sop_class_uid": uids["SOPClassUID"] if _UID.fullmatch(uids["SOPClassUID"]) else "",
        "sop_instance_uid": uids["SOPInstanceUID"] if _UID.fullmatch(uids["SOPInstanceUID"]) else "",
    }
    if header.truncated:
        told = "; ".join(header.problems)[:300]
        raise UnfitObjectError("corrupt", f"{_NAME} is cut short or broken ({told}); send it again", **named)
    if absent := [keyword for keyword in _UIDS if not uids[keyword]]:
        raise UnfitObjectError(
            "missing_uid", f"{_NAME} has no {', '.join(absent)}; send the original object again", **named
        )
    if foreign := [keyword for keyword in _UIDS if not _UID.fullmatch(uids[keyword])]:
        raise UnfitObjectError(
            "corrupt",
            f"{', '.join(foreign)} of {_NAME} is no UID of up to 64 digits and dots; correct it and send again",
            **named,
        )
    if not _UID.fullmatch(header.transfer_syntax_uid or ""):
        raise UnfitObjectError(
            "corrupt", f"{_NAME} does not say its TransferSyntaxUID; send it with file meta information", **named
        )
    if told := _broken_fragments(header, path):
        raise UnfitObjectError("corrupt", f"{_NAME} is cut short ({told}); send it again", **named)
    return ObjectFacts(
        sop_class_uid=uids["SOPClassUID"],
        sop_instance_uid=uids["SOPInstanceUID"],
        study_uid=uids["StudyInstanceUID"],
        series_uid=uids["SeriesInstanceUID"],
        transfer_syntax_uid=header.transfer_syntax_uid or "",
        modality=_text(header, "Modality", 16).upper()[:16],  # "ß" becomes longer
        instance_number=_integer(header, "InstanceNumber"),
        num_frames=max(_integer(header, "NumberOfFrames") or 1, 1),
        rows=max(_integer(header, "Rows") or 0, 0),
        columns=max(_integer(header, "Columns") or 0, 0),
        series_description=_text(header, "SeriesDescription", 64),
        series_number=_integer(header, "SeriesNumber"),
        num_study_instances=_integer(header, "NumberOfStudyRelatedInstances"),
        urgent=any(priority in _URGENT for priority in _priorities(header)),
        patient=PatientFacts(
            issuer=_text(header, "IssuerOfPatientID", 64),
            id=_text(header, "PatientID", 64),
            name=_text(header, "PatientName", 324),
            birth_date=_date(header, "PatientBirthDate"),
            sex=_text(header, "PatientSex", 16),
            accession_number=_text(header, "AccessionNumber", 64),
            study_date=_date(header, "StudyDate"),
            description=_text(header, "StudyDescription", 64),
        ),
    )


def _broken_fragments(header: Header, path: Path) -> str:
    """What is wrong with the fragments of encapsulated pixel data; empty where they all are there.

    A missing delimiter at the end is none of it: some devices leave it out.
    """
    pixels = header.pixel_data
    if pixels is None or not pixels.encapsulated or pixels.deflated_from is not None:
        return ""
    with open_bytes(path, _NAME) as source:
        return _walk(source, pixels.offset)


def _walk(source: ByteSource, at: int) -> str:
    for number in range(_MOST_FRAGMENTS):
        head = source.read(at, 8)
        if len(head) < 8:
            return "" if number and not head else "its pixel data end within a fragment"
        tag, length = _ITEM.unpack(head)
        if tag != _FRAGMENT:
            return "" if tag == _FRAGMENTS_END else "other bytes stand between its fragments"
        at += 8 + length
        if at > source.size:
            return f"fragment {number} declares {length} bytes, the data end before"
    return f"it has more than {_MOST_FRAGMENTS} fragments"


def _priorities(header: Header) -> list[str]:
    said = [header.text("StudyPriorityID"), header.text("RequestedProcedurePriority")]
    said += [item.text("RequestedProcedurePriority") for item in header.items("RequestAttributesSequence")]
    return [priority.upper() for priority in said if priority]


def _text(header: Header, keyword: str, length: int) -> str:
    """A text that every database can hold: no character that is none, and no longer than its column."""
    said = header.text(keyword) or ""
    if said.isascii() and said.isprintable():  # as most are
        return said[:length]
    text = said.encode("utf-8", "replace").decode("utf-8")
    return "".join(character for character in text if character.isprintable() or character == "\u3000")[:length]


def _integer(header: Header, keyword: str) -> int | None:
    value = header.integer(keyword)
    return value if value is not None and abs(value) <= _LARGEST else None


def _date(header: Header, keyword: str) -> date | None:
    """A date, also in the way of before 1993, YYYY.MM.DD; None where it is no day."""
    digits = (header.text(keyword) or "").replace(".", "")
    try:
        is_day = len(digits) == 8 and digits.isascii() and digits.isdigit()
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if is_day else None
    except ValueError:
        return None
