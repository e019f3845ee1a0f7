"""Text burnt into pixels, declared or likely."""

from collections.abc import Callable

import pytest

from qc_models.checks.metadata import burned_in
from qc_models.evidence import Evidence
from tests.written_dicom import axial_slices

CAPTURE = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}


@pytest.mark.parametrize(
    ("keywords", "facts", "expected"),
    [
        ({}, {}, {}),
        ({"BurnedInAnnotation": "NO"}, {}, {}),
        ({"BurnedInAnnotation": "YES"}, {}, {"declared": 2}),
        ({"BurnedInAnnotation": "YES"}, {"role": "LOC"}, {"likely": 2}),
        (CAPTURE, {}, {"likely": 2}),
        (CAPTURE | {"BurnedInAnnotation": "YES"}, {}, {"likely": 2}),
        (CAPTURE | {"BurnedInAnnotation": "NO"}, {}, {}),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"}, {}, {"likely": 2}),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, {}, {"likely": 2}),
    ],
)
def test_what_images_say(
    evidence_of: Callable[..., Evidence],
    keywords: dict[str, object],
    facts: dict[str, str],
    expected: dict[str, int],
) -> None:
    found = burned_in.measure(evidence_of(axial_slices(2, **keywords), **facts))
    assert {
        measurement.metric.removeprefix("metadata.burned_in."): measurement.value for measurement in found
    } == expected


def test_the_image_is_named(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3)
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", "BurnedInAnnotation": "YES"}
    (found,) = burned_in.measure(evidence_of(slices))
    assert (found.value, found.location.sop_instance_uid) == (1, "1.2.3.4")


def test_real_studies_say_nothing(real_evidence: dict[str, Evidence]) -> None:
    assert [name for name, evidence in real_evidence.items() if list(burned_in.measure(evidence))] == []
