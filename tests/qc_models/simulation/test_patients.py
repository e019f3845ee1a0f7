"""Invented patients: ages, names, the same one for the same seed."""

import pytest

from qc_models.simulation.patients import Patient, draw_patient


@pytest.mark.parametrize(
    ("birth_date", "age"),
    [("19800902", "045Y"), ("19800901", "046Y"), ("20250801", "013M"), ("20260820", "012D")],
)
def test_age_on_the_day_of_the_study(birth_date: str, age: str) -> None:
    assert Patient("王", "伟", "1", birth_date, "M").age("20260901") == age


def test_the_name_may_carry_latin_letters() -> None:
    patient = Patient("王", "秀英", "1", "19800101", "F")
    assert patient.name(ideographic_group=False) == "王^秀英"
    assert patient.name(ideographic_group=True) == "Wang^XiuYing=王^秀英"


def test_a_seed_draws_the_same_adult() -> None:
    drawn = [draw_patient(seed, "20260901") for seed in range(60)]
    assert drawn == [draw_patient(seed, "20260901") for seed in range(60)]
    assert all(25 <= int(patient.age("20260901")[:3]) <= 80 for patient in drawn)
    assert {patient.sex for patient in drawn} == {"F", "M"}
    assert len({patient.patient_id for patient in drawn}) > 50
    assert draw_patient(1, "20260901", "F").sex == "F"
