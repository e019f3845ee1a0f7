"""The measurement benchmark: strengths, figures from samples by hand, the table and the page."""

import math

import pytest

from benchmarks import measurement_page, measurements
from benchmarks.measurements import Detector, Sample
from qc_models.check_registry import checks
from qc_models.simulation.pixel_defects.catalogue import PIXEL_DEFECTS

RING = Detector("ring", "artifacts.ring.amplitude_hu")


@pytest.mark.parametrize(
    "detector", [*measurements.ARTIFACTS, *measurements.OTHERS], ids=lambda one: f"{one.defect} {one.metric}"
)
def test_every_detector_names_a_defect_and_a_metric_that_are_there(detector: Detector) -> None:
    assert detector.defect in PIXEL_DEFECTS
    assert detector.metric.rpartition(".")[2] in checks()[detector.check].quantities


def test_every_pixel_defect_has_a_detector() -> None:
    assert {detector.defect for detector in (*measurements.ARTIFACTS, *measurements.OTHERS)} == set(PIXEL_DEFECTS)


def test_strengths_are_the_named_levels_and_what_lies_between() -> None:
    zero, low, between, middle, *_, high = measurements.strengths_of(PIXEL_DEFECTS["ring"])
    assert (zero, low, middle, high) == (0, 20, 80, 250)
    assert between == pytest.approx(40)  # the geometric mean of 20 and 80


def samples(disturbing: float, clean: float = 5.0) -> list[Sample]:
    strengths = measurements.strengths_of(PIXEL_DEFECTS["ring"])
    values = (clean, 10.0, 20.0, disturbing, 90.0, 200.0)
    return [
        Sample(subject, f"{subject}/1", strength, 0, value, (value, value))
        for subject in "abc"
        for strength, value in zip(strengths, values, strict=True)
    ]


def test_a_value_that_grows_and_tells_meets_the_target() -> None:
    row = measurements._figures(RING, samples(disturbing=50.0))
    assert (row["spearman"]["value"], row["auc_of_stacks"]["value"], row["auc_of_images"]["value"]) == (1, 1, 1)
    assert row["limit_from_the_others"] == {"false_alarms": 0.0, "caught": 1.0}
    assert row["images"] == {"clean": 6, "defective": 6}
    assert row["met"]


def test_a_value_that_does_not_tell_misses_it_and_is_shown_so() -> None:
    row = measurements._figures(RING, samples(disturbing=5.0))
    assert row["auc_of_images"]["value"] == 0.5  # all tied
    assert not row["met"]
    figures = {"artifacts": [row], "others": []}
    assert measurements.table(figures).splitlines()[1].endswith("NO")
    page = measurement_page.page(figures)
    assert "artifacts.ring.amplitude_hu" in page
    assert "missed" in page


def test_what_is_not_measured_counts_as_not_seen() -> None:
    row = measurements._figures(RING, samples(disturbing=math.nan))
    assert row["auc_of_images"]["value"] == 0
    assert row["by_strength"][3]["measured"] == "0/3"
