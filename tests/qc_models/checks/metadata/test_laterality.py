"""Which side was examined: by codes, by words, and by what the item needs."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from qc_models.checks.metadata import laterality
from qc_models.checks.metadata.laterality import Said, missing_sides, opposed
from qc_models.evidence import Evidence
from qc_models.facts import Request
from qc_models.findings import Measurement
from qc_models.vocabulary import Laterality
from tests.judged_facts import facts, item, stack
from tests.written_dicom import axial_slices

AS_OF = date(2026, 9, 10)
KNEE = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "BodyPartExamined": "KNEE"}
LEFT = {"CodeValue": "7771000", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Left"}
KNEE_CODE = {"CodeValue": "72696002", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Knee"}


def by_quantity(evidence: Evidence) -> dict[str, Measurement]:
    return {found.metric.removeprefix("metadata.laterality."): found for found in laterality.measure(evidence)}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"Laterality": "L", "SeriesDescription": "L"}, None),
        ({"Laterality": "L", "SeriesDescription": "R"}, ("Laterality", "SeriesDescription")),
        ({"Laterality": "R", "SeriesDescription": "L"}, ("SeriesDescription", "Laterality")),
        ({"Laterality": "B", "SeriesDescription": "R"}, None),
    ],
)
def test_opposed_sources(said: Said, expected: tuple[str, str] | None) -> None:
    assert opposed(said) == expected


@pytest.mark.parametrize(("sides", "missing"), [("L", ("R",)), ("LR", ()), ("B", ()), ("", ("L", "R")), ("LB", ())])
def test_missing_sides(sides: str, missing: tuple[Laterality, ...]) -> None:
    known: tuple[Laterality, ...] = ("L", "R", "B")
    assert missing_sides(side for side in known if side in sides) == missing


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({}, {}),
        ({"Laterality": "L"}, {}),
        ({"Laterality": "L", "SeriesDescription": "LEFT KNEE SAG"}, {}),
        ({"Laterality": "L", "SeriesDescription": "RIGHT KNEE SAG"}, {"contradiction": 3}),
        ({"Laterality": "L", "SeriesDescription": "右膝关节 矢状"}, {"contradiction": 3}),
        ({"Laterality": "L", "ProtocolName": "RT"}, {}),
        ({"Laterality": "L", "ProtocolName": "RT KNEE"}, {"contradiction": 3}),
        ({"ImageLaterality": "R", "Laterality": "L"}, {"contradiction": 3}),
        ({"ImageLaterality": "B", "Laterality": "L"}, {}),
        ({"Laterality": "L", "RequestedProcedureDescription": "MRI RIGHT KNEE"}, {"contradiction": 3}),
        ({"Laterality": "L", "RequestedProcedureDescription": "MRI BOTH KNEES"}, {}),
        ({"Laterality": "B", "RequestedProcedureDescription": "MRI RIGHT KNEE"}, {}),
        ({"SeriesDescription": "RIGHT KNEE SAG"}, {"text_only": 3}),
        ({"StudyDescription": "左膝MRI"}, {"text_only": 3}),
        ({"StudyDescription": "LEFT KNEE", "SeriesDescription": "RIGHT KNEE"}, {"contradiction": 3, "text_only": 3}),
        (
            {"AnatomicRegionSequence": [KNEE_CODE | {"AnatomicRegionModifierSequence": [LEFT]}], "Laterality": "R"},
            {"contradiction": 3},
        ),
    ],
)
def test_what_images_say(
    evidence_of: Callable[..., Evidence], keywords: dict[str, object], expected: dict[str, int]
) -> None:
    found = by_quantity(evidence_of(axial_slices(3, **KNEE, **keywords)))
    assert {quantity: measurement.value for quantity, measurement in found.items()} == expected


def test_the_image_that_contradicts_itself_is_named(
    evidence_of: Callable[..., Evidence], sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    slices = axial_slices(3, **KNEE, Laterality="R", SeriesDescription="R KNEE SAG")
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", "Laterality": "L"}
    found = by_quantity(evidence_of(slices))["contradiction"]
    assert (found.value, found.location.sop_instance_uid) == (1, "1.2.3.4")
    assert sentences(laterality, found)[0] == "1 images: Laterality says left, SeriesDescription says right"


def test_the_other_side_may_lie_beside_the_requested_one(evidence_of: Callable[..., Evidence]) -> None:
    request = {"RequestedProcedureDescription": "MRI RIGHT KNEE", **KNEE}
    right = axial_slices(2, **request, Laterality="R")
    left = axial_slices(2, **request, Laterality="L", SeriesInstanceUID="1.2.9")
    assert by_quantity(evidence_of(right + left)) == {}


def test_frame_laterality_of_an_enhanced_image(evidence_of: Callable[..., Evidence]) -> None:
    groups = [{"FrameAnatomySequence": [{"FrameLaterality": "L"}]}]
    slices = axial_slices(2, **KNEE, SharedFunctionalGroupsSequence=groups, SeriesDescription="RT KNEE")
    assert by_quantity(evidence_of(slices))["contradiction"].detail["left_source"] == "FrameLaterality"


def related(needs: str, *sides: Laterality | None, texts: tuple[str, ...] = ()) -> dict[str, float]:
    stacks = tuple(
        stack(f"1.{place}", region=("knee",), modality="MR", laterality=side) for place, side in enumerate(sides)
    )
    study = facts(stacks=stacks, modalities=("MR",), request=Request(texts=texts))
    needed = item("MR-KNEE", "knee", ("SAG_T1",), "MR", laterality=needs)
    return {m.metric.removeprefix("metadata.laterality."): m.value for m in laterality.relate(study, needed, AS_OF)}


def test_an_item_that_needs_a_side() -> None:
    assert related("yes", None, None) == {"absent": 2}
    assert related("yes", "L", None) == {"absent": 1}
    assert related("yes", "B") == {}
    assert related("yes", "L", "R") == {}
    assert related("yes", None, texts=("左膝关节MRI",)) == {}
    assert related("no", None) == {}
    assert related("yes") == {}


def test_series_of_one_frame_of_reference_show_one_side() -> None:
    frames = {"1.1": "9.1", "1.2": "9.1", "1.3": "9.2"}
    stacks = tuple(
        stack(
            uid, region=("knee",), modality="MR", frame_of_reference_uid=frame, laterality="L" if uid == "1.1" else None
        )
        for uid, frame in frames.items()
    )
    (found,) = laterality.relate(facts(stacks=stacks), item("K", "knee", ("SAG_T1",), "MR", laterality="yes"), AS_OF)
    assert (found.value, found.location.series_instance_uid) == (1, "1.3")


def test_an_item_that_needs_both_sides() -> None:
    assert related("both", "L", "L") == {"side_missing": 1}
    assert related("both", "L", "R") == {}
    assert related("both", "B") == {}
    assert related("both", None) == {"absent": 1}


def test_localizers_and_other_regions_do_not_count() -> None:
    study = facts(
        stacks=(
            stack("1.1", region=("knee",), modality="MR"),
            stack("1.2", region=("knee",), modality="MR", role="LOC", laterality="L"),
            stack("1.3", region=("head",), modality="MR", laterality="R"),
        )
    )
    (found,) = laterality.relate(study, item("MR-KNEE", "knee", ("SAG_T1",), "MR", laterality="yes"), AS_OF)
    assert (found.metric, found.value) == ("metadata.laterality.absent", 1)
    assert found.location.series_instance_uid == "1.1"


def test_real_studies_contradict_nothing(real_evidence: dict[str, Evidence]) -> None:
    found = {name: set(by_quantity(evidence)) for name, evidence in real_evidence.items()}
    # wrist-mr says LEFT WRIST in StudyDescription and nothing in Laterality.
    assert {name: quantities for name, quantities in found.items() if quantities} == {"wrist-mr": {"text_only"}}
