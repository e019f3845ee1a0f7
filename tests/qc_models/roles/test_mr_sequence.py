"""Weightings from repetition, echo and inversion times, as protocols of all vendors and fields have them."""

from typing import Any

import pytest

from qc_models.roles.mr_sequence import Pulse, Reading, read_weighting

SE: dict[str, Any] = {}  # what is no gradient echo
GR: dict[str, Any] = {"gradient_echo": True}
IR: dict[str, Any] = {"inversion": True}


def times(repetition: float | None, echo: float | None, **more: Any) -> dict[str, Any]:
    return {"repetition_time": repetition, "echo_time": echo, **more}


@pytest.mark.parametrize(
    ("pulse", "role"),
    [
        # spin echoes: low field, 1.5 T, 3 T
        (SE | times(462, 25), "T1"),
        (SE | times(656, 14), "T1"),
        (SE | times(1000, 9), "T1"),
        (SE | times(2300, 22), "PD"),
        (SE | times(3850, 17), "PD"),
        (SE | times(4570, 33), "PD"),
        (SE | times(3500, 100), "T2"),
        (SE | times(8868, 120), "T2"),
        (SE | times(1500, 93), "T2"),  # HASTE: the TR is that of the shots
        (SE | times(700, 90), "T2"),
        (SE | times(1000, 254, is_3d=True), "T2"),  # SPACE
        # inversion recovery
        (IR | times(9000, 120, inversion_time=2500), "FLAIR"),
        (IR | times(8000, 105, inversion_time=1600), "FLAIR"),  # 0.35 T
        (IR | times(6000, 394, inversion_time=2200, is_3d=True), "FLAIR"),
        (IR | times(4414, 64, inversion_time=140), "STIR"),
        (IR | times(4000, 30, inversion_time=220), "STIR"),  # 3 T
        (IR | times(3000, 30, inversion_time=85), "STIR"),  # 0.2 T
        (IR | times(2000, 9, inversion_time=860), "T1"),  # T1-FLAIR
        # gradient echoes
        (GR | times(2300, 2.98, inversion=True, inversion_time=900, is_3d=True, flip_angle=9), "T1"),  # MPRAGE
        (GR | times(4.1, 1.4, is_3d=True, flip_angle=10), "T1"),  # VIBE, LAVA, THRIVE
        (GR | times(180, 4.6, flip_angle=80), "T1"),
        (GR | times(620, 20, flip_angle=20), "T2STAR"),
        (GR | times(28, 20, flip_angle=15, is_3d=True, flow_compensated=True), "SWI"),
        (GR | times(23, 3.6, flip_angle=20, is_3d=True, angiography=True), "TOF"),
        (GR | times(23, 3.6, flip_angle=20, is_3d=True, time_of_flight=True), "TOF"),
        (GR | times(400, 4.92, flip_angle=60, sequence_name="*FM2D2"), "GRE"),
        # echo planar
        (GR | times(2000, 30, echo_planar=True, flip_angle=90), "EPI"),
        (SE | times(7000, 90, echo_planar=True), "EPI"),
        (SE | times(7000, 90, echo_planar=True, words=frozenset({"TRACEW"})), "DWI"),
        (SE | times(4000, 15, spin_labelled=True), "ASL"),
        # enhanced objects say it themselves
        (GR | times(None, None, contrast_word="T1"), "T1"),
        (SE | times(9000, 120, contrast_word="FLUID_ATTENUATED"), "FLAIR"),
        (SE | times(9000, 60, contrast_word="DIFFUSION"), "DWI"),
    ],
)
def test_parameters_that_leave_no_doubt(pulse: dict[str, Any], role: str) -> None:
    reading = read_weighting(Pulse(**pulse), ())
    assert (reading.role, reading.certain) == (role, True)


@pytest.mark.parametrize(
    ("pulse", "role"),
    [
        (SE | times(3000, 45), "PD"),
        (SE | times(3000, 60), "T2"),
        (SE | times(1400, 20), "T1"),
        (SE | times(1600, 20), "PD"),
        (SE | times(1200, 35, is_3d=True), "PD"),  # a volume with a long train
        (SE | times(5000, 800), "MRCP"),
        (SE | times(None, None), None),
        (IR | times(8000, 110), "FLAIR"),
        (IR | times(3500, 40), "STIR"),
        (GR | times(235, 11), "T1"),
        (GR | times(500, 11, flip_angle=20), "T2STAR"),
        (GR | times(3.6, 1.6, balanced=True, flip_angle=60), "GRE"),
        (GR | times(35, 20, is_3d=True, flip_angle=15), "SWI"),
    ],
)
def test_parameters_between_two_weightings_leave_a_doubt(pulse: dict[str, Any], role: str | None) -> None:
    reading = read_weighting(Pulse(**pulse), ())
    assert (reading.role, reading.certain) == (role, False)


@pytest.mark.parametrize(("b_values", "role"), [((0.0, 1000.0), "DWI"), ((50.0,), "EPI"), ((0.0,), "EPI")])
def test_diffusion_needs_a_b_value_that_weighs(b_values: tuple[float, ...], role: str) -> None:
    assert read_weighting(Pulse(echo_planar=True), b_values).role == role


def test_a_text_may_name_diffusion_for_a_spin_echo_epi_alone() -> None:
    assert "DWI" in read_weighting(Pulse(echo_planar=True), ()).unless
    assert "DWI" not in read_weighting(Pulse(gradient_echo=True, echo_planar=True), ()).unless


def test_a_text_may_name_time_of_flight_for_a_short_gradient_echo() -> None:
    pulse = Pulse(repetition_time=25, echo_time=2.7, flip_angle=20, gradient_echo=True, is_3d=True)
    assert "TOF" in read_weighting(pulse, ()).unless


def test_a_reading_is_certain_unless_it_says_otherwise() -> None:
    assert Reading("T1").certain
