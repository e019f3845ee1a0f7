"""CT roles: phases by clock, agent, order and words; thin, reformatted and calculated images."""

from typing import Any

import pytest

from tests.qc_models.roles.written_study import AXIAL, CORONAL, CT, facts_of, series, slices

ABDOMEN = {"BodyPartExamined": "ABDOMEN"}


def ct(uid: int = 1, number: int = 20, step_mm: float = 5.0, **keywords: Any) -> list[dict[str, Any]]:
    return series(uid, slices(number, step_mm), **{**CT, **ABDOMEN, **keywords})


@pytest.mark.parametrize(
    ("keywords", "role", "source"),
    [
        # seconds from the injection
        ({"ContrastBolusStartTime": "095930"}, "arterial", "header"),
        ({"ContrastBolusStartTime": "095855"}, "portal", "header"),
        ({"ContrastBolusStartTime": "095700"}, "delayed", "header"),
        ({"ContrastBolusStartTime": "100010"}, "plain", "header"),
        ({"ContrastBolusStartTime": "095930", "SeriesDescription": "平扫"}, "arterial", "header"),
        # an agent without a time
        ({"ContrastBolusAgent": "APPLIED", "BodyPartExamined": "CHEST"}, "enhanced", "header"),
        ({"ContrastBolusAgent": "Omnipaque", "SeriesDescription": "动脉期"}, "arterial", "text"),
        ({"ContrastBolusAgent": "Omnipaque", "SeriesDescription": "平扫"}, "plain", "text"),
        ({"ContrastBolusAgent": "ORAL"}, "plain", "header"),
        ({"ContrastBolusAgent": "IV & ORAL", "BodyPartExamined": "CHEST"}, "enhanced", "header"),
        ({"ContrastBolusAgent": "NONE"}, "plain", "header"),
        # words of the series
        ({"SeriesDescription": "Delay 3min"}, "delayed", "text"),
        ({"SeriesDescription": "C+", "BodyPartExamined": "CHEST"}, "enhanced", "text"),
        ({"SeriesDescription": "C+"}, "portal", "text"),
        # words of the examination
        ({"StudyDescription": "CT ABDOMEN PELVIS W CONT"}, "portal", "text"),
        ({"StudyDescription": "CT CHEST W CONT", "BodyPartExamined": "CHEST"}, "enhanced", "text"),
        ({"StudyDescription": "CTA HEAD", "BodyPartExamined": "HEAD"}, "arterial", "text"),
        ({"RequestedProcedureDescription": "上腹部CT平扫"}, "plain", "text"),
        # nothing
        ({}, "plain", "header"),
        ({"SeriesDescription": "LOW DOSE CHEST"}, "plain", "header"),
    ],
)
def test_phase_of_one_pass(keywords: dict[str, Any], role: str, source: str) -> None:
    (facts,) = facts_of(ct(**keywords))
    assert (facts.role, facts.role_source) == (role, source)


@pytest.mark.parametrize("phase", ["arterial", "portal", "delayed"])
def test_every_phase_is_enhanced_and_enhanced_is_none_of_them(phase: str) -> None:
    (facts,) = facts_of(ct(SeriesDescription=phase.upper()))
    assert set(facts.components) == {phase, "enhanced"}
    (enhanced,) = facts_of(ct(SeriesDescription="C+", BodyPartExamined="HEAD"))
    assert enhanced.components == ("enhanced",)


def test_passes_of_one_place_are_named_by_their_order() -> None:
    agent = {"ContrastBolusAgent": "Ultravist"}
    made = facts_of(
        ct(1, AcquisitionNumber=1, AcquisitionTime="100000"),
        ct(2, AcquisitionNumber=2, AcquisitionTime="100500", **agent),
        ct(3, AcquisitionNumber=3, AcquisitionTime="100535", **agent),
        ct(4, AcquisitionNumber=4, AcquisitionTime="100800", **agent),
    )
    assert [facts.role for facts in made] == ["plain", "arterial", "portal", "delayed"]


def test_one_series_may_hold_all_passes() -> None:
    passes = [
        each
        for number, time in ((1, "100000"), (2, "100500"), (3, "100535"))
        for each in ct(
            AcquisitionNumber=number,
            AcquisitionTime=time,
            ContrastBolusAgent="Ultravist" if number > 1 else None,
        )
    ]
    assert [facts.role for facts in facts_of(passes)] == ["plain", "arterial", "portal"]


def test_of_two_passes_that_only_the_examination_calls_enhanced_the_first_is_plain() -> None:
    study = {"StudyDescription": "CT ABDOMEN W+WO CONT"}
    made = facts_of(
        ct(1, AcquisitionNumber=1, AcquisitionTime="100000", **study),
        ct(2, AcquisitionNumber=2, AcquisitionTime="100500", **study),
    )
    assert [facts.role for facts in made] == ["plain", "portal"]


def test_a_pass_without_agent_beside_one_with_it_is_plain_whatever_the_examination_is_called() -> None:
    study = {"StudyDescription": "CT ABDOMEN W CONT"}
    made = facts_of(
        ct(1, AcquisitionNumber=1, AcquisitionTime="100000", **study),
        ct(2, AcquisitionNumber=2, AcquisitionTime="100500", ContrastBolusAgent="Ultravist", **study),
    )
    assert [facts.role for facts in made] == ["plain", "portal"]


def test_reconstructions_of_one_acquisition_are_one_phase() -> None:
    made = facts_of(
        ct(1, SeriesDescription="动脉期 5mm", AcquisitionTime="100001"),
        ct(2, 60, 1.0, SliceThickness=1, SeriesDescription="1.0 B30f", AcquisitionTime="100002"),
        ct(
            3,
            60,
            1.0,
            SliceThickness=1,
            SeriesDescription="1.0 B70f",
            ConvolutionKernel="B70f",
            AcquisitionTime="100002",
        ),
        ct(4, AcquisitionNumber=2, AcquisitionTime="100200", SeriesDescription="门脉期"),
    )
    assert len({facts.acquisition for facts in made[:3]}) == 1
    assert made[3].acquisition != made[0].acquisition
    assert [facts.role for facts in made] == ["arterial", "arterial", "arterial", "portal"]
    assert set(made[2].components) == {"arterial", "enhanced", "bone", "thin"}


@pytest.mark.parametrize(
    ("thickness", "step", "thin"),
    [(1.0, 1.0, True), (1.5, 1.5, True), (1.25, 0.625, True), (1.0, 1.5, False), (2.0, 2.0, False), (1.0, 10.0, False)],
)
def test_thin_has_no_gaps(thickness: float, step: float, thin: bool) -> None:
    (facts,) = facts_of(ct(step_mm=step, SliceThickness=thickness))
    assert ("thin" in facts.components) is thin


def test_a_reformat_fills_its_plane_and_is_derived() -> None:
    reformat = series(1, slices(20, 1.0, CORONAL, SliceThickness=1), **CT, ImageType=["DERIVED", "SECONDARY", "MPR"])
    (facts,) = facts_of(reformat)
    assert set(facts.components) == {"plain", "coronal"}
    assert facts.derived


def test_a_projection_stands_for_nothing_else() -> None:
    (coded,) = facts_of(ct(ImageType=["DERIVED", "SECONDARY", "MIP"], ContrastBolusAgent="Ultravist"))
    (said,) = facts_of(ct(SeriesDescription="CTA MIP 10mm"))
    assert (coded.components, coded.role_source, said.components, said.role_source) == (
        ("MIP",),
        "header",
        ("MIP",),
        "text",
    )


@pytest.mark.parametrize(
    ("keywords", "components"),
    [
        ({"SeriesDescription": "VNC 1.0"}, ()),
        ({"SeriesDescription": "Iodine map"}, ()),
        ({"SeriesDescription": "Mono 40keV"}, ()),
        ({"SeriesDescription": "Mono 70keV C+"}, ("portal", "enhanced")),
        ({"ImageType": ["DERIVED", "SECONDARY", "VRT"]}, ()),
    ],
)
def test_dual_energy_counts_where_it_looks_like_a_usual_scan(
    keywords: dict[str, Any], components: tuple[str, ...]
) -> None:
    (facts,) = facts_of(ct(**keywords))
    assert facts.components == components
    assert facts.derived is (not components)


@pytest.mark.parametrize(
    ("keywords", "role"),
    [
        ({"SliceThickness": 3, "HeartRate": 65}, "calcium_score"),
        ({"SliceThickness": 0.6, "HeartRate": 65}, "plain"),
        ({"SliceThickness": 3}, "plain"),
        ({"SliceThickness": 3, "SeriesDescription": "CaSc 3.0"}, "calcium_score"),
        ({"SliceThickness": 3, "HeartRate": 65, "ContrastBolusStartTime": "095935"}, "arterial"),
    ],
)
def test_calcium_score_is_a_gated_plain_heart(keywords: dict[str, Any], role: str) -> None:
    (facts,) = facts_of(ct(BodyPartExamined="HEART", **keywords))
    assert facts.role == role


def test_extents_along_the_body() -> None:
    (axial,) = facts_of(ct(number=21, step_mm=5.0, SliceThickness=5))
    assert axial.extent_mm == (-2.5, 102.5)
    assert axial.length_mm == 105.0
    # 16 rows of 0.7 mm from z = 0 downwards, from the middle of the first pixel to that of the last
    (coronal,) = facts_of(series(1, slices(4, 5.0, CORONAL, SliceThickness=5), **CT))
    assert coronal.extent_mm == pytest.approx((-15 * 0.7, 0.0))
    # a tilted gantry covers no more than it scans: the centres of its slices count
    tilted = slices(3, 10.0, AXIAL, SliceThickness=10, PixelSpacing=[10, 10])
    tilted = [{**each, "ImageOrientationPatient": [1, 0, 0, 0, 0.8, 0.6]} for each in tilted]
    (head,) = facts_of(series(1, tilted, **CT))
    middle = 0.6 * 15 * 10 / 2  # halfway down 15 steps of 10 mm
    assert head.extent_mm == pytest.approx((middle - 5 * 0.8, middle + 20 + 5 * 0.8))
