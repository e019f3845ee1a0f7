"""Declared counts: a shortfall is told in the sense in which a vendor counts, and never where more arrived."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_models.checks.completeness.declared_counts import measure, most_found, shortfall
from qc_models.study import RepeatedInstance, Unreadable
from tests.written_dicom import axial_slices

CASES = yaml.safe_load((Path(__file__).parent / "cases/declared_counts.yaml").read_text(encoding="utf-8"))
STUDY = "1.2.826.0.1.3680043.8.498.1"
SERIES = STUDY + ".1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], series_of: Any, evidence_of: Any, assert_measured: Any) -> None:
    assert_measured(measure(evidence_of(series_of(case))), case["expect"])


def test_shortfall() -> None:
    assert [shortfall(224, 24), shortfall(20, 20), shortfall(20, 25), shortfall(None, 0)] == [200, 0, 0, 0]


@pytest.mark.parametrize(
    ("declared", "in_series", "in_acquisition", "found"),
    [
        (40, 20, 40, 40),  # two series are one acquisition
        (40, 20, 39, 39),  # and one image of it is lost
        (11, 10, 21, 10),  # each series is an acquisition although their numbers are equal
        (1, 20, 20, 20),
    ],
)
def test_most_found(declared: int, in_series: int, in_acquisition: int, found: int) -> None:
    assert most_found(declared, in_series, in_acquisition) == found


def test_maps_that_carry_the_count_of_their_sources_are_exempt(evidence_of: Any) -> None:
    instances = axial_slices(6, ImagesInAcquisition=12)
    assert list(measure(evidence_of(instances, role="ADC"))) == []


def test_frames_against_functional_groups(evidence_of: Any) -> None:
    group = {"FrameContentSequence": [{"StackID": "1"}]}
    enhanced = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1",
        "Modality": "MR",
        "InstanceNumber": 1,
        "NumberOfFrames": 4,
        "PerFrameFunctionalGroupsSequence": [group] * 3,
    }
    (found,) = measure(evidence_of([enhanced]))
    assert (found.metric, found.value) == ("completeness.declared_counts.frames", 1)


def test_a_manifest_names_what_did_not_arrive(evidence_of: Any) -> None:
    images = [image | {"SOPInstanceUID": f"1.2.3.{i}"} for i, image in enumerate(axial_slices(3))]
    listed = [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": f"1.2.3.{i}"} for i in range(5)]
    manifest = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.59",
        "Modality": "KO",
        "SeriesInstanceUID": STUDY + ".2",
        "Rows": None,
        "ConceptNameCodeSequence": [
            {"CodeValue": "113030", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Manifest"}
        ],
        "CurrentRequestedProcedureEvidenceSequence": [
            {
                "StudyInstanceUID": STUDY,
                "ReferencedSeriesSequence": [{"SeriesInstanceUID": SERIES, "ReferencedSOPSequence": listed}],
            },
            {
                "StudyInstanceUID": "1.9.9",  # another study, which is not expected here
                "ReferencedSeriesSequence": [
                    {"SeriesInstanceUID": "1.9", "ReferencedSOPSequence": [{"ReferencedSOPInstanceUID": "1.9.1"}]}
                ],
            },
        ],
    }
    (found,) = measure(evidence_of([*images, manifest]))
    assert (found.metric, found.value) == ("completeness.declared_counts.manifest", 2)
    assert found.detail == {"declared": 5, "series": [SERIES]}


def test_the_senders_count_takes_in_files_that_cannot_be_read_or_came_twice(evidence_of: Any) -> None:
    evidence = evidence_of(axial_slices(5))
    study = replace(
        evidence.study,
        declared_instances=9,
        unreadable=(Unreadable("a.dcm", "a.dcm: broken"),),
        repeated=(RepeatedInstance(SERIES, "1.2", 2, agrees=True),),
    )
    (found,) = measure(replace(evidence, study=study))
    assert (found.metric, found.value, found.detail["found"]) == ("completeness.declared_counts.sender", 2, 7)
