"""The map of body parts: near, far, contained."""

import pytest

from qc_models.body_map import parts_between, steps_between
from qc_models.vocabulary import REGIONS


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [("head", "head", 0), ("head", "neck", 1), ("knee", "chest", 5), ("chest", "shoulder", 1), ("hand", "abdomen", 7)],
)
def test_steps_follow_the_body(first: str, second: str, steps: int) -> None:
    assert steps_between(first, second) == steps_between(second, first) == steps


@pytest.mark.parametrize(
    ("whole", "part"),
    [
        (("head",), ("brain",)),
        (("pelvis",), ("prostate",)),
        (("chest",), ("heart",)),
        (("abdomen",), ("lspine",)),
        (("fullspine",), ("tspine",)),
        (("knee",), ("patella",)),
        (("chest", "abdomen", "pelvis"), ("abdomen",)),
        (("chest",), ("phantom",)),
        ((), ("chest",)),
    ],
)
def test_what_contains_or_says_nothing_contradicts_nothing(whole: tuple[str, ...], part: tuple[str, ...]) -> None:
    assert parts_between(whole, part) == 0


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (("chest",), ("abdomen",), 1),
        (("cspine",), ("lspine",), 2),
        (("knee",), ("head", "chest"), 5),
        (("foot",), ("hand",), 14),
    ],
)
def test_disjoint_regions_lie_apart(first: tuple[str, ...], second: tuple[str, ...], apart: int) -> None:
    assert parts_between(first, second) == apart


def test_every_region_but_the_phantom_is_on_the_map() -> None:
    assert {
        region
        for region in REGIONS
        if not parts_between((region,), ("foot",)) and region not in ("foot", "toe", "calcaneus")
    } == {"phantom"}
