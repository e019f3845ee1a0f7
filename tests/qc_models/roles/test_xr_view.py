"""Views and sides of radiographs: coded, by beam, in English and in Chinese words."""

from typing import Any

import pytest

from qc_models.roles.xr_view import components_of_view
from tests.qc_models.roles.written_study import XR, facts_of, series


def xr(**keywords: Any) -> list[dict[str, Any]]:
    return series(1, [{**XR, "BodyPartExamined": "", **keywords}])


def code(value: str, meaning: str = "") -> list[dict[str, str]]:
    return [{"CodeValue": value, "CodingSchemeDesignator": "SRT", "CodeMeaning": meaning or value}]


@pytest.mark.parametrize(
    ("keywords", "view", "source"),
    [
        ({"ViewPosition": "PA", "BodyPartExamined": "CHEST"}, "PA", "header"),
        ({"ViewPosition": "AP"}, "AP", "header"),
        ({"ViewPosition": "LL"}, "LAT", "header"),
        ({"ViewPosition": "RL"}, "LAT", "header"),
        ({"ViewPosition": "LLD"}, "DECUB", "header"),
        ({"ViewPosition": "RLO"}, "OBL", "header"),
        ({"ViewPosition": "LPO"}, "OBL:L", "header"),
        ({"ViewPosition": "RAO"}, "OBL:L", "header"),
        ({"ViewPosition": "RPO"}, "OBL:R", "header"),
        ({"ViewPosition": "LAO"}, "OBL:R", "header"),
        ({"ViewCodeSequence": code("R-10206")}, "AP", "header"),
        ({"ViewCodeSequence": code("R-10236")}, "LAT", "header"),
        ({"PatientOrientation": ["A", "F"]}, "LAT", "header"),
        ({"PatientOrientation": ["L", "F"], "BodyPartExamined": "CHEST"}, "PA", "header"),
        ({"PatientOrientation": ["L", "F"], "BodyPartExamined": "KNEE"}, "AP", "header"),
        ({"PositionerPrimaryAngle": 90}, "LAT", "header"),
        ({"PositionerPrimaryAngle": -45}, "OBL:L", "header"),
        ({"PositionerPrimaryAngle": 0}, None, "header"),
        ({"SeriesDescription": "胸部侧位"}, "LAT", "text"),
        ({"SeriesDescription": "膝关节正位"}, "AP", "text"),
        ({"ProtocolName": "Chest PA"}, "PA", "text"),
        ({"SeriesDescription": "髋关节蛙式位"}, "FROG", "text"),
        # the header has no word for these
        ({"ViewPosition": "AP", "SeriesDescription": "颈椎张口位"}, "OPEN_MOUTH", "text"),
        ({"ViewPosition": "PA", "SeriesDescription": "鼻窦瓦氏位"}, "WATERS", "text"),
        ({"ViewPosition": "AP", "SeriesDescription": "Ankle mortise"}, "MORTISE", "text"),
        ({"ViewPosition": "LL", "SeriesDescription": "颈椎过屈位"}, "FLEX", "text"),
        ({"ViewPosition": "AP", "SeriesDescription": "髌骨轴位"}, "AXIAL", "text"),
        # contradicted headers stand, less sure
        ({"ViewPosition": "AP", "SeriesDescription": "Knee lateral"}, "AP", "header"),
        ({}, None, "header"),
    ],
)
def test_views(keywords: dict[str, Any], view: str | None, source: str) -> None:
    (facts,) = facts_of(xr(**keywords))
    assert (facts.view.label, facts.view.source) == (view, source)
    assert facts.role == "RADIOGRAPH"


@pytest.mark.parametrize(
    ("keywords", "number"),
    [
        ({"BodyPartExamined": "WRIST", "SeriesDescription": "左腕关节正侧位"}, 2),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "左手正斜位"}, 2),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "Hand PA/LAT"}, 2),
        ({"BodyPartExamined": "HAND", "ProtocolName": "HAND PA + OBL"}, 2),
        ({"BodyPartExamined": "WRIST", "SeriesDescription": "Wrist AP and lateral"}, 2),
        ({"BodyPartExamined": "WRIST", "SeriesDescription": "左腕正位"}, 1),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "Hand PA oblique"}, 1),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "Hand AP/PA"}, 1),
        (
            {"BodyPartExamined": "WRIST", "StudyDescription": "左腕关节正侧位"},
            1,
        ),  # what was asked for, not what this is
        ({"BodyPartExamined": "CHEST", "SeriesDescription": "胸部正侧位"}, 1),  # never fits on one film
    ],
)
def test_two_views_on_one_film(keywords: dict[str, Any], number: int) -> None:
    (facts,) = facts_of(xr(**keywords))
    assert facts.num_views == number


def test_orientation_names_no_view_of_a_film_of_two() -> None:
    (facts,) = facts_of(xr(BodyPartExamined="WRIST", SeriesDescription="左腕正侧位", PatientOrientation=["L", "F"]))
    assert (facts.view.label, facts.num_views, facts.components) == (None, 2, ())


def test_a_contradiction_makes_a_view_less_sure() -> None:
    (agreed,) = facts_of(xr(ViewPosition="AP", SeriesDescription="Knee AP"))
    (alone,) = facts_of(xr(ViewPosition="AP"))
    (denied,) = facts_of(xr(ViewPosition="AP", SeriesDescription="Knee lateral"))
    assert agreed.view.probability > alone.view.probability > denied.view.probability


@pytest.mark.parametrize(
    ("keywords", "side"),
    [
        ({"ImageLaterality": "L"}, "L"),
        ({"ImageLaterality": "B"}, "B"),
        ({"ImageLaterality": "U", "SeriesDescription": "左膝"}, "L"),
        ({"Laterality": "R"}, "R"),
        ({"ImageLaterality": "L", "Laterality": "R"}, "L"),
        (
            {
                "AnatomicRegionSequence": [
                    {**code("T-D9200", "Knee")[0], "AnatomicRegionModifierSequence": code("G-A100")}
                ]
            },
            "R",
        ),
        ({"SeriesDescription": "双膝正位"}, "B"),
        ({"ProtocolName": "Knee right AP"}, "R"),
        ({"StudyDescription": "LEFT WRIST"}, "L"),
        ({}, None),
    ],
)
def test_sides(keywords: dict[str, Any], side: str | None) -> None:
    (facts,) = facts_of(xr(**keywords))
    assert facts.laterality == side


@pytest.mark.parametrize(
    ("view", "side", "tokens"),
    [
        ("AP", "L", ("AP",)),
        ("OBL", None, ("OBL",)),
        ("OBL:L", None, ("OBL", "OBL:L")),
        ("CC", "R", ("CC", "CC:R")),
        ("MLO", "L", ("MLO", "MLO:L")),
        ("CC", "B", ("CC", "CC:L", "CC:R")),
        ("CC", None, ("CC",)),
        (None, "L", ()),
    ],
)
def test_tokens_of_views(view: str | None, side: Any, tokens: tuple[str, ...]) -> None:
    assert components_of_view(view, side) == tokens


def test_a_mammogram_shows_a_breast_by_its_modality() -> None:
    (facts,) = facts_of(xr(Modality="MG", ViewPosition="MLO", ImageLaterality="R"))
    assert facts.region.label == ("breast",)
    assert facts.components == ("MLO", "MLO:R")


def test_a_synthetic_mammogram_is_derived() -> None:
    words = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]
    (facts,) = facts_of(xr(Modality="MG", ViewPosition="CC", ImageLaterality="R", ImageType=words))
    assert facts.derived


def test_a_dose_page_sent_as_a_radiograph_is_none() -> None:
    (facts,) = facts_of(xr(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"], ViewPosition="AP"))
    assert (facts.role, facts.components) == ("LOC", ())
