"""The view of the pixels against the named one."""

from collections.abc import Callable

import pytest

from qc_models.checks.body_part import view
from tests.qc_models.checks.body_part.seen_evidence import seen_evidence, values

SEEN = {"view": [{"AP": 0.125, "PA": 0.25, "LAT": 0.5, "OBL": 0.125}]}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("AP", {"contradiction": 0.5, "ap_pa": 0.25}),
        ("PA", {"contradiction": 0.5, "ap_pa": 0.125}),
        ("WATERS", {"contradiction": 0.5}),
        ("LAT", {"contradiction": 0.375}),
        ("SWIMMER", {"contradiction": 0.375}),
        ("OBL:L", {}),
        (None, {}),
    ],
)
def test_how_sure_the_named_view_is_another(
    named: str | None, expected: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert values(list(view.measure(seen_evidence(monkeypatch, SEEN, view=named)))) == expected


def test_two_views_on_one_film_are_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(view.measure(seen_evidence(monkeypatch, SEEN, view="AP", num_views=2))) == []


def test_sentences(monkeypatch: pytest.MonkeyPatch, sentences: Callable[..., tuple[str, ...]]) -> None:
    contradiction, ap_pa = view.measure(seen_evidence(monkeypatch, SEEN, view="AP"))
    assert "named AP, and the image shows a lateral view (probability 0.50)" in sentences(view, contradiction)[0]
    assert all(sentences(view, ap_pa))
