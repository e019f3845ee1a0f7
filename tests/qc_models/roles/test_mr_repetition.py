"""What only several MR images of one place show: cine, dynamic contrast, water and fat."""

from typing import Any

import pytest

from tests.qc_models.roles.written_study import AXIAL, MR, facts_of, series, slices


def mr(number: int = 12, uid: int = 1, **keywords: Any) -> list[dict[str, Any]]:
    return series(uid, slices(number, orientation=AXIAL), **{**MR, "BodyPartExamined": "HEART", **keywords})


def test_phases_of_a_heartbeat_are_cine() -> None:
    beat = [
        {**each, "TriggerTime": 48.75 * phase}
        for each in mr(3, ScanningSequence="GR", SequenceVariant=["SK", "SS", "OSP"], RepetitionTime=53.5, EchoTime=1.8)
        for phase in range(8)
    ]
    (facts,) = facts_of(beat)
    assert (facts.role, facts.components, facts.num_slices) == ("CINE", (), 3)


VOLUME = {
    "ScanningSequence": "GR",
    "SequenceVariant": "SP",
    "MRAcquisitionType": "3D",
    "RepetitionTime": 4.1,
    "EchoTime": 1.4,
    "FlipAngle": 10,
    "BodyPartExamined": "LIVER",
}


def test_three_passes_after_contrast_are_dynamic_in_one_series_or_in_three() -> None:
    agent = VOLUME | {"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "100000"}
    one = facts_of(
        [
            each
            for phase in range(3)
            for each in mr(**agent, TemporalPositionIdentifier=phase + 1, AcquisitionTime=f"1001{phase}0")
        ]
    )
    three = facts_of(*(mr(uid=phase + 1, **agent, AcquisitionTime=f"1001{phase}0") for phase in range(3)))
    for facts in (*one, *three):
        assert facts.role == "DYNAMIC"
        assert set(facts.components) == {"DYNAMIC", "AX_T1C"}


def test_two_passes_are_not_dynamic() -> None:
    agent = VOLUME | {"ContrastBolusAgent": "Gadovist", "ContrastBolusStartTime": "100000"}
    made = facts_of(*(mr(uid=phase + 1, **agent, AcquisitionTime=f"1001{phase}0") for phase in range(2)))
    assert {facts.role for facts in made} == {"T1C"}


def test_four_dixon_images_of_one_pass_are_not_four_passes() -> None:
    dixon = [
        {**each, "ImageType": ["DERIVED", "PRIMARY", "M", word], "AcquisitionTime": "100100"}
        for word in ("WATER", "FAT", "IN_PHASE", "OPP_PHASE")
        for each in mr(**VOLUME, ContrastBolusAgent="Gadovist")
    ]
    made = facts_of(dixon)
    assert not any("DYNAMIC" in facts.roles for facts in made)
    assert all("IN_OUT_PHASE" in facts.roles for facts in made)


CHEMICAL_SHIFT = {"ScanningSequence": "GR", "RepetitionTime": 150, "FlipAngle": 70, "BodyPartExamined": "ABDOMEN"}


@pytest.mark.parametrize(
    ("field", "echoes", "paired"),
    [
        (1.5, (2.3, 4.6), True),
        (3.0, (1.15, 2.3), True),
        (3.0, (1.23, 2.7), True),
        (1.5, (4.6, 9.2), False),  # both in phase
        (1.5, (4.6,), False),
    ],
)
def test_in_and_out_of_phase_by_echo_time_and_field(field: float, echoes: tuple[float, ...], paired: bool) -> None:
    made = facts_of(
        [each for echo in echoes for each in mr(**CHEMICAL_SHIFT, MagneticFieldStrength=field, EchoTime=echo)]
    )
    assert all(("IN_OUT_PHASE" in facts.components) is paired for facts in made)
    assert all("AX_T1" in facts.components for facts in made)


def test_a_lone_fat_image_fills_nothing_and_a_lone_water_image_is_t1() -> None:
    (fat,) = facts_of(mr(**VOLUME | {"ImageType": ["DERIVED", "PRIMARY", "M", "F"]}))
    (water,) = facts_of(mr(**VOLUME | {"ImageType": ["DERIVED", "PRIMARY", "M", "W"]}))
    assert (fat.components, water.components) == ((), ("AX_T1",))
