"""What a DICOM document takes over from the study that it is about, and the UIDs that it has whenever it is made again."""

import hashlib
from pathlib import Path

from pydicom import config as settings
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import ComprehensiveSRStorage, KeyObjectSelectionDocumentStorage
from pydicom.valuerep import PersonName, validate_value

from serving.archive import Archive
from serving.database.tables import InstanceRow, VerdictRow
from serving.deliver.http_sending import RefusedError
from serving.deliver.told_verdict import ToldVerdict
from serving.verdicts import FINAL

MANUFACTURER, MODEL = "Touchstone", "Touchstone QC gate"
UTF8 = "ISO_IR 192"  # patients' names are written in it, whatever their images have
# Patient (PS3.3 C.7.1.1) and study (C.7.2.1); the first are asked for by every document, and empty where they are not known
_ALWAYS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_WHERE_KNOWN = ("IssuerOfPatientID", "StudyDescription")


def subject_of(told: ToldVerdict, archive: Archive) -> Dataset:
    """Patient and study as an image of the study names them, and that image; RefusedError where there is none any more."""
    images = told.images
    if not images:
        raise RefusedError("the study has no image, and so no patient to write a document about", ever=False)
    with archive.local(images[0].archive_key) as path:
        read = _read(path)
    subject = reference_of(told.study.uid, images[0])
    subject.SpecificCharacterSet = UTF8
    for keyword in (*_ALWAYS, *_WHERE_KNOWN):
        value = _plain(read, keyword)
        if value or keyword in _ALWAYS:
            setattr(subject, keyword, value)
    return subject


def reference_of(study_uid: str, row: InstanceRow) -> Dataset:
    """An image as something that a document refers to."""
    reference = Dataset()
    reference.SOPClassUID, reference.SOPInstanceUID = row.sop_class_uid, row.sop_instance_uid
    reference.StudyInstanceUID, reference.SeriesInstanceUID = study_uid, row.series_instance_uid
    reference.Rows, reference.Columns = row.rows, row.columns
    return reference


def evidence_of(told: ToldVerdict, subject: Dataset) -> list[Dataset]:
    """All images of a study, the subject first."""
    references = [reference_of(told.study.uid, row) for row in told.images]
    return [subject, *(one for one in references if one.SOPInstanceUID != subject.SOPInstanceUID)]


def derived_uid(*parts: object) -> str:
    """A UID that is the same whenever it is made of the same parts (PS3.5 B.2, the UUID of a digest)."""
    digest = bytearray(hashlib.sha256("\n".join(map(str, parts)).encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80  # version 8 of RFC 9562
    return f"2.25.{int.from_bytes(digest, 'big')}"


def document_uids(told: ToldVerdict, kind: str, verdict: VerdictRow | None = None) -> tuple[str, str]:
    """Series and instance of a document about a verdict: the same for every attempt, and at every receiver.

    `verdict` is another one of the same study.
    """
    study = (told.hospital.id, told.study.uid, kind)
    verdict = verdict or told.verdict
    return derived_uid("series", *study), derived_uid(
        "instance", *study, verdict.id, verdict.created_at.isoformat(), verdict.versions_digest
    )


def replaced_documents(told: ToldVerdict) -> list[Dataset]:
    """The documents of the verdict that this one replaces, as references: its report and, of a rejection, its key objects."""
    replaced = told.replaced
    if replaced is None:
        return []
    kinds = {"sr": ComprehensiveSRStorage} | (
        {"ko": KeyObjectSelectionDocumentStorage} if replaced.verdict == "reject" else {}
    )
    documents = []
    for kind, sop_class in kinds.items():
        document = Dataset()
        document.StudyInstanceUID, document.SOPClassUID = told.study.uid, sop_class
        document.SeriesInstanceUID, document.SOPInstanceUID = document_uids(told, kind, replaced)
        documents.append(document)
    return documents


def finish(document: Dataset, subject: Dataset, told: ToldVerdict) -> None:
    """Gives a document the time of its verdict instead of that of its making, and what else is known of the study."""
    at = told.verdict.created_at.astimezone()
    for kind in ("Content", "InstanceCreation"):
        setattr(document, f"{kind}Date", at.strftime("%Y%m%d"))
        setattr(document, f"{kind}Time", at.strftime("%H%M%S"))
    for equipment in document.get("ContributingEquipmentSequence", ()):
        equipment.pop("ContributionDateTime", None)
    for keyword in _WHERE_KNOWN:
        if keyword in subject:
            setattr(document, keyword, subject[keyword].value)


def instance_number(told: ToldVerdict) -> int:
    """The place of a document in its series."""
    return 2 * told.verdict.generation + (told.verdict.kind == FINAL)


def code_version(told: ToldVerdict) -> str:
    """What judged, as far as 64 characters go."""
    return str(told.verdict.versions.get("code") or "unknown")[:64]


def _read(path: Path) -> Dataset:
    """An object of the archive without its pixels; it was read when it came, but by another reader."""
    try:
        return dcmread(path, force=True, stop_before_pixels=True, specific_tags=[*_ALWAYS, *_WHERE_KNOWN])
    except Exception as error:  # whatever a sender wrote must not stop the document
        raise RefusedError(f"the header of an image cannot be read ({type(error).__name__})", ever=False) from error


def _plain(read: Dataset, keyword: str) -> str | PersonName:
    """The first value in Unicode; empty where it is absent, or is none that a new document may hold."""
    try:
        value = read.get(keyword)
        text = str(value[0] if isinstance(value, MultiValue) and value else value)
        if value is None or not text.isprintable():
            return ""
        validate_value(dictionary_VR(keyword), text, settings.RAISE)
        return PersonName(text) if keyword.endswith("Name") else text
    except Exception:  # whatever a sender wrote: pydicom raises many kinds
        return ""
