"""The region of the pixels against the declared one: the same, a part of it, beside it, elsewhere; and what is no body."""

from collections.abc import Callable

import pytest

from qc_models.checks.body_part import region
from qc_models.findings import Location
from tests.qc_models.checks.body_part.seen_evidence import seen_evidence, values

CHEST = {"chest": 0.875, "abdomen": 0.125, "pelvis": 0.0}


@pytest.mark.parametrize(
    ("declared", "contradiction", "neighbour"),
    [
        (("chest",), 0.125, 0.0),
        (("heart",), 0.125, 0.0),  # in the chest
        (("abdomen",), 0.125, 0.75),  # beside it
        (("abdomen", "pelvis"), 0.125, 0.75),
        (("pelvis",), 0.875, 0.125),  # of which the abdomen is near enough to show
        (("neck",), 0.125, None),  # which the model does not know, and the chest adjoins
    ],
)
def test_what_is_declared_and_not_shown(
    declared: tuple[str, ...], contradiction: float, neighbour: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = values(list(region.measure(seen_evidence(monkeypatch, {"region": [CHEST]}, declared))))
    expected = {"contradiction": contradiction} | ({} if neighbour is None else {"neighbour": neighbour})
    assert found == expected


@pytest.mark.parametrize("declared", [(), ("phantom",), ("knee",)])
def test_what_is_not_declared_or_not_known_is_not_missed(
    declared: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(region.measure(seen_evidence(monkeypatch, {"region": [CHEST]}, declared))) == []


def test_a_quarter_of_a_stack_shows_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [{"chest": 0.0, "abdomen": 0.0}] * 6 + [{"chest": 1.0, "abdomen": 0.0}] * 2
    evidence = seen_evidence(monkeypatch, {"region": frames}, ("chest",))
    (contradiction, _) = region.measure(evidence)
    assert contradiction.value == 0.0
    assert contradiction.location == Location("1.2", stack=0)


def test_sentences_and_place(monkeypatch: pytest.MonkeyPatch, sentences: Callable[..., tuple[str, ...]]) -> None:
    said = {"region": [CHEST], "scope": [{"inside": 0.25, "outside": 0.75}]}
    scope, contradiction, neighbour = region.measure(seen_evidence(monkeypatch, said, ("pelvis",)))
    assert (scope.metric, scope.value) == ("body_part.region.out_of_scope", 0.75)
    assert contradiction.location == Location("1.2", "1.2.0", 0, 0, stack=0)
    english, chinese, *_ = sentences(region, contradiction)
    assert "show ['chest'], and nothing of ['pelvis']" in english
    assert "0.88" in chinese
    assert all(sentences(region, neighbour) + sentences(region, scope))


def test_where_no_model_looked_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = seen_evidence(monkeypatch, {"region": [CHEST]}, ("pelvis",))
    blind = type(evidence)(evidence.study, evidence.stacks, evidence.stack_facts)
    assert list(region.measure(blind)) == []
