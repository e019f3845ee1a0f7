"""Gathers the item-free facts of a study from its headers: dates, age, request, device; nothing that identifies a patient."""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime

from qc_models.dicom.header import Header
from qc_models.facts import Request
from qc_models.region_names import regions_in
from qc_models.study import Study

_MODALITY_WORDS = frozenset({"CT", "MR", "MRI", "DX", "CR", "DR", "MG", "XR"})
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_AGE_DAYS = {"D": 1, "W": 7, "M": 30.4375, "Y": 365.25}
_BEDSIDE = re.compile(r"PORTABLE|BEDSIDE|MOBILE|\bICU\b|床旁|床边|移动", re.IGNORECASE)


def parse_date(text: str | None) -> date | None:
    """A DICOM DA value (YYYYMMDD, or the retired YYYY.MM.DD) as a date; None where it is no date."""
    digits = (text or "").strip().replace(".", "").replace("-", "")[:8]
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return None


def study_date(study: Study) -> date | None:
    """The earliest StudyDate, else the earliest series or acquisition date."""
    for keyword in _DATES:
        found = [day for header in _headers(study) if (day := parse_date(header.text(keyword)))]
        if found:
            return min(found)
    return None


def latest_date(study: Study) -> date | None:
    """The latest date that any instance claims for study, series, acquisition or content."""
    dates = [day for header in _headers(study) for keyword in _DATES if (day := parse_date(header.text(keyword)))]
    return max(dates, default=None)


def age_years(study: Study, examined: date | None) -> float | None:
    """The age at the examination: PatientAge (PS3.5 AS) where given, else from the birth date."""
    for header in _headers(study):
        match = re.fullmatch(r"\s*(\d{1,3})([DWMY])\s*", header.text("PatientAge") or "")
        if match:
            return round(int(match[1]) * _AGE_DAYS[match[2]] / 365.25, 2)
    for header in _headers(study):
        born = parse_date(header.text("PatientBirthDate"))
        if born and examined and born <= examined:
            return round((examined - born).days / 365.25, 2)
    return None


def is_bedside(study: Study) -> bool:
    """Whether an X-ray was taken at the bed, as its texts say."""
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription", "StationName")
    return any(_BEDSIDE.search(header.text(keyword) or "") for header in _headers(study, "XR") for keyword in keywords)


def is_deidentified(study: Study) -> bool:
    """Whether every instance says PatientIdentityRemoved YES (PS3.3 C.7.1.1)."""
    said = [(header.text("PatientIdentityRemoved") or "").upper() for header in _headers(study)]
    return bool(said) and all(value == "YES" for value in said)


def devices(study: Study) -> tuple[str, ...]:
    """A digest of manufacturer, model, serial number and station of each device, by which its standing is looked up.

    In the order of the study, each once; an instance that names none of the four adds nothing.
    """
    keywords = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "StationName")
    named = dict.fromkeys(tuple(header.text(keyword) or "" for keyword in keywords) for header in _headers(study))
    return tuple(device_digest(*parts) for parts in named if any(parts))


def device_digest(manufacturer: str, model: str, serial_number: str, station: str) -> str:
    """The digest by which reports name a device."""
    return hashlib.sha256("|".join((manufacturer, model, serial_number, station)).encode()).hexdigest()[:16]


def institutions(study: Study) -> tuple[str, ...]:
    """The InstitutionName of every instance, in the order of the study, each once."""
    return tuple(dict.fromkeys(text for header in _headers(study) if (text := header.text("InstitutionName"))))


def request(study: Study) -> Request:
    """Procedure codes and the words of the request, the most official first, without repetition."""
    codes: dict[str, None] = {}
    texts: dict[str, None] = {}
    for header in _headers(study):
        places = [header, *header.items("RequestAttributesSequence")]
        for place in places:
            for sequence in ("RequestedProcedureCodeSequence", "ProcedureCodeSequence"):
                for code in place.items(sequence):
                    _add(codes, code.text("CodeValue"))
                    _add(texts, code.text("CodeMeaning"))
    for keyword in (
        "RequestedProcedureDescription",
        "ScheduledProcedureStepDescription",
        "StudyDescription",
        "PerformedProcedureStepDescription",
        "ProtocolName",
    ):
        for header in _headers(study):
            for place in (header, *header.items("RequestAttributesSequence")):
                _add(texts, place.text(keyword))
    secrets = _secrets(study)
    return Request(_without(codes, secrets), _without(texts, secrets))


def _add(found: dict[str, None], text: str | None) -> None:
    if text and text.strip():
        found.setdefault(" ".join(text.upper().split()))


def _without(texts: Iterable[str], secrets: re.Pattern[str] | None) -> tuple[str, ...]:
    """Texts less what names the patient; a text of nothing else is left out."""
    cleared = (" ".join(secrets.sub(" ", text).split()) for text in texts) if secrets else texts
    return tuple(dict.fromkeys(text for text in cleared if text))


def _secrets(study: Study) -> re.Pattern[str] | None:
    """Finds the words of the patient's name and ids, birth date and accession number; words of anatomy are nobody's name."""
    said = {
        part.upper()
        for header in _headers(study)
        for keyword in ("PatientName", "PatientID", "OtherPatientIDs", "PatientBirthDate", "AccessionNumber")
        for part in header.texts(keyword)
    }
    words = {
        word
        for part in said
        for word in (*re.split(r"[\s^=]+", part), part.replace("^", "").partition("=")[0])
        if len(word) > 1 and not regions_in(word) and word not in _MODALITY_WORDS
    }
    if not words:
        return None
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    parts = [
        rf"(?<![A-Z0-9]){re.escape(word)}(?![A-Z0-9])" if word.isascii() else re.escape(word) for word in longest_first
    ]
    return re.compile("|".join(parts))


def _headers(study: Study, modality: str | None = None) -> Iterable[Header]:
    return (
        instance.header
        for series in study.series
        if modality is None or series.modality == modality
        for instance in series.instances
    )
