"""What frames hold: colour, captures, phantoms and blanks, from headers and hand-made statistics."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qc_models.checks.body_part import content
from qc_models.checks.body_part.content import looks_like_a_page
from qc_models.evidence import Evidence
from qc_models.facts import RegionLabel
from qc_models.findings import Measurement
from qc_models.frame_statistics import FrameStatistics, frame_statistics
from tests.written_dicom import axial_slices

EvidenceOf = Callable[..., Evidence]
Sentences = Callable[[ModuleType, Measurement], tuple[str, ...]]
RANDOM = np.random.default_rng(3)
TISSUE = frame_statistics(RANDOM.normal(500, 80, (256, 256)).astype(np.int16))
BLANK = frame_statistics(np.full((256, 256), 7, np.int16))
PAGE = frame_statistics(np.where(RANDOM.random((256, 256)) < 0.1, 255, 0).astype(np.uint8))
COLOUR = frame_statistics(RANDOM.integers(0, 255, (256, 256, 3)).astype(np.uint8))


def with_statistics(evidence: Evidence, *statistics: FrameStatistics) -> Evidence:
    frames = [frame for stack in evidence.stacks for frame in stack.frames]
    found = {(frame.sop_instance_uid, frame.index): one for frame, one in zip(frames, statistics, strict=True)}
    return replace(evidence, statistics=found)


def measured(evidence: Evidence) -> dict[str, Measurement]:
    return {found.metric.rpartition(".")[2]: found for found in content.measure(evidence)}


def test_a_page_is_few_levels_on_one_background() -> None:
    assert looks_like_a_page(PAGE)
    assert not any(map(looks_like_a_page, (TISSUE, BLANK, COLOUR)))


def test_a_patients_images_say_nothing(evidence_of: EvidenceOf) -> None:
    evidence = evidence_of(axial_slices(3, Rows=256, Columns=256))
    assert measured(evidence) == {}
    assert measured(with_statistics(evidence, TISSUE, BLANK, TISSUE)) == {}


def test_colour_is_counted(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    (found,) = content.measure(with_statistics(evidence_of(axial_slices(3)), COLOUR, TISSUE, COLOUR))
    assert (found.metric, found.value) == ("body_part.content.colour", 2.0)
    assert all(sentences(content, found))


def test_a_wholly_blank_stack_is_told(evidence_of: EvidenceOf, sentences: Sentences) -> None:
    (found,) = content.measure(with_statistics(evidence_of(axial_slices(3)), BLANK, BLANK, BLANK))
    assert (found.metric, found.value) == ("body_part.content.blank", 3.0)
    assert all(sentences(content, found))


@pytest.mark.parametrize(
    ("keywords", "sign"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "SOPClassUID"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, "SOPClassUID"),
        ({"ConversionType": "SD"}, "ConversionType"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "ImageType"),
        ({"SeriesDescription": "Dose Report"}, "SeriesDescription"),
    ],
)
def test_a_capture_is_told_by_its_header(
    evidence_of: EvidenceOf, sentences: Sentences, keywords: dict[str, Any], sign: str
) -> None:
    captured = {"SeriesInstanceUID": "1.2.3.9", "SOPInstanceUID": "1.2.3.9.1", **keywords}
    found = measured(evidence_of([*axial_slices(3), captured]))["capture"]
    assert found.value == pytest.approx(1 / 4)
    assert found.detail["signs"] == [sign]
    assert found.detail["series_instance_uids"] == ["1.2.3.9"]
    assert all(sentences(content, found))


def test_a_capture_is_told_by_its_pixels(evidence_of: EvidenceOf) -> None:
    pages = with_statistics(evidence_of(axial_slices(3, Rows=256, Columns=256)), PAGE, PAGE, TISSUE)
    assert measured(pages)["capture"].value == 1.0
    assert measured(pages)["capture"].detail["signs"] == ["pixels"]
    one_page = with_statistics(evidence_of(axial_slices(3, Rows=256, Columns=256)), PAGE, TISSUE, TISSUE)
    assert measured(one_page) == {}


@pytest.mark.parametrize("description", ["LUNG SCREENING", "SnapShot Pulse 75%", "LOW DOSE CHEST"])
def test_words_that_only_resemble_are_no_capture(evidence_of: EvidenceOf, description: str) -> None:
    assert measured(evidence_of(axial_slices(2, SeriesDescription=description))) == {}


@pytest.mark.parametrize(
    ("keywords", "sign"),
    [
        ({"BodyPartExamined": "PHANTOM"}, "BodyPartExamined"),
        ({"SeriesDescription": "CatPhan 600"}, "SeriesDescription"),
        ({"StudyDescription": "Daily QA"}, "StudyDescription"),
        ({"StudyDescription": "水模扫描"}, "StudyDescription"),
        ({"QualityControlSubject": "YES"}, "QualityControlSubject"),
    ],
)
def test_a_phantom_is_told(evidence_of: EvidenceOf, sentences: Sentences, keywords: dict[str, Any], sign: str) -> None:
    found = measured(evidence_of(axial_slices(2, **keywords)))["phantom"]
    assert (found.value, found.detail["signs"]) == (1.0, [sign])
    assert all(sentences(content, found))


def test_a_phantom_that_the_images_show_is_told(evidence_of: EvidenceOf) -> None:
    region = RegionLabel(("phantom",), 0.99, "pixels")
    assert measured(evidence_of(axial_slices(2), region=region))["phantom"].detail["signs"] == ["region"]
