"""Of each finding the frames that a reviewer wants to see come to light."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from inference.pipeline import Examined, Settings, examine
from qc_models.report import QcReport
from qc_models.study import Study
from serving.finding_frames import FrameGroup, frames_of_finding
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.written_dicom import axial_slices

Build = Callable[[Iterable[Mapping[str, Any]]], Study]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True, models=False)


def groups(examined: Examined, metric: str) -> list[FrameGroup]:
    (finding,) = [finding for finding in examined.report.findings if finding["metric"] == metric]
    return frames_of_finding(examined, finding)


def numbers(group: FrameGroup) -> list[int | None]:
    return [frame.instance_number for frame in group.frames]


def test_a_gap_shows_its_neighbours(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(16)
    del slices[10], slices[4]  # numbers 11 and 5
    examined = examine(study_of(slices), settings)
    found = groups(examined, "completeness.slice_positions.missing")
    assert [numbers(group) for group in found] == [[4, 6], [10, 12]]
    assert all(group.gap for group in found)


def test_absent_numbers_show_the_images_around_them(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(16)
    for number, entry in enumerate(slices):  # no gap in space: 1 to 8, 11 to 18
        entry["InstanceNumber"] = number + (1 if number < 8 else 3)
    examined = examine(study_of(slices), settings)
    (group,) = groups(examined, "completeness.instance_numbers.missing")
    assert (numbers(group), group.gap) == ([8, 11], True)


def test_a_position_taken_twice_shows_both_images(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(12)
    copy = {**slices[6], "InstanceNumber": 40, "SOPInstanceUID": "1.2.3.40", "pixels": [[9] * 16] * 16}
    examined = examine(study_of([*slices, copy]), settings)
    (group,) = groups(examined, "completeness.slice_positions.duplicate")
    assert (sorted(numbers(group), key=str), group.gap) == ([40, 7], False)


def test_empty_slices_are_shown_each(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(12)
    for number in (3, 8):
        slices[number]["pixels"] = [[0] * 16] * 16
    examined = examine(study_of(slices), settings)
    assert [numbers(group) for group in groups(examined, "completeness.pixel_integrity.blank")] == [[4], [9]]


def test_images_of_another_patient_are_shown(study_of: Build, settings: Settings) -> None:
    slices = axial_slices(12)
    for number in (3, 8):
        slices[number]["PatientID"] = "ANOTHER"
    examined = examine(study_of(slices), settings)
    shown = [numbers(group) for group in groups(examined, "metadata.patient_identity.patients")]
    assert sorted(shown) == [[4], [9]]


def test_a_finding_about_no_image_shows_none(study_of: Build, settings: Settings) -> None:
    sr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "Rows": None, "PixelData": None}
    examined = examine(study_of([sr]), settings)
    assert groups(examined, "metadata.request_match.unknown_exam") == []


def test_what_is_of_a_whole_stack_is_shown_where_its_curve_is_worst(study_of: Build, settings: Settings) -> None:
    examined = examine(study_of(axial_slices(6)), settings)
    place = {"series_instance_uid": examined.stacks[0].series_instance_uid, "sop_instance_uid": None}
    place |= {"frame": None, "slice": None, "box": None}
    told = {"value": 4.0, "unit": "HU", "location": {**place, "stack": 0}}
    curve = {"metric": "adequacy.noise_hu.median_hu", "detail": {"curve": [[0, 4.0], [3, 9.0], [5, 3.0]]}, **told}
    scaled = {"metric": "adequacy.noise_hu.soft_5mm_hu", "detail": {}, **told}
    report = QcReport({**examined.report.content, "measurements": [curve, scaled]})
    for measured in (curve, scaled):
        finding = {"metric": measured["metric"], "value": 4.0, "location": place}
        assert [numbers(group) for group in frames_of_finding(replace(examined, report=report), finding)] == [[4]]


def test_a_slice_or_an_image_alone_is_shown(study_of: Build, settings: Settings) -> None:
    examined = examine(study_of(axial_slices(6)), settings)
    series_uid = examined.stacks[0].series_instance_uid
    place = {"series_instance_uid": series_uid, "sop_instance_uid": None, "frame": None, "slice": 2, "box": None}
    finding = {"metric": "artifacts.simulated.strength", "value": 1.0, "location": place}
    assert [numbers(group) for group in frames_of_finding(examined, finding)] == [[3]]
    uid = examined.stacks[0].frames[4].sop_instance_uid
    finding["location"] = place | {"sop_instance_uid": uid, "slice": None, "box": [0, 0, 4, 4]}
    assert [numbers(group) for group in frames_of_finding(examined, finding)] == [[5]]
