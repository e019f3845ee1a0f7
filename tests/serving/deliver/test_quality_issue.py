"""The quality issue: a key object selection that names the images that were rejected, and why by the standard's codes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from qc_models.report import QcReport
from serving.deliver.quality_issue import quality_issue, rejected_images
from serving.deliver.told_verdict import ToldVerdict
from tests.serving.deliver.judged_studies import Judged, judge
from tests.serving.deliver.test_quality_report import items, said, validated
from tests.serving.made_rows import Clock
from tests.serving.transfer.conftest import Service

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOWHERE = {"series_instance_uid": None, "sop_instance_uid": None}


@pytest.fixture
def found(service: Service, clock: Clock, small_hand: Judged) -> ToldVerdict:
    return judge(service.opened, small_hand)


def with_findings(found: ToldVerdict, *findings: tuple[str, str, dict[str, Any]]) -> ToldVerdict:
    assert found.report is not None
    said = [{"metric": metric, "level": level, "location": NOWHERE | place} for metric, level, place in findings]
    return replace(found, report=QcReport({**found.report.content, "findings": said}))


def named(document: Dataset) -> list[str]:
    return [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in items(document) if item.ValueType == "IMAGE"
    ]


def test_it_names_images_and_reasons(service: Service, found: ToldVerdict, tmp_path: Path) -> None:
    first, second = found.images
    found = with_findings(
        found,
        ("artifacts.grid_lines.peak_db", "reject", {"sop_instance_uid": second.sop_instance_uid}),
        ("artifacts.ghosting.repeat", "reject", {"series_instance_uid": second.series_instance_uid}),
        ("artifacts.motion.replicas", "review", {"sop_instance_uid": first.sop_instance_uid}),
    )
    document = quality_issue(found, service.opened.archive)
    validated(document, tmp_path)
    assert document.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.59"
    title = document.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodeMeaning) == ("113010", "Quality Issue")
    assert said(document, "113011") == ["111208", "111215"]  # CID 7011: grid, other artifacts
    assert named(document) == [second.sop_instance_uid]


@pytest.mark.parametrize(
    ("place", "numbers"), [("image", [1]), ("series", [1]), ("study", [0, 1]), ("elsewhere", [0, 1])]
)
def test_images_are_those_of_the_place_of_a_finding(found: ToldVerdict, place: str, numbers: list[int]) -> None:
    of_it: dict[str, dict[str, Any]] = {
        "image": {"sop_instance_uid": found.images[1].sop_instance_uid, "series_instance_uid": "1.2"},
        "series": {"series_instance_uid": found.images[1].series_instance_uid},
        "study": {},
        "elsewhere": {"series_instance_uid": "1.2", "sop_instance_uid": "1.2.3"},
    }
    told = with_findings(found, ("completeness.scan_range.missing_mm", "reject", of_it[place]))
    assert [row.id for row in rejected_images(told)] == [found.images[number].id for number in numbers]


def test_a_persons_rejection_without_a_finding_is_about_all_of_it(service: Service, found: ToldVerdict) -> None:
    document = quality_issue(with_findings(found), service.opened.archive)
    assert len(named(document)) == 2
    assert said(document, "113011") == ["111220", "111221"]  # of what the machine had found
