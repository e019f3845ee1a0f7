"""Turned pictures, and inverted ones."""

from collections.abc import Callable

import pytest

from qc_models.checks.body_part import rotation
from tests.qc_models.checks.body_part.seen_evidence import seen_evidence, values

SEEN = {
    "rotation": [{"0": 0.125, "90": 0.25, "180": 0.125, "270": 0.5}],
    "polarity": [{"normal": 0.75, "inverted": 0.25}],
}


def test_how_sure_it_is_turned_and_inverted(
    monkeypatch: pytest.MonkeyPatch, sentences: Callable[..., tuple[str, ...]]
) -> None:
    found = list(rotation.measure(seen_evidence(monkeypatch, SEEN)))
    assert values(found) == {"turned": 0.875, "inverted": 0.25}
    assert "turned by 270°" in sentences(rotation, found[0])[0]
    assert all(sentences(rotation, found[1]))


def test_a_model_of_other_things_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(rotation.measure(seen_evidence(monkeypatch, {"region": [{"chest": 1.0}]}))) == []
