"""The structured report: valid, by the codes of the standard, about the study's own patient and images, the same every time."""

import shutil
import subprocess
import warnings
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import update

from qc_models.report import QcReport
from serving.archive import FolderArchive
from serving.database.tables import InstanceRow
from serving.deliver.http_sending import RefusedError
from serving.deliver.quality_issue import quality_issue
from serving.deliver.quality_report import quality_report
from serving.deliver.told_verdict import ToldVerdict
from tests.serving.conftest import object_bytes
from tests.serving.deliver.judged_studies import Judged, judge, told
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def measured(judged: Judged) -> Judged:
    """The study with two more things that pixels would have told."""
    first = judged.report.content["stacks"][0]["series_instance_uid"]
    image = next(one for one in judged.files if dcmread(one, stop_before_pixels=True).SeriesInstanceUID == first)
    place = {
        "series_instance_uid": first,
        "sop_instance_uid": dcmread(image, stop_before_pixels=True).SOPInstanceUID,
        "frame": 0,
        "slice": 0,
        "box": None,
        "stack": 0,
    }
    more = [
        {"metric": "adequacy.noise_hu.soft_5mm_hu", "value": 12.3456789, "unit": "HU", "location": place, "detail": {}},
        {"metric": "artifacts.ghosting.repeat", "value": 0.09, "unit": "1", "location": place, "detail": {}},
    ]
    finding = {**judged.report.findings[0], "metric": "artifacts.ghosting.repeat", "level": "review", "location": place}
    content = judged.report.content
    told = {**content, "measurements": [*content["measurements"], *more], "findings": [*content["findings"], finding]}
    return Judged(judged.files, QcReport(told))


def validated(document: Dataset, tmp_path: Path) -> None:
    """Asks dciodvfy, which knows all but our own scheme; skips where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")
    document.save_as(tmp_path / "document.dcm", enforce_file_format=True)
    said = subprocess.run(["dciodvfy", "-new", str(tmp_path / "document.dcm")], capture_output=True, text=True)
    assert [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")] == []


def items(dataset: Dataset) -> list[Dataset]:
    """All content items, in their order."""
    found = []
    for item in dataset.get("ContentSequence", ()):
        found += [item, *items(item)]
    return found


def said(document: Dataset, name: str) -> list[str]:
    """The codes that are said under the code of a name."""
    return [
        item.ConceptCodeSequence[0].CodeValue
        for item in items(document)
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == name
    ]


def test_it_says_the_verdict_by_the_standards_codes(
    service: Service, clock: Clock, small_hand: Judged, tmp_path: Path
) -> None:
    judged = measured(small_hand)
    found = judge(service.opened, judged)
    document = quality_report(found, service.opened.archive)
    validated(document, tmp_path)
    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert said(document, "111050") == ["111235"]  # CID 6044: unusable
    assert said(document, "111051") == ["111240"]  # institutionally defined standard
    assert said(document, "130549") == ["RID14"]
    assert set(said(document, "111052")) == {"130570", "111220", "111221", "RID11426"}  # protocol, …, ghost
    assert said(document, "363698007") == ["85562004", "85562004"]  # the hand, in both series
    assert said(document, "272741003") == ["24028007", "24028007"]  # the right one
    assert document.PreliminaryFlag == "FINAL"

    numbers = {}
    for item in items(document):
        if item.ValueType == "NUM":
            name = item.ConceptNameCodeSequence[0]
            value = item.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            numbers[name.get("LongCodeValue") or name.CodeValue] = (float(value.NumericValue), unit, item)
    assert numbers["score.total"][:2] == (small_hand.report.content["score"], "{points}")
    assert numbers["adequacy.noise_hu.soft_5mm_hu"][:2] == (12.3457, "[hnsf'U]")
    (reference,) = numbers["adequacy.noise_hu.soft_5mm_hu"][2].ContentSequence
    assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID in [row.sop_instance_uid for row in found.images]


def test_it_is_about_the_patient_and_images_of_the_study(
    service: Service, clock: Clock, small_hand: Judged, tmp_path: Path
) -> None:
    document = quality_report(judge(service.opened, small_hand), service.opened.archive)
    image = dcmread(small_hand.files[0], stop_before_pixels=True)
    for keyword in ("PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID", "StudyInstanceUID", "StudyID"):
        assert document[keyword].value == image[keyword].value, keyword
    assert str(document.PatientName) == str(image.PatientName)
    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence
    named = {
        one.ReferencedSOPInstanceUID
        for series in evidence.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert named == {dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in small_hand.files}


def content_of(document: Dataset) -> bytes:
    stream = BytesIO()
    document.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def test_it_is_the_same_document_every_time_and_another_of_another_verdict(
    service: Service, clock: Clock, small_hand: Judged, hand: Judged
) -> None:
    archive = service.opened.archive
    first = judge(service.opened, small_hand)
    for make in (quality_report, quality_issue):
        assert content_of(make(first, archive)) == content_of(make(told(service.opened, first.verdict.id), archive))
    second = judge(service.opened, hand)
    one, other = quality_report(first, archive), quality_report(second, archive)
    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert (said(other, "111050"), said(other, "130549"), said(other, "111052")) == (["111237"], ["RID12"], [])
    assert one.SOPInstanceUID.startswith("2.25.")


def test_it_names_the_documents_that_hold_no_more(
    service: Service, clock: Clock, small_hand: Judged, hand: Judged, tmp_path: Path
) -> None:
    """DICOM has no way to take a key object document back: the report of the next verdict says that it is replaced."""
    archive = service.opened.archive
    rejected = judge(service.opened, small_hand)
    gone = [quality_report(rejected, archive), quality_issue(rejected, archive)]
    assert "PredecessorDocumentsSequence" not in gone[0]
    passed = judge(service.opened, hand)
    document = quality_report(passed, archive)
    validated(document, tmp_path)
    assert predecessors(document) == {(one.SOPClassUID, one.SeriesInstanceUID, one.SOPInstanceUID) for one in gone}
    third = judge(service.opened, hand)  # of a verdict that passed there is no key object document
    assert predecessors(quality_report(third, archive)) == {
        (document.SOPClassUID, document.SeriesInstanceUID, document.SOPInstanceUID)
    }


def predecessors(document: Dataset) -> set[tuple[str, str, str]]:
    """SOP class, series and instance of each document that one replaces."""
    (study,) = document.PredecessorDocumentsSequence
    assert study.StudyInstanceUID == document.StudyInstanceUID
    return {
        (one.ReferencedSOPClassUID, series.SeriesInstanceUID, one.ReferencedSOPInstanceUID)
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"PatientName": "张^三", "SpecificCharacterSet": "GB18030"},
        {"PatientBirthDate": "yesterday", "StudyTime": "ab", "PatientSex": "x" * 99, "StudyID": "y" * 70},
        {"PatientID": "a\\b\\c", "StudyDescription": "胸部", "SpecificCharacterSet": "GB18030"},
        {"PatientID": None, "PatientName": "", "PatientSex": None},
    ],
)
def test_whatever_an_image_says_the_documents_are_valid(
    fields: dict[str, Any], service: Service, clock: Clock, small_hand: Judged, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are none
        content = object_bytes(**fields)
    image = dcmread(BytesIO(content))
    (tmp_path / "image").write_bytes(content)
    report = QcReport({**small_hand.report.content, "study_instance_uid": image.StudyInstanceUID})
    found = judge(service.opened, Judged((tmp_path / "image",), report))
    document = quality_report(found, service.opened.archive)
    validated(document, tmp_path)
    validated(quality_issue(found, service.opened.archive), tmp_path)
    if "张^三" in fields.values():
        assert str(dcmread(tmp_path / "document.dcm").PatientName) == "张^三"


def test_without_an_image_or_its_header_there_is_none(
    service: Service, clock: Clock, small_hand: Judged, archive: FolderArchive
) -> None:
    found = judge(service.opened, small_hand)
    with pytest.raises(RefusedError, match="has no image") as caught:
        quality_report(replace(found, instances=()), service.opened.archive)
    assert not caught.value.ever
    with service.opened.database.writing() as session:
        session.execute(update(InstanceRow).values(rows=0))
    with pytest.raises(RefusedError):
        quality_issue(told(service.opened, found.verdict.id), service.opened.archive)


def test_what_a_purge_left_of_a_report_is_told(
    service: Service, clock: Clock, small_hand: Judged, tmp_path: Path
) -> None:
    found: ToldVerdict = replace(judge(service.opened, small_hand), report=None)
    document = quality_report(found, service.opened.archive)
    validated(document, tmp_path)
    assert said(document, "111050") == ["111235"]
