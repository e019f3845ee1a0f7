"""A rejection as a DICOM Key Object Selection, "Quality Issue": which images of the study others must not rely on, and why.

It removes nothing: the title that makes archives hide images, "Rejected for Quality Reasons", is for the hospital that made them.
"""

from collections.abc import Sequence

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodeContentItem, RelationshipTypeValues

from serving.archive import Archive
from serving.database.tables import InstanceRow
from serving.deliver.dicom_codes import QUALITY_ISSUE, TITLE_MODIFIER, Coded, rejection_code
from serving.deliver.document_subject import (
    MANUFACTURER,
    MODEL,
    UTF8,
    code_version,
    document_uids,
    evidence_of,
    finish,
    instance_number,
    reference_of,
    subject_of,
)
from serving.deliver.quality_report import concept, observer
from serving.deliver.told_verdict import ToldVerdict

SERIES_NUMBER, DESCRIPTION = 99002, "Quality issue"
_MOST_REASONS = 20


def quality_issue(told: ToldVerdict, archive: Archive) -> KeyObjectSelectionDocument:
    """The document of a rejection; RefusedError where the study has no image any more."""
    subject = subject_of(told, archive)
    series_uid, instance_uid = document_uids(told, "ko")
    named = [reference_of(told.study.uid, row) for row in rejected_images(told)]
    content = KeyObjectSelection(concept(QUALITY_ISSUE), named, observer_device_context=observer(told))
    modifiers = [
        CodeContentItem(concept(TITLE_MODIFIER), concept(reason), RelationshipTypeValues.HAS_CONCEPT_MOD)
        for reason in _reasons(told)
    ]
    for place, modifier in enumerate(modifiers):  # TID 2010: they stand before all else
        content[0].ContentSequence.insert(place, modifier)
    wanted = {one.SOPInstanceUID for one in named}
    evidence = [one for one in evidence_of(told, subject) if one is subject or one.SOPInstanceUID in wanted]
    document = KeyObjectSelectionDocument(
        evidence=evidence,
        content=content,
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=instance_uid,
        instance_number=instance_number(told),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=code_version(told),
        series_description=DESCRIPTION,
        specific_character_set=UTF8,
    )
    finish(document, subject, told)
    return document


def rejected_images(told: ToldVerdict) -> Sequence[InstanceRow]:
    """The images that a rejection is about: those that its findings name, else those of their series, else all of the study."""
    named: dict[str, InstanceRow] = {}
    for finding in told.findings:
        if finding["level"] != "reject":
            continue
        place = finding["location"]
        of_image = [row for row in told.images if row.sop_instance_uid == place.get("sop_instance_uid")]
        of_series = [row for row in told.images if row.series_instance_uid == place.get("series_instance_uid")]
        for row in of_image or of_series or told.images:
            named.setdefault(row.sop_instance_uid, row)
    return list((named or {row.sop_instance_uid: row for row in told.images}).values())


def _reasons(told: ToldVerdict) -> list[Coded]:
    decided = [finding["metric"] for finding in told.findings if finding["level"] == "reject"]
    return list(dict.fromkeys(map(rejection_code, decided or told.verdict.reasons or ["unknown"])))[:_MOST_REASONS]
