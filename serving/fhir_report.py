"""Reads a FHIR R4 DiagnosticReport: which report it is, of which studies, and what its form is checked by; nothing that it says.

The model is that of R4B in fhir.resources, whose DiagnosticReport is as that of R4. What is wrong is told by place and kind, and
never in the words of the report, which may name its patient.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from qc_models.errors import InputError
from qc_models.region_names import regions_of_code
from qc_models.report_form import Person, ReportForm, Written, places_in
from qc_models.vocabulary import Laterality

MOST_PARTS = 10_000  # objects and lists of a report: so few cannot fill the memory, whatever they hold
MOST_STUDIES = 10
# of each kind the first that differ are looked at: no real report says more, and a long text takes long to read
MOST_HEADINGS = MOST_CODES = MOST_IDS = 100
HEADING_LENGTH = 300
_DICOM_UID = "urn:dicom:uid"
_OID = "urn:oid:"
_OUR_ISSUER = "urn:touchstone:issuer:"
_SNOMED = "http://snomed.info/sct"
_SIDE_CODES: Mapping[str, Laterality] = {"7771000": "L", "24028007": "R", "51440002": "B"}  # SNOMED CT
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
_PART = re.compile(r"[A-Za-z]{1,40}|\d{1,5}")
_SEXES = {"male": "M", "female": "F", "other": "O"}
_PLACES = (
    "bodySite",
    "laterality",
    "code",
    "procedureCode",
)  # elements of what a report rests on that name a part or a side
_ISSUED_TO_PATIENTS = frozenset(("MR", "PI"))  # types of identifiers (HL7 v2-0203) that a hospital gives a patient
_VERIFIED = frozenset(("final", "amended", "corrected", "appended"))
_UNVERIFIED = frozenset(("registered", "partial", "preliminary"))
_TAKEN_BACK = frozenset(("cancelled", "entered-in-error"))
_STATUSES = _VERIFIED | _UNVERIFIED | _TAKEN_BACK | {"unknown"}

Json = dict[str, Any]
One = TypeVar("One")


class UnfitReportError(InputError):
    """A body that is no report, or one that names no study; `code` is FHIR's of the issue, `place` where it lies."""

    def __init__(self, code: str, reason: str, place: str = "DiagnosticReport") -> None:
        super().__init__(f"{place}: {reason}")
        self.code = code
        self.place = place


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report as it was sent. `key` is the same for every version of it; `form` is None where it is taken back."""

    key: str
    study_uids: tuple[str, ...]
    form: ReportForm | None


def read_report(content: bytes, issuer: str) -> SentReport:
    """A report of a hospital that gives its patient ids as `issuer`; UnfitReportError where it cannot be used."""
    report = _validated(_parsed(content))
    status = str(report.get("status", ""))
    if status not in _STATUSES:
        raise UnfitReportError("value", "is no status of a report", "DiagnosticReport.status")
    uids = _study_uids(report)
    form = None if status in _TAKEN_BACK else _form(report, status, issuer)
    return SentReport(_key(report), uids, form)


def _parsed(content: bytes) -> Json:
    if content.count(b"{") + content.count(b"[") > MOST_PARTS:
        raise UnfitReportError("too-costly", f"holds more than {MOST_PARTS} parts; send the report alone")
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        raise UnfitReportError("structure", "is no JSON, or cut short; send it whole") from None
    if not isinstance(parsed, dict) or parsed.get("resourceType") != "DiagnosticReport":
        raise UnfitReportError("invalid", "is expected here, and something else came")
    return parsed


def _validated(parsed: Json) -> Json:
    from fhir.resources.R4B.diagnosticreport import DiagnosticReport
    from pydantic import ValidationError

    try:
        dumped = DiagnosticReport.model_validate(parsed).model_dump_json(exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        kind, place = str(first["type"]), [str(part) for part in first["loc"]]
        if kind == "extra_forbidden":  # its name is whatever the sender wrote
            raise UnfitReportError("structure", "holds an element that FHIR R4 has not", _path(place[:-1])) from None
        if kind == "missing":
            raise UnfitReportError("required", "is missing", _path(place)) from None
        raise UnfitReportError("value", "is not what FHIR R4 lets stand there", _path(place)) from None
    except Exception:  # resources inside it lead the library astray in many ways
        raise UnfitReportError("structure", "holds something that FHIR R4 does not know") from None
    content: Json = json.loads(dumped)
    return content


def _path(parts: Iterable[str]) -> str:
    return ".".join(("DiagnosticReport", *(part for part in parts if part != "root" and _PART.fullmatch(part))))


def _key(report: Json) -> str:
    """A digest of the report's first identifier; of all that it holds, where it has none."""
    for one in report.get("identifier", ()):
        if one.get("value") and one.get("system") != _DICOM_UID:
            said = f"identifier\n{one.get('system', '')}\n{one['value']}"
            break
    else:
        said = json.dumps({name: value for name, value in report.items() if name not in ("id", "meta")}, sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _study_uids(report: Json) -> tuple[str, ...]:
    """The studies that it is about: by its imagingStudy, else by an identifier of its own."""
    named = [one for one in report.get("imagingStudy", ()) if isinstance(one, dict)]
    identifiers = [one["identifier"] for one in named if "identifier" in one]
    for study in _contained(report, "ImagingStudy"):
        identifiers += study.get("identifier", ())
    values = _dicom_uids(identifiers)
    values += [one["reference"] for one in named if str(one.get("reference", "")).startswith(_OID)]
    values = values or _dicom_uids(report.get("identifier", ()))
    uids = tuple(dict.fromkeys(str(value).removeprefix(_OID) for value in values))
    if not uids:
        wanted = f'an identifier of system "{_DICOM_UID}" and value "{_OID}" with the StudyInstanceUID behind it'
        raise UnfitReportError("required", f"names no study; give it {wanted}", "DiagnosticReport.imagingStudy")
    if not all(_UID.fullmatch(uid) for uid in uids):
        raise UnfitReportError("value", "holds a UID that is none (PS3.5 section 9.1)", "DiagnosticReport.imagingStudy")
    if len(uids) > MOST_STUDIES:
        raise UnfitReportError("too-long", f"names more than {MOST_STUDIES} studies", "DiagnosticReport.imagingStudy")
    return uids


def _dicom_uids(identifiers: Iterable[Json]) -> list[str]:
    return [one.get("value", "") for one in identifiers if one.get("system") == _DICOM_UID]


def _form(report: Json, status: str, issuer: str) -> ReportForm:
    has_signer = bool(report.get("resultsInterpreter") or report.get("performer"))
    signed = None if status == "unknown" else status in _VERIFIED and has_signer
    regions, sides = places_in(_first((text[:HEADING_LENGTH] for text in _headings(report)), MOST_HEADINGS))
    known = _first((str(code.get("code", "")) for code in _codes(report) if code.get("system") == _SNOMED), MOST_CODES)
    coded = {region for code in known for region in regions_of_code(code, "SCT")}
    coded_sides = {_SIDE_CODES[code] for code in known if code in _SIDE_CODES}
    return ReportForm(
        signed=signed,
        empty=not any(_holds_text(report)),
        written=_moment(report.get("issued")),
        examined=_moment(report.get("effectiveDateTime") or report.get("effectivePeriod", {}).get("start")),
        regions=tuple(sorted({*regions, *coded})),
        sides=tuple(sorted({*sides, *coded_sides})),
        persons=tuple(_persons(report, issuer)),
    )


def _holds_text(report: Json) -> Iterator[bool]:
    yield from (bool(report.get(element)) for element in ("conclusion", "conclusionCode", "result"))
    yield bool(report.get("text", {}).get("div"))
    yield from (bool(form.get("data") or form.get("url")) for form in report.get("presentedForm", ()))


def _headings(report: Json) -> Iterator[str]:
    """The words that name procedure, part or side, as titles do."""
    yield from (str(form.get("title", "")) for form in report.get("presentedForm", ()))
    yield from (str(study.get("description", "")) for study in _contained(report, "ImagingStudy"))
    yield from (str(concept.get("text", "")) for concept in _concepts(report))
    yield from (str(code.get("display", "")) for code in _codes(report))


def _codes(report: Json) -> Iterator[Json]:
    """The codes that name them."""
    for concept in _concepts(report):
        yield from concept.get("coding", (concept,) if "code" in concept else ())


def _concepts(report: Json) -> Iterator[Json]:
    """What report, request, procedure, images and results say of procedure, part and side; a Coding stands for a concept."""
    places = [report, *_contained(report, "ServiceRequest", "Procedure", "ImagingStudy")]
    places += [series for study in _contained(report, "ImagingStudy") for series in study.get("series", ())]
    for place in places:
        for element in _PLACES:
            found = place.get(element, ())
            yield from (one for one in (found if isinstance(found, list) else (found,)) if isinstance(one, dict))
        for extension in place.get("extension", ()):
            if str(extension.get("url", "")).rpartition("/")[2] in ("bodySite", "procedure-targetBodyStructure"):
                yield extension.get("valueCodeableConcept", {})


def _persons(report: Json, issuer: str) -> Iterator[Person]:
    """The patient, by each id that a hospital gave them; an insurance's or a state's says nothing of those of images."""
    subject = report.get("subject", {})
    wanted = str(subject.get("reference", ""))
    patient = next((one for one in _contained(report, "Patient") if f"#{one.get('id')}" == wanted), {})
    names = [name.get("text") or _name(name) for name in patient.get("name", ())]
    born = str(patient.get("birthDate", ""))
    person = Person(
        name="=".join(name for name in names if name)[:324],
        sex=_SEXES.get(str(patient.get("gender", "")), ""),
        birth_date=born if re.fullmatch(r"\d{4}-\d\d-\d\d", born) else "",
    )
    given = [subject["identifier"]] if "identifier" in subject else []
    ids = _first(_ids([*given, *patient.get("identifier", ())], issuer), MOST_IDS)
    for gave, value in ids or [("", "")]:
        yield Person(value[:64], gave[:64], person.name, person.sex, person.birth_date)


def _name(name: Json) -> str:
    return " ".join(str(part) for part in (name.get("family", ""), *name.get("given", ())) if part)


def _ids(identifiers: Iterable[Json], issuer: str) -> Iterator[tuple[str, str]]:
    """Who gave an id, and the id."""
    for one in identifiers:
        value, system = str(one.get("value", "")), str(one.get("system", ""))
        types = {str(code.get("code", "")) for code in one.get("type", {}).get("coding", ())}
        if value and system.startswith(_OUR_ISSUER):
            yield system.removeprefix(_OUR_ISSUER), value
        elif value and (types & _ISSUED_TO_PATIENTS or not (system or types)):
            yield issuer, value


def _contained(report: Json, *kinds: str) -> list[Json]:
    return [one for one in report.get("contained", ()) if one.get("resourceType") in kinds]


def _first(found: Iterable[One], most: int) -> list[One]:
    """The first that differ."""
    return list(islice(dict.fromkeys(found), most))


def _moment(said: object) -> Written | None:
    """A FHIR instant or dateTime by the clock of this place, as headers of images tell theirs; None where no day is told."""
    text = str(said or "")
    try:
        if "T" not in text:
            return Written(date.fromisoformat(text))
        local = datetime.fromisoformat(text).astimezone()
        return Written(local.date(), local.hour * 3600.0 + local.minute * 60.0 + local.second)
    except (ValueError, OverflowError, OSError):
        return None
