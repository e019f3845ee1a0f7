"""Dates, times and ages of a study against each other, the birth date and the date of the verdict."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from qc_models.checks.metadata import dates
from qc_models.checks.metadata.dates import Moment, days_before, parse_date, seconds_of_day, skew_s, stated_age_years
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.judged_facts import facts, item
from tests.written_dicom import axial_slices

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "dates.yaml").read_text(encoding="utf-8"))
ITEM = item("CT-CHEST", "chest", ("plain",))


def by_quantity(evidence: Evidence) -> dict[str, Measurement]:
    return {found.metric.removeprefix("metadata.dates."): found for found in dates.measure(evidence)}


@pytest.mark.parametrize(("text", "expected"), CASES["dates"].items())
def test_date_values(text: str, expected: date | None) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES["times_s"].items())
def test_time_values(text: str, expected: float | None) -> None:
    assert seconds_of_day(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES["ages_years"].items())
def test_age_values(text: str, expected: float | None) -> None:
    assert stated_age_years(text) == (None if expected is None else pytest.approx(expected, abs=0.001))


def test_order_of_moments() -> None:
    early = Moment(date(2026, 9, 1), datetime(2026, 9, 1, 10))
    late = Moment(date(2026, 9, 4), datetime(2026, 9, 4, 9))
    assert (days_before(early, late), days_before(late, early), days_before(None, late)) == (0, 3, 0)
    assert (skew_s(late, early), skew_s(early, late)) == (0.0, 0.0)  # three days: the date is wrong, not the clock
    evening = Moment(date(2026, 9, 1), datetime(2026, 9, 1, 18))
    assert (skew_s(evening, early), skew_s(early, evening)) == (8 * 3600.0, 0.0)
    assert skew_s(Moment(date(2026, 9, 1), datetime(2026, 9, 1, 10, 0, 50)), early) == 0.0


def test_a_sound_study_says_nothing(evidence_of: Callable[..., Evidence]) -> None:
    sound = axial_slices(3, PatientAge="046Y", AcquisitionTime="101800", ContentDate="20260901", ContentTime="101801")
    assert by_quantity(evidence_of(sound)) == {}


def test_midnight_between_two_slices_says_nothing_but_a_day(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(4, StudyTime="235900", AcquisitionTime="235950")
    slices[3] |= {"AcquisitionDate": "20260902", "AcquisitionTime": "000010"}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"spread_days"}
    assert found["spread_days"].value == 1


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")
def test_absent_and_malformed(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(3)
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "StudyDate": None}
    slices[2] |= {"AcquisitionTime": "10h15"}
    found = by_quantity(evidence_of(slices))
    assert (found["absent"].value, found["absent"].location.sop_instance_uid) == (1, "1.2.3.4")
    assert (found["malformed"].value, found["malformed"].detail["attribute"]) == (1, "AcquisitionTime")


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("modality", ["SR", "PR", "KO"])
def test_an_object_without_an_image_is_not_asked_for_its_own_dates(
    evidence_of: Callable[..., Evidence], modality: str
) -> None:
    ends = {"SR": "88.11", "PR": "11.1", "KO": "88.59"}
    document = {
        "SOPClassUID": f"1.2.840.10008.5.1.4.1.1.{ends[modality]}",
        "SeriesInstanceUID": "1.2.3",
        "Modality": modality,
        "StudyDate": None,
        "AcquisitionDate": "20260701",
        "ContentDate": "20260101",
        "ContentTime": "10h15",
        "PatientAge": "young",
        "Rows": None,
    }
    assert by_quantity(evidence_of([*axial_slices(3), document])) == {}


def test_days_in_the_future() -> None:
    as_of = date(2026, 9, 10)
    (found,) = dates.relate(facts(latest_date=date(2026, 9, 15)), ITEM, as_of)
    assert (found.metric, found.value) == ("metadata.dates.future_days", 5)
    assert list(dates.relate(facts(latest_date=date(2026, 9, 10)), ITEM, as_of)) == []
    assert list(dates.relate(facts(latest_date=None), ITEM, as_of)) == []


def test_a_birth_after_the_examination_counts_every_image(evidence_of: Callable[..., Evidence]) -> None:
    found = by_quantity(evidence_of(axial_slices(3, PatientBirthDate="20260902")))
    assert found["before_birth"].value == 3
    newborn = by_quantity(evidence_of(axial_slices(3, PatientBirthDate="20260901")))
    assert "before_birth" not in newborn


@pytest.mark.parametrize(
    ("changed", "earlier", "later", "days"),
    [
        ({"AcquisitionDate": "20260825"}, "StudyDate", "AcquisitionDate", 7),
        ({"SeriesDate": "20260828"}, "StudyDate", "SeriesDate", 4),
        ({"ContentDate": "20260830"}, "AcquisitionDate", "ContentDate", 2),
    ],
)
def test_dates_out_of_order(
    evidence_of: Callable[..., Evidence], changed: dict[str, str], earlier: str, later: str, days: int
) -> None:
    slices = axial_slices(4)
    slices[2] |= {"SOPInstanceUID": "1.2.3.4", **changed}
    found = by_quantity(evidence_of(slices))["order_days"]
    assert (found.value, found.location.sop_instance_uid) == (days, "1.2.3.4")
    assert found.detail == {"earlier": earlier, "later": later, "instances": 1}


def test_a_late_reconstruction_is_in_order(evidence_of: Callable[..., Evidence]) -> None:
    late = axial_slices(2, SeriesDate="20260903", SeriesTime="090000", ContentDate="20260903")
    assert by_quantity(evidence_of(late)) == {}


def test_a_slice_of_another_day_is_named(evidence_of: Callable[..., Evidence]) -> None:
    slices = axial_slices(5)
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "AcquisitionDate": "20261001"}
    found = by_quantity(evidence_of(slices))
    assert set(found) == {"spread_days"}
    assert (found["spread_days"].value, found["spread_days"].detail["instances"]) == (30, 1)
    assert found["spread_days"].location.sop_instance_uid == "1.2.3.4"


def test_universal_time_beside_local_time(evidence_of: Callable[..., Evidence]) -> None:
    found = by_quantity(evidence_of(axial_slices(2, AcquisitionTime="021600")))  # the study began at 10:15:00
    assert found["clock_skew_s"].value == 7 * 3600 + 59 * 60
    assert found["clock_skew_s"].detail == {"earlier": "StudyTime", "later": "AcquisitionTime", "instances": 2}


def test_acquisition_in_one_value(evidence_of: Callable[..., Evidence]) -> None:
    one = axial_slices(2, AcquisitionDate=None, AcquisitionDateTime="20260820101600.5+0800")
    assert by_quantity(evidence_of(one))["order_days"].value == 12


@pytest.mark.parametrize(
    ("removed", "quantity"),
    [(None, "age_difference_years"), ("YES", "age_difference_deidentified_years")],
)
def test_age_against_birth_date(evidence_of: Callable[..., Evidence], removed: str | None, quantity: str) -> None:
    changes = {"PatientBirthDate": "19800101", "PatientIdentityRemoved": removed}
    right = by_quantity(evidence_of(axial_slices(2, PatientAge="046Y", **changes)))
    assert right == {}
    wrong = by_quantity(evidence_of(axial_slices(2, PatientAge="064Y", **changes)))
    assert set(wrong) == {quantity}
    assert wrong[quantity].value == pytest.approx(17.3, abs=0.05)  # 46.7 years old on 1 September 2026


def test_measurements_read_as_sentences_without_birth_dates(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(4, PatientAge="010Y", ContentDate="20260825", ContentTime="101400", AcquisitionTime="101600")
    slices[0] |= {"AcquisitionDate": "20260701", "SeriesTime": "090000"}
    slices[1] |= {"PatientBirthDate": "20260903"}
    slices[2] |= {"StudyDate": None}
    found = by_quantity(evidence_of(slices))
    assert {"absent", "before_birth", "order_days", "spread_days", "age_difference_years", "clock_skew_s"} <= set(found)
    for measurement in found.values():
        assert "1980" not in str(measurement) + " ".join(sentences(dates, measurement))


def test_real_studies_hold_no_more_than_two_slow_clocks(
    real_evidence: dict[str, Evidence], level_of: Callable[[Measurement], str | None]
) -> None:
    found = {name: by_quantity(evidence) for name, evidence in real_evidence.items()}
    # heart-mr: images exported at 11:43 of an acquisition dated 15:30; brain-mr-pd: four minutes, within tolerance.
    assert {name: set(measured) for name, measured in found.items() if measured} == {
        "heart-mr": {"clock_skew_s"},
        "brain-mr-pd": {"clock_skew_s"},
    }
    assert level_of(found["heart-mr"]["clock_skew_s"]) == "note"
    assert level_of(found["brain-mr-pd"]["clock_skew_s"]) is None
