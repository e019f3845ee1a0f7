"""Regions: codes and BodyPartExamined, words, and what happens where they disagree."""

from typing import Any

import pytest

from tests.qc_models.roles.written_study import CT, MR, XR, facts_of, series, slices


def region(modality: dict[str, Any], **keywords: Any) -> tuple[tuple[str, ...], str]:
    (facts,) = facts_of(series(1, slices(1), **{**modality, "BodyPartExamined": None, **keywords}))
    return facts.region.label, facts.region.source


KNEE = [{"CodeValue": "72696002", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Knee"}]


@pytest.mark.parametrize(
    ("modality", "keywords", "label", "source"),
    [
        (CT, {"BodyPartExamined": "CHEST"}, ("chest",), "header"),
        (MR, {"BodyPartExamined": "LIVER"}, ("abdomen",), "header"),
        (CT, {"BodyPartExamined": "COLON"}, ("abdomen", "pelvis"), "header"),
        (MR, {"BodyPartExamined": "PROSTATE"}, ("prostate", "pelvis"), "header"),
        (CT, {"BodyPartExamined": "HEAD"}, ("head",), "header"),
        (CT, {"BodyPartExamined": "HEAD", "StudyDescription": "CT BRAIN"}, ("head",), "header"),
        (MR, {"BodyPartExamined": "HEAD", "StudyDescription": "MRI BRAIN"}, ("brain",), "header"),
        (XR, {"AnatomicRegionSequence": KNEE}, ("knee",), "header"),
        (XR, {"AnatomicRegionSequence": KNEE, "BodyPartExamined": "LEG"}, ("knee",), "header"),
        (MR, {"BodyPartExamined": "SPINE", "SeriesDescription": "LSPINE T2 SAG"}, ("lspine",), "header"),
        (CT, {"BodyPartExamined": "LSPINE", "SeriesDescription": ",,Spine,0.6,Ax", "ProtocolName": "Spine"}, ("lspine",), "header"),
        (MR, {"StudyDescription": "LEFT WRIST"}, ("wrist",), "text"),
        (CT, {"SeriesDescription": "上腹部平扫"}, ("abdomen",), "text"),
        (MR, {"StudyDescription": "MEMBRE INF^GENOU"}, ("knee",), "text"),
        (MR, {"ReceiveCoilName": "8HRBRAIN"}, ("brain",), "header"),
        (MR, {"ReceiveCoilName": "8HRBRAIN", "StudyDescription": "MRI NECK"}, ("neck",), "text"),
        (MR, {}, (), "header"),
        (CT, {"BodyPartExamined": "SPINE"}, ("cspine", "tspine", "lspine", "fullspine"), "header"),
        (CT, {"BodyPartExamined": "CHEST", "StudyDescription": "NECKCHESTABDPELVIS"}, ("chest",), "header"),
        (XR, {"BodyPartExamined": "STERNUM"}, ("ribs",), "header"),  # no chest examination
        (XR, {"StudyDescription": "胸骨侧位"}, ("ribs",), "text"),
    ],
)  # fmt: skip
def test_regions(modality: dict[str, Any], keywords: dict[str, Any], label: tuple[str, ...], source: str) -> None:
    assert region(modality, **keywords) == (label, source)


def test_what_most_texts_say_outweighs_a_body_part_left_from_the_patient_before() -> None:
    texts = {
        "SeriesDescription": "Abdomen 5.0",
        "ProtocolName": "AbdomenRoutine",
        "StudyDescription": "CT ABDOMEN",
    }
    assert region(CT, BodyPartExamined="CHEST", **texts) == (("abdomen",), "text")


def test_contradiction_and_silence_make_a_region_less_sure() -> None:
    probability = []
    for keywords in ({"StudyDescription": "CT CHEST"}, {}, {"StudyDescription": "CT HEAD"}):
        (facts,) = facts_of(series(1, slices(2), **CT, BodyPartExamined="CHEST", **keywords))
        assert facts.region.label == ("chest",)
        probability.append(facts.region.probability)
    assert probability[0] >= probability[1] > probability[2]
