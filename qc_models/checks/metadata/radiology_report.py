"""The radiologist's report that came with the images is not signed, not in time, of another place or of another patient.

Counts of reports, higher is worse: `unsigned` (not complete, or not verified by anybody), `signature_untold` (a document whose
signature no header tells), `empty`, `undated`, `before_study` (dated before the examination), `future_days` (dated after the day of
the verdict), `region_mismatch` and `side_mismatch` (its headings name a part or a side that no image shows), `place_untold` (they
name no part), `other_patient`. `reports` is how many there are, `day` when the newest was written. A report is a structured report
of text, an encapsulated document, or a DiagnosticReport that came by FHIR; lists of measurements, doses and key images are none.
Only headings are read (title, procedure, site), since findings may speak of any part.
Source: DICOM PS3.3 A.35 (SR documents), A.45 (encapsulated documents), C.17.2 (CompletionFlag, VerificationFlag); HL7 FHIR R4
DiagnosticReport.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from qc_models.checks.metadata.dates import parse_date, seconds_of_day
from qc_models.checks.metadata.laterality import opposed
from qc_models.checks.metadata.patient_identity import same_person
from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import NOWHERE, Location, Measurement, Quantity
from qc_models.region_names import is_vague
from qc_models.report_form import Person, ReportForm, Written, places_in
from qc_models.study import Instance

_NAME = "metadata.radiology_report"


_AGAIN = ("have the radiologist check the report, and send it again", "请放射科医师核对报告后重新上传")
QUANTITIES = {
    "reports": Quantity(
        "reports", "{value:.0f} reports came with the images", "随图像上传 {value:.0f} 份报告", "–", "–"
    ),
    "unsigned": Quantity(
        "reports",
        "{value:.0f} reports are not complete or not verified",
        "{value:.0f} 份报告未完成或未审核签名",
        "have the report signed, and send it again",
        "请完成报告审核签名后重新上传",
    ),
    "signature_untold": Quantity(
        "reports",
        "{value:.0f} reports do not tell whether they are signed",
        "{value:.0f} 份报告无法判断是否签名",
        "look at the document, or send the report as one whose status is told (SR, FHIR)",
        "请查看文档，或改用带状态的报告（SR、FHIR）上传",
    ),
    "empty": Quantity("reports", "{value:.0f} reports hold no text", "{value:.0f} 份报告没有内容", *_AGAIN),
    "undated": Quantity("reports", "{value:.0f} reports bear no date", "{value:.0f} 份报告没有日期", *_AGAIN),
    "before_study": Quantity(
        "reports",
        "{value:.0f} reports are dated before the examination",
        "{value:.0f} 份报告的日期早于检查",
        *_AGAIN,
    ),
    "day": Quantity("day", "the newest report is of day {value:.0f}", "最新报告的日期序号为 {value:.0f}", "–", "–"),
    "future_days": Quantity(
        "days",
        "a report is dated {value:.0f} days after this verdict",
        "报告日期晚于本次判定 {value:.0f} 天",
        *_AGAIN,
    ),
    "region_mismatch": Quantity(
        "reports",
        "{value:.0f} reports are headed {said}, which no image shows",
        "{value:.0f} 份报告的部位为 {said}，与图像不符",
        *_AGAIN,
    ),
    "side_mismatch": Quantity(
        "reports",
        "{value:.0f} reports name the {said} side, and the images the other",
        "{value:.0f} 份报告的侧别为 {said}，与图像相反",
        *_AGAIN,
    ),
    "place_untold": Quantity(
        "reports",
        "{value:.0f} reports do not say in their headings which part of the body they are about",
        "{value:.0f} 份报告的标题未注明检查部位",
        "name the part of the body in the report's title",
        "请在报告标题中注明检查部位",
    ),
    "other_patient": Quantity(
        "reports",
        "{value:.0f} reports are not of the patient of the images",
        "{value:.0f} 份报告的患者与图像不符",
        "find out whose report it is, and send the right one",
        "请核实报告归属后重新上传",
    ),
}

_TEXTS = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33, 34, 35))
_DOCUMENTS = frozenset(("1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.104.2"))  # PDF, CDA
# Titles of structured reports that no radiologist signs: measurements, dose, computer aided detection, key objects (PS3.16).
_OTHER_TITLES = frozenset(("126000", "113701", "113810", "111036", "112000", "113000", "113010", "121180"))
# Headings: procedure reported, procedure description, finding site (SNOMED, and as SRT), laterality.
_HEADINGS = frozenset(("121058", "121065", "363698007", "G-C0E3", "272741003", "G-C171"))
_MOST_ITEMS, _DEPTH = 500, 3  # of a report's content that are looked at


@dataclass(frozen=True, slots=True)
class _Report:
    """A report, and where it lies; nowhere in the study where it came by another way than its images."""

    form: ReportForm
    place: Location


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """What is wrong with the form of each report; nothing where none came."""
    instances = [instance for instance in evidence.study.instances if is_report(instance)]
    reports = [_Report(form_of(one), Location(one.series_instance_uid, one.sop_instance_uid)) for one in instances]
    reports += [_Report(form, NOWHERE) for form in evidence.study.reports]
    if not reports:
        return
    images = [instance for instance in evidence.study.instances if instance.frames]
    yield _found("reports", reports)
    yield from _some("unsigned", [report for report in reports if report.form.signed is False])
    yield from _some("signature_untold", [report for report in reports if report.form.signed is None])
    yield from _some("empty", [report for report in reports if report.form.empty])
    yield from _some("undated", [report for report in reports if report.form.written is None])
    begun = _begun(images)
    yield from _some("before_study", [report for report in reports if _is_early(report.form, begun)])
    dated = [(report, report.form.written.day) for report in reports if report.form.written is not None]
    if dated:
        newest, day = max(dated, key=lambda entry: entry[1])
        yield Measurement(f"{_NAME}.day", day.toordinal(), "day", newest.place)
    if images:
        yield from _some("other_patient", [one for one in reports if _is_of_other(one.form, images[0].header)])
        yield from _places(reports, evidence)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """How many days after the verdict a report is dated."""
    for measured in facts.measurements:
        if measured.metric == f"{_NAME}.day" and measured.value > as_of.toordinal():
            yield Measurement(f"{_NAME}.future_days", measured.value - as_of.toordinal(), "days", measured.location)


def is_report(instance: Instance) -> bool:
    """Whether an instance is a radiologist's report."""
    if instance.sop_class_uid in _DOCUMENTS:
        return True
    titles = (title.text("CodeValue") or "" for title in instance.header.items("ConceptNameCodeSequence"))
    return instance.sop_class_uid in _TEXTS and _OTHER_TITLES.isdisjoint(titles)


def is_signed(header: Header) -> bool:
    """Whether a structured report is complete and verified by somebody (PS3.3 C.17.2)."""
    flags = (header.text("CompletionFlag"), header.text("VerificationFlag"))
    return flags == ("COMPLETE", "VERIFIED") and header.has_value("VerifyingObserverSequence")


def form_of(report: Instance) -> ReportForm:
    """What is looked at of a structured report or an encapsulated document."""
    header = report.header
    day = _date(header, "ContentDate") or _date(header, "InstanceCreationDate")
    regions, sides = places_in(headings(header))
    is_text = report.sop_class_uid in _TEXTS
    person = Person(
        header.text("PatientID") or "",
        header.text("IssuerOfPatientID") or "",
        header.text("PatientName") or "",
        header.text("PatientSex") or "",
        header.text("PatientBirthDate") or "",
    )
    return ReportForm(
        signed=is_signed(header) if is_text else None,
        empty=_is_empty(report),
        written=Written(day, seconds_of_day(header.text("ContentTime") or "")) if day is not None else None,
        regions=regions,
        sides=sides,
        persons=(person,),
    )


def _is_empty(report: Instance) -> bool:
    header = report.header
    if report.sop_class_uid in _TEXTS:
        return not header.items("ContentSequence")
    return header.number("EncapsulatedDocumentLength") == 0 or not header.has_value("MIMETypeOfEncapsulatedDocument")


def _date(header: Header, keyword: str) -> date | None:
    return parse_date(header.text(keyword) or "")


def _begun(images: Sequence[Instance]) -> Written | None:
    """When the examination began, by the headers of its images."""
    days = [day for image in images if (day := _date(image.header, "StudyDate")) is not None]
    times = [second for image in images if (second := seconds_of_day(image.header.text("StudyTime") or "")) is not None]
    return Written(min(days), min(times, default=None)) if days else None


def _is_early(form: ReportForm, begun: Written | None) -> bool:
    """Whether a report is older than the examination, by the images or by what it says itself."""
    examined = [moment for moment in (begun, form.examined) if moment is not None]
    return form.written is not None and any(form.written.is_before(one.day, one.second) for one in examined)


def _is_of_other(form: ReportForm, image: Header) -> bool:
    return bool(form.persons) and not any(same_person(person, image) for person in form.persons)


def _places(reports: Sequence[_Report], evidence: Evidence) -> Iterator[Measurement]:
    """Headings against what images show: parts of the body, then sides."""
    shown = {region for stack in evidence.stack_facts for region in stack.region.label}
    sides = {stack.laterality for stack in evidence.stack_facts if stack.laterality is not None}
    untold: list[_Report] = []
    for report in reports:
        said, named = report.form.regions, report.form.sides
        if not said or is_vague(said):
            untold.append(report)
        elif shown and shown.isdisjoint(said):
            yield _found("region_mismatch", [report], {"said": ", ".join(said)})
        if len(sides) == 1 and len(named) == 1 and opposed({"report": named[0], "images": next(iter(sides))}):
            yield _found("side_mismatch", [report], {"said": named[0]})
    yield from _some("place_untold", untold)


def headings(header: Header) -> Iterator[str]:
    """What a report says of itself: titles, and those items of its content that name procedure, site or side."""
    for keyword in ("DocumentTitle", "SeriesDescription", "BodyPartExamined"):
        yield header.text(keyword) or ""
    items = [(item, 1) for item in header.items("ContentSequence")]
    for looked, (item, depth) in enumerate(items):
        if looked == _MOST_ITEMS:
            return
        names = {name.text("CodeValue") for name in item.items("ConceptNameCodeSequence")}
        if _HEADINGS & names:
            yield item.text("TextValue") or ""
            yield from (code.text("CodeMeaning") or "" for code in item.items("ConceptCodeSequence"))
        if depth < _DEPTH and len(items) < _MOST_ITEMS:
            items.extend((child, depth + 1) for child in item.items("ContentSequence"))


def _some(quantity: str, reports: Sequence[_Report]) -> Iterator[Measurement]:
    if reports:
        yield _found(quantity, reports)


def _found(quantity: str, reports: Sequence[_Report], detail: dict[str, str] | None = None) -> Measurement:
    return Measurement(f"{_NAME}.{quantity}", len(reports), "reports", reports[0].place, detail or {})
