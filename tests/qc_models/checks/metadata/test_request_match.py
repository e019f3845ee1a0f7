"""What was asked for, against what the images show."""

from collections.abc import Callable
from datetime import date
from types import ModuleType

import pytest

from qc_models.checks.metadata import request_match
from qc_models.checks.metadata.request_match import first_said, modalities_in
from qc_models.facts import Request
from qc_models.findings import Measurement
from tests.judged_facts import facts, item, stack

AS_OF = date(2026, 9, 10)
CHEST = item("CT-CHEST", "chest", ("plain",), match={"procedure_codes": ["CT-CHEST"]})


def by_quantity(
    *texts: str,
    region: str = "chest",
    modality: str = "CT",
    roles: tuple[str, ...] = ("plain",),
    codes: tuple[str, ...] = (),
) -> dict[str, Measurement]:
    stacks = tuple(
        stack(f"1.{place}", region=(region,), modality=modality, role=role) for place, role in enumerate(roles)
    )
    study = facts(stacks=stacks, modalities=(modality,), request=Request(codes, texts))
    asked = item("ITEM", region, ("plain",) if modality == "CT" else ("AX_T1",), modality, match=CHEST.match)
    found = request_match.relate(study, asked, AS_OF)
    return {measurement.metric.removeprefix("metadata.request_match."): measurement for measurement in found}


def test_the_first_text_that_speaks_counts() -> None:
    assert first_said(["", "MR CT", "CT"], modalities_in) == {"CT", "MR"}
    assert first_said(["HEAD"], modalities_in) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CT HEAD", {"CT"}),
        ("头颅CT平扫", {"CT"}),
        ("颅脑磁共振", {"MR"}),
        ("MRI ABD W+WO CONT", {"MR"}),
        ("IRM GENOU", {"MR"}),
        ("DR胸部正侧位", {"XR"}),
        ("DR WANG", set()),
        ("胸部平片", {"XR"}),
        ("MRS SPECTRO", set()),
        ("PECTUS", set()),
    ],
)
def test_modalities_in_requests(text: str, expected: set[str]) -> None:
    assert modalities_in(text) == expected


@pytest.mark.parametrize(
    ("texts", "region", "apart"),
    [
        (("CT HEAD",), "chest", 2),  # the neck lies between
        (("CT HEAD",), "brain", 0),
        (("KNEE",), "femur", 0),  # the thigh reaches to the knee
        (("ABDOMEN",), "chest", 1),
        (("膝关节",), "chest", 5),
        (("CT HEAD", "CHEST"), "chest", 2),  # the request itself comes before the body part of the series
        (("PET-CT", "CHEST"), "chest", 0),
        ((), "chest", 0),
    ],
)
def test_region(texts: tuple[str, ...], region: str, apart: int) -> None:
    found = by_quantity(*texts, region=region)
    assert (found["region_mismatch"].value if "region_mismatch" in found else 0) == apart


def test_a_region_shown_in_any_series_answers_the_request() -> None:
    stacks = (stack("1.1", region=("chest",)), stack("1.2", region=("head",)))
    study = facts(stacks=stacks, request=Request(texts=("CT HEAD",)))
    assert list(request_match.relate(study, CHEST, AS_OF)) == []


def test_a_scout_answers_nothing() -> None:
    stacks = (stack("1.1", region=("chest",)), stack("1.2", region=("head",), role="LOC"))
    (found,) = request_match.relate(facts(stacks=stacks, request=Request(texts=("CT HEAD",))), CHEST, AS_OF)
    assert found.detail == {"requested": ["head"], "shown": ["chest"]}


def test_modality() -> None:
    assert set(by_quantity("MRI CHEST")) == {"modality_mismatch"}
    assert set(by_quantity("CT CHEST")) == set()
    assert set(by_quantity("CHEST")) == set()


def test_codes() -> None:
    assert by_quantity(codes=("CT-HEAD", "X9"))["code_mismatch"].value == 2
    assert by_quantity(codes=("CT-HEAD", "CT-CHEST")) == {}
    assert by_quantity() == {}


@pytest.mark.parametrize(
    ("text", "modality", "roles", "expected"),
    [
        ("胸部CT增强", "CT", ("plain", "plain"), {"contrast_mismatch": 2}),
        ("胸部CT增强", "CT", ("plain", "arterial"), {}),
        ("CT CHEST W+WO CONTRAST", "CT", ("plain",), {"contrast_mismatch": 1}),
        ("胸部CT平扫", "CT", ("portal",), {"contrast_mismatch": 1}),
        ("胸部CT平扫", "CT", ("plain",), {}),
        ("CT CHEST", "CT", ("portal",), {}),
        ("CT CHEST WITH CONTRAST", "CT", ("LOC",), {}),
        ("MRI CHEST WITH CONTRAST", "MR", ("T2",), {}),  # a T2 image tells nothing of contrast
        ("MRI CHEST WITH CONTRAST", "MR", ("T2", "T1"), {"contrast_mismatch": 1}),
        ("MRI CHEST WITH CONTRAST", "MR", ("T1", "T1C"), {}),
    ],
)
def test_contrast(text: str, modality: str, roles: tuple[str, ...], expected: dict[str, int]) -> None:
    found = by_quantity(text, modality=modality, roles=roles)
    assert {quantity: measurement.value for quantity, measurement in found.items()} == expected


def test_measurements_read_as_sentences(
    sentences: Callable[[ModuleType, Measurement], tuple[str, ...]],
) -> None:
    found = by_quantity("MRI KNEE WITH CONTRAST", codes=("X9",))
    assert set(found) == {"region_mismatch", "modality_mismatch", "code_mismatch", "contrast_mismatch"}
    assert sentences(request_match, found["contrast_mismatch"])[:2] == (
        "the request is for enhanced images, and all 1 stacks are plain",
        "申请为 增强检查，而 1 组图像均为 平扫",
    )
    for measurement in found.values():
        assert all(sentences(request_match, measurement))
